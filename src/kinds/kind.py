"""What the workflow asks of a kind of input, and the table of all kinds.

Which kind a problem is of follows from its columns. The steps and the trainers ask the `Kind` and never for its name.
The data checks of a kind are in `src.kinds.checks`, so that training does not depend on them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from src.columns import FeatureKind
from src.kinds.tabular.ladder import ladder as tabular_ladder
from src.kinds.tabular.shallow import SHALLOW as TABULAR_SHALLOW
from src.kinds.tabular.vectorizer import TabularVectorizer
from src.kinds.text.encoding import encode as text_encode
from src.kinds.text.ladder import ladder as text_ladder
from src.kinds.text.shallow import SHALLOW as TEXT_SHALLOW
from src.kinds.text.shown import shown as text_shown
from src.kinds.text.vectorizer import TextVectorizer
from src.problem import OverfitLadder, PrepareSettings, ProblemType, Training
from src.results import Choice
from src.tables import Feature


def _as_they_are(
    train: pd.DataFrame, features: list[Feature], settings: PrepareSettings
) -> tuple[list[Feature], list[Choice]]:
    return features, []


@dataclass(frozen=True)
class Kind:
    """What the workflow asks of a kind of input.

    columns: the kinds of column that make a problem one of this kind.
    vectorizer: `fit` learns from the training rows of a fold, `transform` makes rows into inputs (N, D).
    shallow: the shallow models of each problem type, made from a seed, with scikit-learn's interface.
    ladder: the configurations of networks in order of capacity.
    epochs: the most epochs of a training where the problem does not say.
    penalties: what the search's L1 and L2 penalties are multiplied by.
    shown: what the report shows of a row that was predicted wrongly; None: nothing.
    encode: settles how columns become numbers, by the training rows; the features, and the choices made.
    """

    columns: frozenset[FeatureKind]
    vectorizer: type[TabularVectorizer] | type[TextVectorizer]
    shallow: Mapping[ProblemType, Mapping[str, Callable[[int], Any]]]
    ladder: Callable[[Sequence[Feature], OverfitLadder, Training], list[dict[str, Any]]]
    epochs: int
    penalties: float
    shown: Callable[[pd.DataFrame, Sequence[Feature]], pd.Series] | None = None
    encode: Callable[[pd.DataFrame, list[Feature], PrepareSettings], tuple[list[Feature], list[Choice]]] = _as_they_are


# A problem is of the first kind that one of its columns makes it; numbers and categories may stand beside others.
KINDS: dict[str, Kind] = {
    "text": Kind(
        columns=frozenset({"text"}),
        vectorizer=TextVectorizer,
        shallow=TEXT_SHALLOW,
        ladder=text_ladder,
        epochs=20,
        # A row has hundreds of the columns: what is right for standardized inputs leaves too little of their weights.
        penalties=0.1,
        shown=text_shown,
        encode=text_encode,
    ),
    "tabular": Kind(
        columns=frozenset({"numeric", "categorical", "boolean", "date"}),
        vectorizer=TabularVectorizer,
        shallow=TABULAR_SHALLOW,
        ladder=tabular_ladder,
        epochs=200,
        penalties=1.0,
    ),
}


def kind_of(features: Sequence[Feature]) -> Kind:
    """The kind of a problem with these columns to learn from."""
    return next(kind for kind in KINDS.values() if any(feature.kind in kind.columns for feature in features))
