"""A row of texts as a person sees it in the report."""

from collections.abc import Sequence

import pandas as pd

from src.tables import Feature

LONGEST = 300


def shown(frame: pd.DataFrame, features: Sequence[Feature]) -> "pd.Series[str]":
    """The beginning of each row's texts, white space run together."""
    texts = [frame[feature.name].fillna("") for feature in features if feature.kind == "text"]
    joined = texts[0].str.cat(texts[1:], sep=" / ") if len(texts) > 1 else texts[0]
    return joined.str.slice(0, 4 * LONGEST).str.split().str.join(" ").str.slice(0, LONGEST)
