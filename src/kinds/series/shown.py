"""How the report shows a row of a series: by the moment that is forecast."""

from collections.abc import Sequence

import pandas as pd

from src.tables.table import Feature


def shown(rows: pd.DataFrame, features: Sequence[Feature]) -> "pd.Series[str]":
    window = features[0].window
    assert window is not None
    moments = rows[window.time]
    if pd.api.types.is_datetime64_any_dtype(moments):
        return moments.dt.strftime("%Y-%m-%d %H:%M").str.removesuffix(" 00:00")
    return moments.map(lambda value: f"{value:.10g}").astype("str")
