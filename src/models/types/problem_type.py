"""The base of all problem types. Imports only NumPy.

Shapes: N rows, A training rows, T target columns, C classes, K outputs of the network, M models.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Answers that ignore the inputs, from the targets of the training rows (A, K), their weights (A,), the number of rows
# to answer for and a random generator.
CommonSense = Callable[[Array, Array, int, np.random.Generator], Array]
# Makes an unfitted estimator from a seed, the number of rows that it will learn from, and the length of the code.
Estimator = Callable[[int, int, int], Any]
# What a target column holds: one of several classes, a yes or no, or a number.
Target = Literal["class", "flag", "number"]
# What networks do of which a kind of input has ladders.
Networks = Literal["predict", "rebuild", "read_on", "likelihood"]
# The shallow models that suit a type.
Family = Literal["classifier", "regressor", "likelihood", "generator"]


class TargetFacts(Protocol):
    """A target column whose problem type is to be guessed."""

    @property
    def name(self) -> str: ...

    @property
    def distinct(self) -> int:
        """Number of different values."""

    @property
    def rarest(self) -> int:
        """Rows with the rarest value."""

    @property
    def is_number(self) -> bool: ...

    @property
    def is_whole(self) -> bool:
        """Whether all values are whole numbers."""

    @property
    def is_flag(self) -> bool:
        """Whether all values say yes or no."""

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest value of a column of numbers."""


@dataclass(frozen=True, kw_only=True)
class ProblemType(ABC):
    """Everything the workflow asks of a problem type; no other module knows a type by its name.

    name: as problem files write it.
    words: what is predicted; without targets, what the model does with a row, after `verb`.
    returns: what a finished model returns.
    targets: how many target columns a problem has. target: what such a column holds. otherwise: the type to try where
    there is another number of them.
    measures: the names of the measures that suit, the automatic one first. reason: why it is that one.
    loss: the name of the head's loss. losses: others that the search may try.
    family: of the shallow models that each kind of input has.
    common_sense: models that learn nothing from the inputs, by their names.
    of_rows, shallow: without targets, the models of common sense and the shallow ones, by their names. They are
    estimators that are fitted to the inputs, with `sample_weight` if rows have weights, and whose `score_samples` gives
    the statistics of rows. trusted: the classes that fitted ones are made of, besides those of `src.saved.estimators`,
    by their full names. networks: what the networks of a kind of input do, see `src.kinds.kind.Kind`. has_code: whether
    a row has a code, whose length the problem says. of_networks: settings that all networks of this type have. options:
    further settings that the search tries in networks that have them, with their values. defaults: what holds of this
    type where a problem file does not say, instead of `params.yaml`. gradient_steps, fewest_epochs: see `Kind`; None:
    its own. smaller_rungs, curve_rows, shares: instead of `SMALLER_RUNGS` of `src.search.candidates`, `CURVE_ROWS` of
    `src.training.course` and `SHARES` of `src.judging.sample_sizes`, where a training takes long.
    figures: how the report shows the errors, a key of `src.report.outcomes.FIGURES`.
    adds: what the step evaluate does and stores besides, a key of `src.saved.additions.ADDITIONS`.
    largest_are_unlike: whether a row with a large first statistic is unlike the training rows; predictions have a
    p-value then.
    draws: whether a finished model draws new rows. generates: whether models are judged by the rows that they draw, and
    by nothing that they say of given ones.
    has_clusters: whether rows are dealt out into clusters, whose number the problem says. Finished networks then have
    centres, and held-out rows have clusters by models that learnt from halves of the training rows, too.
    referenced: the automatic measure where the problem names a reference column, and the reason; None: the same.
    searched_by, shallow_by: the measures that the search goes by, and that choose the shallow model; None: the measure
    of success does.
    has_positive: whether one of the classes counts as positive; it is the last one then. most_classes: how many classes
    there may be. lowest, highest: between which numbers the predictions lie.
    """

    name: str
    words: str
    verb: str = "predict"
    returns: str
    targets: Literal["none", "one", "several", "any"]
    target: Target | None = None
    otherwise: str = ""
    measures: tuple[str, ...]
    referenced: tuple[str, str] | None = None
    searched_by: str | None = None
    shallow_by: str | None = None
    reason: str
    loss: str
    losses: tuple[str, ...] = ()
    family: Family | None = None
    common_sense: Mapping[str, CommonSense] = field(default_factory=dict)
    of_rows: Mapping[str, Estimator] = field(default_factory=dict)
    shallow: Mapping[str, Estimator] = field(default_factory=dict)
    trusted: frozenset[str] = frozenset()
    networks: Networks = "predict"
    has_code: bool = False
    has_clusters: bool = False
    of_networks: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    gradient_steps: int | None = None
    fewest_epochs: int | None = None
    smaller_rungs: int | None = None
    curve_rows: int | None = None
    shares: tuple[float, ...] | None = None
    figures: str
    adds: str = "nothing"
    largest_are_unlike: bool = False
    draws: bool = False
    generates: bool = False
    has_positive: bool = False
    most_classes: int | None = None
    lowest: float = -math.inf
    highest: float = math.inf

    @property
    def single_label(self) -> bool:
        """Whether each row is of one class; folds are dealt out by class then."""
        return self.target == "class"

    @property
    def noun(self) -> str:
        """The noun for what distinguishes rows: their class, label or value."""
        return {"class": "class", "flag": "label", "number": "value", None: "row"}[self.target]

    @property
    def may_be_further(self) -> bool:
        """Whether a further target, which is a single column, may have this type."""
        return self.targets in ("one", "any")

    @property
    def reads_on(self) -> bool:
        """Whether a model says which character comes next, so that it can complete texts."""
        return self.networks == "read_on"

    @property
    def unbounded(self) -> bool:
        """Whether predictions may be any numbers; networks then learn standardized targets."""
        return self.target == "number" and math.isinf(self.lowest) and math.isinf(self.highest)

    @abstractmethod
    def outputs(self, classes: int, targets: int, code: int = 0) -> int:
        """The number of outputs of a network, given the numbers of classes and target columns and the code's length."""

    def perfect_predictions(self, y_NT: Array, outputs: int) -> Array:
        """The predictions of a perfect model, (N, K), for the encoded targets y_NT."""
        return y_NT

    def joined(self, columns: Sequence[Array]) -> Array:
        """The predictions (N, K) from one estimator per target column; each gives (N, C), or (N, 1) for numbers."""
        return np.column_stack([p_NC[:, -1] for p_NC in columns])

    def combined(self, p_MNK: Array) -> Array:
        """The answers (N, K) of several models together."""
        return np.asarray(p_MNK.mean(axis=0))

    def choose_measure(self, class_shares: Mapping[str, float]) -> tuple[str, str]:
        """The automatic measure and the reason, given the share of the training rows that each class has."""
        return self.measures[0], self.reason

    @abstractmethod
    def columns(self, p_NK: Array, classes: Sequence[str], targets: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Predictions as named columns: texts as objects, flags as integers, masked where p_NK is NaN."""

    @abstractmethod
    def measured_columns(self, classes: Sequence[str], targets: Sequence[str]) -> list[str]:
        """Those of `columns` that the measures read, in the order of the outputs."""

    def guess(self, targets: Sequence[TargetFacts]) -> str | None:
        """Why these targets probably have this type; None if they do not. The first type with a reason wins."""
        return None

    def coded(self, bits: bool, active: int, clusters: int, mixture: bool) -> "ProblemType":
        """This type for codes of bits, or of numbers of which `active` are not 0, or for so many clusters.

        The type itself for any others. mixture: whether the codes of clusters come from a mixture.
        """
        return self

    def described(self, targets: int) -> str:
        """What is predicted, in words."""
        return self.words
