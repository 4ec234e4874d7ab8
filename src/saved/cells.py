"""Rows of a table as the report shows them in cells."""

import numpy as np
import pandas as pd


def cells_of(rows: pd.DataFrame, digits: int = 6) -> list[list[str]]:
    """The values of each row as texts, numbers with so many digits; gaps are empty."""
    return [[_text(value, digits) for value in row] for row in rows.itertuples(index=False)]


def _text(value: object, digits: int) -> str:
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
