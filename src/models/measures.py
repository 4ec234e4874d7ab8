"""Measures of success: their definitions and directions. A `ProblemType` names those that suit it.

Book: "The universal workflow of machine learning", choosing a measure of success.

Each row has statistics. A measure is a function of their weighted sums or, if it compares rows with each other, of the
statistics of all rows. Comparing predictions with targets is one source of statistics.

Shapes: N rows, T target columns, K outputs (K = 1 for binary, the number of classes or labels or targets otherwise),
S statistics of a row, M members, whose answers for the same rows are measured at once.
`y_NT` holds 0/1 for binary and multilabel, the class index for multiclass, values for regression;
`p_NK` holds probabilities, or predicted values for regression; `w_N` sample weights.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from src.inputs.clusters import CLUSTER, HALVES
from src.models.samples import frechet_distance, kernel_distance

Array = NDArray[np.float64]
Value = TypeVar("Value", float, Array)
# Less than this share of all pairs is rounding.
SAME_PAIRS = 1e-12
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


def _of_sums(function: Callable[[Array, float], Array]) -> Callable[[Array, Array], Array]:
    """A measure as a function of the statistics' weighted sums, (M, S), and of the sum of the weights.

    No bit of a member's sums depends on the other members.
    """

    @wraps(function)
    def measure(s_MNS: Array, w_N: Array) -> Array:
        return function((s_MNS * w_N[:, None]).sum(axis=1), w_N.sum())

    return measure


def _one_by_one(measure: Callable[[Array, Array], float]) -> Callable[[Array, Array], Array]:
    """A measure of many members from that of one."""

    @wraps(measure)
    def measure_each(s_MNS: Array, w_N: Array) -> Array:
        return np.array([measure(s_NS, w_N) for s_NS in s_MNS])

    return measure_each


@_of_sums
def _mean(sum_MS: Array, weight: float) -> Array:
    return sum_MS[:, 0] / weight


@_of_sums
def _root_mean(sum_MS: Array, weight: float) -> Array:
    return np.sqrt(sum_MS / weight).mean(axis=1)


@_of_sums
def _pooled_f1(sum_MS: Array, weight: float) -> Array:
    return _f1_from(*sum_MS.reshape(len(sum_MS), 3, -1).sum(axis=2).T)


@_of_sums
def _ratio(sum_MS: Array, weight: float) -> Array:
    return sum_MS[:, 0] / np.where(sum_MS[:, 1] == 0, 1, sum_MS[:, 1])


@_of_sums
def _perplexity(sum_MS: Array, weight: float) -> Array:
    return np.exp2(sum_MS[:, 0] / np.where(sum_MS[:, 1] == 0, 1, sum_MS[:, 1]))


def _f1_from(hits: Array, actual: Array, predicted: Array) -> Array:
    """F1 from the weights of the true positives, the positives and the predicted positives; 0 without any."""
    total = actual + predicted
    return np.divide(2 * hits, total, out=np.zeros_like(total), where=total > 0)


def _labels(p_NK: Array) -> NDArray[np.intp]:
    """The predicted class index: the likeliest class; for binary, the positive one from a probability of 0.5 on."""
    return (p_NK[..., 0] >= 0.5).astype(np.intp) if p_NK.shape[-1] == 1 else p_NK.argmax(axis=-1)


def _groups(y_NT: Array, p_MNK: Array) -> Array:
    """The group that the reference names, and the cluster."""
    return _pairs(y_NT, p_MNK[..., CLUSTER : CLUSTER + 1])


def _right(y_NT: Array, p_MNK: Array) -> Array:
    """Whether the class is right."""
    return (_labels(p_MNK) == y_NT[:, 0])[..., None].astype(np.float64)


def _classes(y_NT: Array, p_MNK: Array) -> Array:
    """The actual and the predicted class or, with several target columns, labels."""
    if y_NT.shape[1] > 1:
        return _pairs(y_NT, p_MNK >= 0.5)
    return _pairs(y_NT, _labels(p_MNK)[..., None])


def _pairs(y_NT: Array, p_MNK: NDArray[Any]) -> Array:
    """Targets and predictions side by side, (M, N, T + K)."""
    y_MNT = np.broadcast_to(y_NT, (len(p_MNK), *y_NT.shape))
    return np.concatenate([y_MNT, p_MNK], axis=2)


def _hits(y_NT: Array, p_MNK: Array) -> Array:
    """Whether each label is a true positive, is present, and is predicted, (M, N, 3K)."""
    actual_NT, predicted_MNK = y_NT == 1, p_MNK >= 0.5
    actual_MNT = np.broadcast_to(actual_NT, predicted_MNK.shape)
    return np.concatenate([actual_NT & predicted_MNK, actual_MNT, predicted_MNK], axis=2, dtype=np.float64)


def _share_of_labels(y_NT: Array, p_MNK: Array) -> Array:
    return ((p_MNK >= 0.5) == (y_NT == 1)).mean(axis=2, keepdims=True)


def _all_right(y_NT: Array, p_MNK: Array) -> Array:
    return ((p_MNK >= 0.5) == (y_NT == 1)).all(axis=2, keepdims=True).astype(np.float64)


def _surprise(y_NT: Array, p_MNK: Array) -> Array:
    p_MN2 = np.concatenate([1 - p_MNK, p_MNK], axis=2) if p_MNK.shape[2] == 1 else p_MNK
    of_actual_MN1 = np.take_along_axis(p_MN2, y_NT[None].astype(np.intp), axis=2)
    return -np.log(np.clip(of_actual_MN1, np.finfo(np.float64).eps, 1.0))


def _absolute_error(y_NT: Array, p_MNK: Array) -> Array:
    return np.abs(y_NT - p_MNK).mean(axis=2, keepdims=True)


def _squared_error(y_NT: Array, p_MNK: Array) -> Array:
    return ((y_NT - p_MNK) ** 2).mean(axis=2, keepdims=True)


def _squared_errors(y_NT: Array, p_MNK: Array) -> Array:
    """The squared error of each target column."""
    return (y_NT - p_MNK) ** 2


@_one_by_one
def _balanced_accuracy(s_NS: Array, w_N: Array) -> float:
    actual_N, predicted_N = s_NS.T
    right_N = actual_N == predicted_N
    classes = [in_class_N for c in np.unique(actual_N) if w_N[in_class_N := actual_N == c].sum() > 0]
    return float(np.mean([np.average(right_N[in_class_N], weights=w_N[in_class_N]) for in_class_N in classes]))


@_one_by_one
def _macro_f1(s_NS: Array, w_N: Array) -> float:
    actual_NT, predicted_NT = np.split(s_NS, 2, axis=1)
    if actual_NT.shape[1] > 1:
        of_class = [
            (actual_N == 1, predicted_N == 1) for actual_N, predicted_N in zip(actual_NT.T, predicted_NT.T, strict=True)
        ]
    else:
        of_class = [(actual_NT[:, 0] == c, predicted_NT[:, 0] == c) for c in np.unique(s_NS)]
    counts = [[w_N[rows].sum() for rows in (actual & predicted, actual, predicted)] for actual, predicted in of_class]
    return float(_f1_from(*np.array(counts).T).mean())


def _found_from_top(y_N: Array, p_N: Array, w_N: Array) -> tuple[Array, Array]:
    """The weight of the positives, and of all rows, down to each of S different probabilities, the highest first.

    scikit-learn's curves equal these but take up to fifty times as long, and a search computes them after every epoch.
    """
    p_N = np.nan_to_num(p_N, nan=-1.0)  # a diverged network gives NaN for every row, so all rows are equal
    order_N = np.argsort(p_N)[::-1]
    last_S = np.append(np.flatnonzero(np.diff(p_N[order_N])), len(p_N) - 1)
    return (w_N * y_N)[order_N].cumsum()[last_S], w_N[order_N].cumsum()[last_S]


@_one_by_one
def _roc_auc(s_NS: Array, w_N: Array) -> float:
    """The trapezoids under the true positives over the false positives; one half if a class has no row."""
    y_N, p_N = s_NS.T
    hits_S, rows_S = _found_from_top(y_N, p_N, w_N)
    misses_S = rows_S - hits_S
    if hits_S[-1] <= 0 or misses_S[-1] <= 0:
        return 0.5
    area_S = np.diff(misses_S, prepend=0.0) * (hits_S - np.diff(hits_S, prepend=0.0) / 2)
    return min(float(area_S.sum() / (hits_S[-1] * misses_S[-1])), 1.0)  # rounding may exceed 1


@_one_by_one
def _average_precision(s_NS: Array, w_N: Array) -> float:
    """The mean area under the precision-recall curve over the columns with a positive row."""
    scores = []
    for y_N, p_N in zip(*np.split(s_NS.T, 2), strict=True):
        hits_S, rows_S = _found_from_top(y_N, p_N, w_N)
        if hits_S[-1] > 0:
            scores.append(min((np.diff(hits_S, prepend=0.0) * hits_S / rows_S).sum() / hits_S[-1], 1.0))
    return float(np.mean(scores)) if scores else 0.0


@_one_by_one
def _adjusted_rand(s_NS: Array, w_N: Array) -> float:
    """The share of pairs of rows that two groupings both keep together, beyond what chance gives, at most 1.

    A pair has the product of its rows' weights. Rows that a grouping has no group for (-1) do not count. Where one of
    the groupings has a single group, it tells nothing, and the value is 0, even if so has the other: scikit-learn
    gives 1 there. Sources: Hubert and Arabie 1985, "Comparing partitions"; the least value, -1/2: Chacón and Rastrojo
    2023, "Minimum adjusted Rand index for two clusterings of a given size".
    """
    if np.isnan(s_NS).any():
        return math.nan
    counted_N = (s_NS >= 0).all(axis=1)
    (one, other), w_N = s_NS[counted_N].T.astype(np.intp), w_N[counted_N]
    both = one * (other.max(initial=0) + 1) + other
    together, of_one, of_other = (_pairs_within(group_N, w_N) for group_N in (both, one, other))
    every = _pairs_within(np.zeros_like(one), w_N)
    chance = of_one * of_other / every if every else 0.0
    most = (of_one + of_other) / 2 - chance
    return min(float((together - chance) / most), 1.0) if most > SAME_PAIRS * every else 0.0


def _of_halves(s_MNS: Array, w_N: Array) -> Array:
    """The same of the clusters by two models that learnt from halves of the training rows."""
    half_MN2 = s_MNS[..., HALVES]
    return _adjusted_rand(np.where(half_MN2 > 0, half_MN2 - 1, np.nan), w_N)


def _pairs_within(group_N: NDArray[np.intp], w_N: Array) -> float:
    """The weight of all pairs of rows of one group."""
    _, place_N = np.unique(group_N, return_inverse=True)
    return float((np.bincount(place_N, w_N) ** 2 - np.bincount(place_N, w_N**2)).sum() / 2)


@_one_by_one
def _r2(s_NS: Array, w_N: Array) -> float:
    y_NT, p_NK = np.split(s_NS, 2, axis=1)
    mean_T = np.average(y_NT, axis=0, weights=w_N)
    residual_T = np.average((y_NT - p_NK) ** 2, axis=0, weights=w_N)
    spread_T = np.average((y_NT - mean_T) ** 2, axis=0, weights=w_N)
    varies = spread_T > 0
    return float(np.mean(1 - residual_T[varies] / spread_T[varies])) if varies.any() else 0.0


@_one_by_one
def _frechet_distance(s_NS: Array, w_N: Array) -> float:
    return frechet_distance(s_NS, w_N)


@_one_by_one
def _kernel_distance(s_NS: Array, w_N: Array) -> float:
    return kernel_distance(s_NS, w_N)


TABLE: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "accuracy",
            "accuracy",
            "the share of rows whose class is predicted right",
            "maximize",
            _mean,
            _right,
            counts_rows=True,
            form="share",
        ),
        Measure(
            "balanced_accuracy",
            "balanced accuracy",
            "the share of each class that is predicted right, averaged over the classes",
            "maximize",
            _balanced_accuracy,
            _classes,
            form="share",
        ),
        Measure(
            "f1",
            "F1 score",
            "the balance of finding the positive rows and raising no false alarms; 1 is perfect",
            "maximize",
            _pooled_f1,
            _hits,
        ),
        Measure(
            "roc_auc",
            "area under the ROC curve",
            "how often a positive row gets a higher probability than a negative one; 0.5 is guessing, 1 perfect",
            "maximize",
            _roc_auc,
            _pairs,
            ranks_rows=True,
        ),
        Measure(
            "average_precision",
            "average precision",
            "how pure the list of rows stays as more and more positives are found; 1 is perfect",
            "maximize",
            _average_precision,
            _pairs,
            ranks_rows=True,
        ),
        Measure(
            "log_loss",
            "log loss",
            "the surprise at the actual class, given the stated probabilities; 0 is perfect",
            "minimize",
            _mean,
            _surprise,
            highest=math.inf,
        ),
        Measure(
            "macro_f1",
            "macro F1 score",
            "the balance of finding rows and raising no false alarms, averaged over classes; 1 is perfect",
            "maximize",
            _macro_f1,
            _classes,
        ),
        Measure(
            "mean_average_precision",
            "mean average precision",
            "how pure each label’s list of rows stays as more are found, averaged; 1 is perfect",
            "maximize",
            _average_precision,
            _pairs,
            ranks_rows=True,
        ),
        Measure(
            "micro_f1",
            "micro F1 score",
            "the balance of finding labels and raising no false alarms, over all labels pooled; 1 is perfect",
            "maximize",
            _pooled_f1,
            _hits,
        ),
        Measure(
            "hamming_accuracy",
            "share of labels right",
            "the share of single labels that are predicted right",
            "maximize",
            _mean,
            _share_of_labels,
            form="share",
        ),
        Measure(
            "subset_accuracy",
            "share of rows all right",
            "the share of rows where every label is predicted right",
            "maximize",
            _mean,
            _all_right,
            counts_rows=True,
            form="share",
        ),
        Measure(
            "mae",
            "mean absolute error",
            "how far a prediction is off on average, in the target’s own unit",
            "minimize",
            _mean,
            _absolute_error,
            highest=math.inf,
            form="unit",
        ),
        Measure(
            "rmse",
            "root mean squared error",
            "how far a prediction is typically off, large errors weighing more",
            "minimize",
            _root_mean,
            _squared_errors,
            highest=math.inf,
            form="unit",
        ),
        Measure(
            "mse",
            "mean squared error",
            "the average squared distance between prediction and truth",
            "minimize",
            _mean,
            _squared_error,
            highest=math.inf,
            form="squared unit",
        ),
        Measure(
            "r2",
            "coefficient of determination R²",
            "the share of the target’s variation that is explained; 0 is predicting the mean",
            "maximize",
            _r2,
            _pairs,
            lowest=-math.inf,
        ),
        Measure(
            "reconstruction_mse",
            "reconstruction error",
            "the mean squared difference between the inputs of a row and what its code gives back; 0 is perfect",
            "minimize",
            _mean,
            None,
            highest=math.inf,
        ),
        Measure(
            "adjusted_rand",
            "adjusted Rand index",
            "how far pairs of rows of one group share a cluster, and others do not; 0 is chance, 1 is perfect",
            "maximize",
            _adjusted_rand,
            _groups,
            lowest=-0.5,
            by_fold=True,
            reads_reference=True,
        ),
        Measure(
            "agreement",
            "agreement of halves",
            "how far clusters learnt from one half of the rows are those learnt from the other; 0 is chance, 1 is all",
            "maximize",
            _of_halves,
            None,
            lowest=-0.5,
            by_fold=True,
        ),
        Measure(
            "bits_per_character",
            "bits per character",
            "how surprising the next character is on average, after those before it; 0 is knowing every one",
            "minimize",
            _ratio,
            None,
            highest=math.inf,
        ),
        Measure(
            "bits_per_dimension",
            "bits per dimension",
            "the surprise at a new row’s values, in bits for each; 0 is perfect",
            "minimize",
            _ratio,
            None,
            highest=math.inf,
        ),
        Measure(
            "frechet_distance",
            "Fréchet distance",
            "how far drawn rows lie from new ones, as a multiple of how far real rows do; 1 is as near as these",
            "minimize",
            _frechet_distance,
            None,
            highest=math.inf,
            by_fold=True,
        ),
        Measure(
            "kernel_distance",
            "kernel distance",
            "the same by a kernel, which also sees what means and covariances do not; 1 is as near as real rows",
            "minimize",
            _kernel_distance,
            None,
            highest=math.inf,
            by_fold=True,
        ),
        Measure(
            "perplexity",
            "perplexity",
            "among how many equally likely characters the next one is as hard to guess; 1 is knowing every one",
            "minimize",
            _perplexity,
            None,
            lowest=1.0,
            highest=math.inf,
        ),
    )
}
