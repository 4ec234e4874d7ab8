"""The kinds of input: what is different about learning from a table, from texts, ... lies in one folder each.

Which kind a problem is of follows from its columns. The steps and the trainers ask the `Kind` and never for its name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from src.columns import FeatureKind
from src.kinds.tabular.ladder import ladder as tabular_ladder
from src.kinds.tabular.shallow import SHALLOW as TABULAR_SHALLOW
from src.kinds.tabular.vectorizer import TabularVectorizer
from src.problem import OverfitLadder, ProblemType, Training
from src.tables import Feature

# What a saved model may hold.
Vectorizer = TabularVectorizer


@dataclass(frozen=True)
class Kind:
    """What the workflow asks of a kind of input.

    columns: the kinds of column that make a problem one of this kind.
    vectorizer: `fit` learns from the training rows of a fold, `transform` makes rows into inputs (N, D).
    shallow: the shallow models of each problem type, made from a seed, with scikit-learn's interface.
    ladder: the configurations of networks in order of capacity.
    """

    columns: frozenset[FeatureKind]
    vectorizer: type[Vectorizer]
    shallow: Mapping[ProblemType, Mapping[str, Callable[[int], Any]]]
    ladder: Callable[[OverfitLadder, Training], list[dict[str, Any]]]


KINDS: dict[str, Kind] = {
    "tabular": Kind(
        columns=frozenset({"numeric", "categorical", "boolean", "date"}),
        vectorizer=TabularVectorizer,
        shallow=TABULAR_SHALLOW,
        ladder=tabular_ladder,
    ),
}


def kind_of(features: Sequence[Feature]) -> Kind:
    """The kind of a problem with these columns to learn from."""
    return next(kind for kind in KINDS.values() if any(feature.kind in kind.columns for feature in features))
