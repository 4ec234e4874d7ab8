"""Rows of a table as the report shows them in cells."""

import numpy as np
import pandas as pd


def cells_of(rows: pd.DataFrame) -> list[list[str]]:
    """The values of each row as texts; gaps are empty."""
    return [[_text(value) for value in row] for row in rows.itertuples(index=False)]


def _text(value: object) -> str:
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    return f"{value:g}" if isinstance(value, float) else str(value)
