"""The interface of a kind of input.

The data checks of a kind are in `src.kinds.checks`, so that training does not depend on them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.inputs.vectors import WordVectors
from src.kinds.shallow import ByFamily
from src.kinds.views import View
from src.models.types.problem_type import Estimator, Networks
from src.networks import Configuration
from src.problem.steps import PrepareSettings
from src.problem.training import OverfitLadder, Training
from src.results.verdicts import Choice
from src.tables.protocols import Split
from src.tables.table import Feature, Schema, Table


def _nothing(schema: Schema) -> dict[str, Callable[[Table, Split, int], NDArray[np.float64]]]:
    return {}


def _as_they_are(
    train: pd.DataFrame, features: list[Feature], settings: PrepareSettings
) -> tuple[list[Feature], list[Choice]]:
    return features, []


def _stored_as_they_are(frame: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    return frame


def _the_same(features: Sequence[Feature]) -> Sequence[Feature]:
    return features


def _alone(frame: pd.DataFrame, features: Sequence[Feature], row: int) -> int:
    return row


def _no_options(features: Sequence[Feature]) -> dict[str, Sequence[Any]]:
    return {}


def _random_start(vectorizer: object, vectors: WordVectors) -> dict[str, NDArray[np.float32]]:
    return {}


def _no_constants(vectorizer: object) -> dict[str, NDArray[np.float32]]:
    return {}


# The configurations of networks in order of capacity.
Ladder = Callable[[Sequence[Feature], OverfitLadder, Training], Sequence[Configuration]]


class Fits(Protocol):
    """Learns from the training rows of a fold how to vectorize rows."""

    def fit(self, frame: pd.DataFrame, features: Sequence[Feature]) -> Any: ...


@dataclass(frozen=True)
class Kind:
    """Everything the workflow asks of a kind of input.

    columns: the types of columns (`Feature.read_as`) that are inputs of this kind.
    apart: whether each such column is a separate input, instead of all together.
    vectorizer: `fit` learns from the training rows of a fold, `transform` turns rows into inputs (N, D).
    shallow: the shallow models of each family.
    ladders: by what networks do, configurations in order of capacity. larger: the settings that extend the ladder.
    of_rows: common sense without targets, by what networks do, as `ProblemType.of_rows`.
    flat: by what networks do, the view for estimators that suit any kind of input; without one they see all inputs.

    These hold unless the problem says otherwise. epochs: the most epochs of a training. gradient_steps: fewer epochs do
    if they make so many of them. fewest_epochs: the least that `gradient_steps` may reduce them to. largest_batch: the
    most rows of a gradient step. candidates: the number that the search tries.

    penalties: the factor of the search's L1 and L2 penalties.
    shallow_features: the columns as the shallow models see them.
    shown: what the report shows of a wrongly predicted row; None: nothing.
    rebuilt: how the report shows a row and what a model rebuilt of its inputs: the columns `shown` and `rebuilt`.
    restored: of such inputs (N, D) the columns of a row, by their names.
    encode: settles from the training rows how columns become numbers; returns the features and the choices made.
    store: the rows as prepared tables hold them; does once what is the same in every fold.
    read_after: of a row of a table, by its place, the first of the rows that it is read after; without one, itself.
    common_sense: models of common sense for such inputs, besides those for the targets.
    options: further settings that the search tries in networks that have them, with their values.
    judge: an unfitted judge of rows that models draw, see `src.models.judges`; None: nobody judges such rows.
    class_beside: whether the class that rows are drawn of comes beside their inputs, instead of being one of these.
    constants: what networks hold that is fitted with the vectorizer, by the names of their buffers.
    pretrains: whether its networks can learn from rows without a target first.
    start: initial weights of networks from word vectors, by their names; NaN for a random number.
    """

    columns: frozenset[str]
    vectorizer: Fits
    shallow: ByFamily
    ladders: Mapping[Networks, Ladder]
    epochs: int
    penalties: float
    apart: bool = False
    of_rows: Mapping[Networks, Mapping[str, Estimator]] = field(default_factory=dict)
    flat: Mapping[Networks, View] = field(default_factory=dict)
    pretrains: bool = False
    larger: str = "overfit.max_rungs"
    gradient_steps: int = 5_000
    fewest_epochs: int = 20
    largest_batch: int = 1024
    candidates: int = 48
    shallow_features: Callable[[Sequence[Feature]], Sequence[Feature]] = _the_same
    shown: Callable[[pd.DataFrame, Sequence[Feature]], pd.Series] | None = None
    rebuilt: Callable[[pd.DataFrame, Any, NDArray[np.float64]], pd.DataFrame] | None = None
    restored: Callable[[Any, NDArray[np.float64]], pd.DataFrame] | None = None
    encode: Callable[[pd.DataFrame, list[Feature], PrepareSettings], tuple[list[Feature], list[Choice]]] = _as_they_are
    store: Callable[[pd.DataFrame, Sequence[Feature]], pd.DataFrame] = _stored_as_they_are
    read_after: Callable[[pd.DataFrame, Sequence[Feature], int], int] = _alone
    common_sense: Callable[[Schema], dict[str, Callable[[Table, Split, int], NDArray[np.float64]]]] = _nothing
    options: Callable[[Sequence[Feature]], Mapping[str, Sequence[Any]]] = _no_options
    judge: Callable[[], Any] | None = None
    class_beside: bool = False
    constants: Callable[[Any], dict[str, NDArray[np.float32]]] = _no_constants
    start: Callable[[Any, WordVectors], dict[str, NDArray[np.float32]]] = _random_start
