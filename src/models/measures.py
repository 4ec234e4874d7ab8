"""Measures of success: what each one is, which way is better, and the automatic choice.

Book: "The universal workflow of machine learning", choosing a measure of success.

Shapes: N rows, T target columns, K outputs (K = 1 for binary, the number of classes or labels or targets otherwise),
M members, whose predictions for the same rows are measured at once.
`y_NT` holds 0/1 for binary and multilabel, the class index for multiclass, values for regression;
`p_NK` holds probabilities, or predicted values for regression; `w_N` sample weights.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from src.problem.terms import MEASURES, ProblemType

Array = NDArray[np.float64]
Value = TypeVar("Value", float, Array)
Direction = Literal["maximize", "minimize"]
# How values are printed: as a percentage, as they are, in the target's unit, or in its square.
Form = Literal["share", "number", "unit", "squared unit"]

# Below this share of the rarest class, accuracy rewards a model that never finds it.
BALANCED_SHARE = 0.2


@dataclass(frozen=True)
class Measure:
    """One measure, from `lowest` to `highest`; `values(y_NT, p_MNK, w_N)` gives each member's, (M,).

    `counts_rows`: the value is a share of the rows. `ranks_rows`: it compares the predictions of different rows with
    one another, `by_fold`: it is taken in each fold by itself; see `joined`.
    """

    name: str
    title: str
    direction: Direction
    values: Callable[[Array, Array, Array], Array]
    lowest: float = 0.0
    highest: float = 1.0
    counts_rows: bool = False
    ranks_rows: bool = False
    by_fold: bool = False
    form: Form = "number"

    def value(self, y_NT: Array, p_NK: Array, w_N: Array) -> float:
        """The measure of one prediction for each of N rows."""
        return float(self.values(y_NT, p_NK[None], w_N)[0])

    def joined(self, folds: Sequence[tuple[Array, Array, Array]]) -> float:
        """The measure of predictions (y_NT, p_NK, w_N) that came from a different model in each fold.

        A measure of single rows, or of counts of rows, is taken on the rows of all folds together: the mean over folds
        of an F1 is biased, because it is undefined or unstable in a fold with few positives. A measure that ranks rows
        is taken in each fold and averaged: the scores of different models are on different scales, so a rank across
        folds says nothing of any one of them, and is too low where each model ranks well. Folds without a positive or
        without a negative row rank nothing and are left out. What remains: in a small fold even a random order has an
        average precision above the share of positives, which `src.judging.evaluation.compare` allows for.
        Sources: Forman and Scholz 2010, "Apples-to-apples in cross-validation studies", SIGKDD Explorations 12 (both);
        Parker, Günter and Bedo 2007, "Stratification bias in low signal microarray studies", BMC Bioinformatics 8, and
        Airola et al. 2011, "An experimental comparison of cross-validation techniques for estimating the area under
        the ROC curve", Computational Statistics & Data Analysis 55 (ranks).
        """
        if not (self.ranks_rows or self.by_fold):
            y_NT, p_NK, w_N = (np.concatenate(parts) for parts in zip(*folds, strict=True))
            return self.value(y_NT, p_NK, w_N)
        counted = [fold for fold in folds if self.by_fold or _tells_rows_apart(fold[0], fold[2])] or folds
        return float(np.mean([self.value(*fold) for fold in counted]))

    def in_each_fold(self) -> "Measure":
        """The same measure, always joined as the mean over the folds.

        So are all scores on the development folds: a training knows its own fold's measure at every epoch, and no more.
        """
        return replace(self, by_fold=True)

    def better(self, a: float, b: float) -> bool:
        return a > b if self.direction == "maximize" else a < b

    def gain(self, a: Value, b: Value) -> Value:
        """How much better `a` is than `b`; positive is better whatever the direction."""
        return a - b if self.direction == "maximize" else b - a


def _tells_rows_apart(y_NT: Array, w_N: Array) -> bool:
    """Whether some column has rows of both kinds."""
    positive_NT = y_NT[w_N > 0] > 0
    return bool((positive_NT.any(axis=0) & ~positive_NT.all(axis=0)).any())


def choose_measure(kind: ProblemType, class_shares: Mapping[str, float]) -> tuple[str, str]:
    """The automatic measure of a problem type and the stated reason.

    Balanced classes: accuracy. Imbalanced binary classes: average precision (area under the precision-recall
    curve); imbalanced multiclass: macro F1, where every class counts the same.
    """
    rarest = min(class_shares.values(), default=1.0)
    if kind == "binary" and rarest < BALANCED_SHARE:
        return "average_precision", f"the rarer class has {rarest:.1%} of the rows, under {BALANCED_SHARE:.0%}"
    if kind == "binary":
        return "accuracy", f"the classes are balanced: the rarer one has {rarest:.1%} of the rows"
    if kind == "multiclass" and rarest * len(class_shares) < BALANCED_SHARE:
        share = f"{rarest:.1%} of the rows, under a fifth of an equal share"
        return "macro_f1", f"the classes are imbalanced: the rarest has {share}"
    reasons = {
        "multiclass": "the classes are balanced enough that the share of right answers means something",
        "multilabel": "labels are ranked by their probability, as the book advises for multilabel problems",
        "regression": "the mean absolute error reads in the target's own unit",
        "unit_interval_regression": "the mean absolute error reads in the target's own unit",
    }
    return MEASURES[kind][0], reasons[kind]


def _one_by_one(measure: Callable[[Array, Array, Array], float]) -> Callable[[Array, Array, Array], Array]:
    """A measure of many members from that of one."""
    return lambda y_NT, p_MNK, w_N: np.array([measure(y_NT, p_NK, w_N) for p_NK in p_MNK])


def _mean(of_MN: NDArray[Any], w_N: Array) -> Array:
    """Over the rows; a member's is the same to the last bit whatever others are measured with it."""
    return (of_MN * w_N).sum(axis=1) / w_N.sum()


def _labels(p_NK: Array) -> NDArray[np.intp]:
    """Predicted class index: the likeliest one; for binary the positive one from a probability of one half."""
    return (p_NK[..., 0] >= 0.5).astype(np.intp) if p_NK.shape[-1] == 1 else p_NK.argmax(axis=-1)


def _accuracy(y_NT: Array, p_MNK: Array, w_N: Array) -> Array:
    return _mean(_labels(p_MNK) == y_NT[:, 0], w_N)


@_one_by_one
def _balanced_accuracy(y_NT: Array, p_NK: Array, w_N: Array) -> float:
    right = _labels(p_NK) == y_NT[:, 0]
    recalls = [np.average(right[of], weights=w_N[of]) for c in np.unique(y_NT) if w_N[of := y_NT[:, 0] == c].sum() > 0]
    return float(np.mean(recalls))


def _f1_of(actual: NDArray[np.bool_], predicted: NDArray[np.bool_], w_N: Array) -> float:
    hits = float(w_N[actual & predicted].sum())
    total = float(w_N[actual].sum() + w_N[predicted].sum())
    return 2 * hits / total if total > 0 else 0.0


@_one_by_one
def _f1(y_NT: Array, p_NK: Array, w_N: Array) -> float:
    return _f1_of(y_NT[:, 0] == 1, _labels(p_NK) == 1, w_N)


@_one_by_one
def _macro_f1(y_NT: Array, p_NK: Array, w_N: Array) -> float:
    if y_NT.shape[1] > 1:
        return float(np.mean([_f1_of(y_NT[:, k] == 1, p_NK[:, k] >= 0.5, w_N) for k in range(y_NT.shape[1])]))
    predicted = _labels(p_NK)
    classes = np.union1d(y_NT[:, 0], predicted)
    return float(np.mean([_f1_of(y_NT[:, 0] == c, predicted == c, w_N) for c in classes]))


@_one_by_one
def _micro_f1(y_NT: Array, p_NK: Array, w_N: Array) -> float:
    return _f1_of(y_NT.ravel() == 1, p_NK.ravel() >= 0.5, np.repeat(w_N, y_NT.shape[1]))


def _hamming_accuracy(y_NT: Array, p_MNK: Array, w_N: Array) -> Array:
    return _mean(((p_MNK >= 0.5) == (y_NT == 1)).mean(axis=2), w_N)


def _subset_accuracy(y_NT: Array, p_MNK: Array, w_N: Array) -> Array:
    return _mean(((p_MNK >= 0.5) == (y_NT == 1)).all(axis=2), w_N)


def _found_from_top(y_N: Array, p_N: Array, w_N: Array) -> tuple[Array, Array]:
    """Weight of the positives, and of all rows, down to each of S different probabilities, the highest first.

    scikit-learn's curves say the same up to fifty times slower, and a search takes these measures after every epoch.
    """
    p_N = np.nan_to_num(p_N, nan=-1.0)  # what a network answers that has diverged is all alike
    order_N = np.argsort(p_N)[::-1]
    last_S = np.append(np.flatnonzero(np.diff(p_N[order_N])), len(p_N) - 1)
    return (w_N * y_N)[order_N].cumsum()[last_S], w_N[order_N].cumsum()[last_S]


@_one_by_one
def _roc_auc(y_NT: Array, p_NK: Array, w_N: Array) -> float:
    """The trapezoids under the true positives over the false positives; one half where a class has no row."""
    hits_S, rows_S = _found_from_top(y_NT[:, 0], p_NK[:, 0], w_N)
    misses_S = rows_S - hits_S
    if hits_S[-1] <= 0 or misses_S[-1] <= 0:
        return 0.5
    area_S = np.diff(misses_S, prepend=0.0) * (hits_S - np.diff(hits_S, prepend=0.0) / 2)
    return min(float(area_S.sum() / (hits_S[-1] * misses_S[-1])), 1.0)  # rounding may lead past the end


@_one_by_one
def _average_precision(y_NT: Array, p_NK: Array, w_N: Array) -> float:
    """Mean over the columns of the area under the precision-recall curve; columns without a positive are left out."""
    scores = []
    for y_N, p_N in zip(y_NT.T, p_NK.T, strict=True):
        hits_S, rows_S = _found_from_top(y_N, p_N, w_N)
        if hits_S[-1] > 0:
            scores.append(min((np.diff(hits_S, prepend=0.0) * hits_S / rows_S).sum() / hits_S[-1], 1.0))
    return float(np.mean(scores)) if scores else 0.0


def _log_loss(y_NT: Array, p_MNK: Array, w_N: Array) -> Array:
    p_MN2 = np.concatenate([1 - p_MNK, p_MNK], axis=2) if p_MNK.shape[2] == 1 else p_MNK
    of_actual_MN = np.take_along_axis(p_MN2, y_NT[None].astype(np.intp), axis=2)[..., 0]
    return _mean(-np.log(np.clip(of_actual_MN, np.finfo(np.float64).eps, 1.0)), w_N)


def _mae(y_NT: Array, p_MNK: Array, w_N: Array) -> Array:
    return _mean(np.abs(y_NT - p_MNK).mean(axis=2), w_N)


def _mse(y_NT: Array, p_MNK: Array, w_N: Array) -> Array:
    return _mean(((y_NT - p_MNK) ** 2).mean(axis=2), w_N)


@_one_by_one
def _rmse(y_NT: Array, p_NK: Array, w_N: Array) -> float:
    return float(np.sqrt(np.average((y_NT - p_NK) ** 2, axis=0, weights=w_N)).mean())


@_one_by_one
def _r2(y_NT: Array, p_NK: Array, w_N: Array) -> float:
    mean_T = np.average(y_NT, axis=0, weights=w_N)
    residual_T = np.average((y_NT - p_NK) ** 2, axis=0, weights=w_N)
    spread_T = np.average((y_NT - mean_T) ** 2, axis=0, weights=w_N)
    varies = spread_T > 0
    return float(np.mean(1 - residual_T[varies] / spread_T[varies])) if varies.any() else 0.0


TABLE: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure("accuracy", "accuracy", "maximize", _accuracy, counts_rows=True, form="share"),
        Measure("balanced_accuracy", "balanced accuracy", "maximize", _balanced_accuracy, form="share"),
        Measure("f1", "F1 score", "maximize", _f1),
        Measure("roc_auc", "area under the ROC curve", "maximize", _roc_auc, ranks_rows=True),
        Measure("average_precision", "average precision", "maximize", _average_precision, ranks_rows=True),
        Measure("log_loss", "log loss", "minimize", _log_loss, highest=math.inf),
        Measure("macro_f1", "macro F1 score", "maximize", _macro_f1),
        Measure("mean_average_precision", "mean average precision", "maximize", _average_precision, ranks_rows=True),
        Measure("micro_f1", "micro F1 score", "maximize", _micro_f1),
        Measure("hamming_accuracy", "share of labels right", "maximize", _hamming_accuracy, form="share"),
        Measure(
            "subset_accuracy", "share of rows all right", "maximize", _subset_accuracy, counts_rows=True, form="share"
        ),
        Measure("mae", "mean absolute error", "minimize", _mae, highest=math.inf, form="unit"),
        Measure("rmse", "root mean squared error", "minimize", _rmse, highest=math.inf, form="unit"),
        Measure("mse", "mean squared error", "minimize", _mse, highest=math.inf, form="squared unit"),
        Measure("r2", "coefficient of determination R²", "maximize", _r2, lowest=-math.inf),
    )
}
