"""How the report shows a text."""

from collections.abc import Sequence

import pandas as pd

from src.tables.table import Feature

LONGEST = 300


def shown(frame: pd.DataFrame, features: Sequence[Feature]) -> "pd.Series[str]":
    """The beginning of each row's text, with white space collapsed."""
    [feature] = features
    return beginning(frame[feature.name])


def beginning(texts_N: "pd.Series[str]") -> "pd.Series[str]":
    return texts_N.fillna("").str.slice(0, 4 * LONGEST).str.split().str.join(" ").str.slice(0, LONGEST)
