"""A measure of success: its direction, its bounds, and how it is joined over folds.

Each row has statistics. A measure is a function of their weighted sums or, if it compares rows with each other, of the
statistics of all rows. Comparing predictions with targets is one source of statistics.

Shapes: N rows, T target columns, K outputs (K = 1 for binary, the number of classes or labels or targets otherwise),
S statistics of a row, M members, whose answers for the same rows are measured at once.
`y_NT` holds 0/1 for binary and multilabel, the class index for multiclass, values for regression;
`p_NK` holds probabilities, or predicted values for regression; `w_N` sample weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Value = TypeVar("Value", float, Array)
Direction = Literal["maximize", "minimize"]
# How values are printed: as a percentage, as a plain number, in the target's unit, or in its square.
Form = Literal["share", "number", "unit", "squared unit"]


@dataclass(frozen=True)
class Measure:
    """One measure, from `lowest` to `highest`: `values(s_MNS, w_N)` of the rows' statistics and weights, (M,).

    `of_predictions(y_NT, p_MNK)` gives the statistics of predictions against targets, (M, N, S). If it is None, a
    model's answers are the statistics, and nothing is predicted.
    `meaning`: an explanation for readers who do not know the measure.
    `counts_rows`: the value is a share of the rows. `ranks_rows`: it compares the predictions of different rows.
    `by_fold`: it is computed in each fold and averaged; see `joined`.
    `reads_reference`: what predictions are compared with is the problem's first reference column, see `Table.truth_NT`.
    """

    name: str
    title: str
    meaning: str
    direction: Direction
    values: Callable[[Array, Array], Array]
    of_predictions: Callable[[Array, Array], Array] | None
    lowest: float = 0.0
    highest: float = 1.0
    counts_rows: bool = False
    ranks_rows: bool = False
    by_fold: bool = False
    reads_reference: bool = False
    form: Form = "number"

    @property
    def predicts(self) -> bool:
        """Whether it compares predictions with targets."""
        return self.of_predictions is not None

    def statistics(self, y_NT: Array, p_MNK: Array) -> Array:
        """The statistics of every row, given each member's answers `p_MNK`, (M, N, S)."""
        return p_MNK if self.of_predictions is None else self.of_predictions(y_NT, p_MNK)

    def value(self, y_NT: Array, p_NK: Array, w_N: Array) -> float:
        """The measure of one model's answers for N rows."""
        return self.value_of(self.statistics(y_NT, p_NK[None])[0], w_N)

    def value_of(self, s_NS: Array, w_N: Array) -> float:
        """The measure of the statistics of N rows."""
        return float(self.values(s_NS[None], w_N)[0])

    def joined(self, folds: Sequence[tuple[Array, Array]]) -> float:
        """The measure of statistics and weights (s_NS, w_N) of folds, each from a different model.

        A measure of single rows, or of counts of rows, is computed on the rows of all folds together. The mean of F1
        over folds is biased, because it is undefined or unstable in a fold with few positives. A measure that ranks
        rows is computed in each fold and averaged. The scores of different models have different scales, so a rank
        across folds says nothing about any of them, and is too low if each model ranks well. Folds without a positive
        or without a negative row cannot be ranked and are left out. One bias remains: in a small fold even a random
        order has an average precision above the share of positives; `src.judging.evaluation.compare` allows for that.
        Sources:
        Forman and Scholz 2010, "Apples-to-apples in cross-validation studies", SIGKDD Explorations 12 (both); Parker,
        Günter and Bedo 2007, "Stratification bias in low signal microarray studies", BMC Bioinformatics 8, and Airola
        et al. 2011, "An experimental comparison of cross-validation techniques for estimating the area under the ROC
        curve", Computational Statistics & Data Analysis 55 (ranks).
        """
        if not (self.ranks_rows or self.by_fold):
            s_NS, w_N = (np.concatenate(parts) for parts in zip(*folds, strict=True))
            return self.value_of(s_NS, w_N)
        counted = [fold for fold in folds if self.by_fold or _tells_rows_apart(*fold)] or folds
        return float(np.mean([self.value_of(*fold) for fold in counted]))

    def in_each_fold(self) -> "Measure":
        """The same measure, always joined as the mean over the folds.

        All scores on the development folds are such means, because a training only measures its own fold.
        """
        return replace(self, by_fold=True)

    def better(self, a: float, b: float) -> bool:
        return a > b if self.direction == "maximize" else a < b

    def gain(self, a: Value, b: Value) -> Value:
        """How much better `a` is than `b`; positive is better whatever the direction."""
        return a - b if self.direction == "maximize" else b - a


def _tells_rows_apart(s_NS: Array, w_N: Array) -> bool:
    """Whether some target column has both positive and other rows; for the statistics of `_pairs`."""
    positive_NT = np.split(s_NS[w_N > 0], 2, axis=1)[0] > 0
    return bool((positive_NT.any(axis=0) & ~positive_NT.all(axis=0)).any())
