"""How the report shows a word: within its sentence."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from src.inputs.sentences import begins
from src.tables.table import Feature

# Words shown on either side.
AROUND = 12


def shown(frame: pd.DataFrame, features: Sequence[Feature]) -> "pd.Series[str]":
    """Each row's word in brackets, among its neighbours."""
    words = frame[features[0].name].fillna("").tolist()
    first_S = np.flatnonzero(begins(frame[features[0].sentence])).tolist()
    texts = []
    for start, end in zip(first_S, [*first_S[1:], len(words)], strict=True):
        for place in range(start, end):
            first, last = max(start, place - AROUND), min(end, place + AROUND + 1)
            before = [*(["…"] if first > start else []), *words[first:place]]
            after = [*words[place + 1 : last], *(["…"] if last < end else [])]
            texts.append(" ".join([*before, f"[{words[place]}]", *after]))
    return pd.Series(texts, index=frame.index, dtype="str")
