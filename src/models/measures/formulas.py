"""The formulas of measures: the statistics that predictions give rows, and the functions of these.

Shapes: as in `src.models.measures.measure`.
"""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.inputs.clusters import CLUSTER, HALVES
from src.models.samples import FRECHET_FLOOR, JUDGED, KERNEL_FLOOR, SIDES, discrepancy, frechet

Array = NDArray[np.float64]
# Less than this share of all pairs is rounding.
SAME_PAIRS = 1e-12


def _of_sums(function: Callable[[Array, float], Array]) -> Callable[[Array, Array], Array]:
    """A measure as a function of the statistics' weighted sums, (M, S), and of the sum of the weights.

    No bit of a member's sums depends on the other members.
    """

    @wraps(function)
    def measure(s_MNS: Array, w_N: Array) -> Array:
        return function((s_MNS * w_N[:, None]).sum(axis=1), w_N.sum())

    return measure


def one_by_one(measure: Callable[[Array, Array], float]) -> Callable[[Array, Array], Array]:
    """A measure of many members from that of one."""

    @wraps(measure)
    def measure_each(s_MNS: Array, w_N: Array) -> Array:
        return np.array([measure(s_NS, w_N) for s_NS in s_MNS])

    return measure_each


@_of_sums
def mean(sum_MS: Array, weight: float) -> Array:
    return sum_MS[:, 0] / weight


@_of_sums
def root_mean(sum_MS: Array, weight: float) -> Array:
    return np.sqrt(sum_MS / weight).mean(axis=1)


@_of_sums
def pooled_f1(sum_MS: Array, weight: float) -> Array:
    return _f1_from(*sum_MS.reshape(len(sum_MS), 3, -1).sum(axis=2).T)


@_of_sums
def ratio(sum_MS: Array, weight: float) -> Array:
    return sum_MS[:, 0] / np.where(sum_MS[:, 1] == 0, 1, sum_MS[:, 1])


@_of_sums
def perplexity(sum_MS: Array, weight: float) -> Array:
    return np.exp2(sum_MS[:, 0] / np.where(sum_MS[:, 1] == 0, 1, sum_MS[:, 1]))


def _f1_from(hits: Array, actual: Array, predicted: Array) -> Array:
    """F1 from the weights of the true positives, the positives and the predicted positives; 0 without any."""
    total = actual + predicted
    return np.divide(2 * hits, total, out=np.zeros_like(total), where=total > 0)


def _labels(p_NK: Array) -> NDArray[np.intp]:
    """The predicted class index: the likeliest class; for binary, the positive one from a probability of 0.5 on."""
    return (p_NK[..., 0] >= 0.5).astype(np.intp) if p_NK.shape[-1] == 1 else p_NK.argmax(axis=-1)


def groups(y_NT: Array, p_MNK: Array) -> Array:
    """The group that the reference names, and the cluster."""
    return pairs(y_NT, p_MNK[..., CLUSTER : CLUSTER + 1])


def right(y_NT: Array, p_MNK: Array) -> Array:
    """Whether the class is right."""
    return (_labels(p_MNK) == y_NT[:, 0])[..., None].astype(np.float64)


def classes(y_NT: Array, p_MNK: Array) -> Array:
    """The actual and the predicted class or, with several target columns, labels."""
    if y_NT.shape[1] > 1:
        return pairs(y_NT, p_MNK >= 0.5)
    return pairs(y_NT, _labels(p_MNK)[..., None])


def pairs(y_NT: Array, p_MNK: NDArray[Any]) -> Array:
    """Targets and predictions side by side, (M, N, T + K)."""
    y_MNT = np.broadcast_to(y_NT, (len(p_MNK), *y_NT.shape))
    return np.concatenate([y_MNT, p_MNK], axis=2)


def hits(y_NT: Array, p_MNK: Array) -> Array:
    """Whether each label is a true positive, is present, and is predicted, (M, N, 3K)."""
    actual_NT, predicted_MNK = y_NT == 1, p_MNK >= 0.5
    actual_MNT = np.broadcast_to(actual_NT, predicted_MNK.shape)
    return np.concatenate([actual_NT & predicted_MNK, actual_MNT, predicted_MNK], axis=2, dtype=np.float64)


def share_of_labels(y_NT: Array, p_MNK: Array) -> Array:
    return ((p_MNK >= 0.5) == (y_NT == 1)).mean(axis=2, keepdims=True)


def all_right(y_NT: Array, p_MNK: Array) -> Array:
    return ((p_MNK >= 0.5) == (y_NT == 1)).all(axis=2, keepdims=True).astype(np.float64)


def surprise(y_NT: Array, p_MNK: Array) -> Array:
    p_MN2 = np.concatenate([1 - p_MNK, p_MNK], axis=2) if p_MNK.shape[2] == 1 else p_MNK
    of_actual_MN1 = np.take_along_axis(p_MN2, y_NT[None].astype(np.intp), axis=2)
    return -np.log(np.clip(of_actual_MN1, np.finfo(np.float64).eps, 1.0))


def absolute_error(y_NT: Array, p_MNK: Array) -> Array:
    return np.abs(y_NT - p_MNK).mean(axis=2, keepdims=True)


def squared_error(y_NT: Array, p_MNK: Array) -> Array:
    return ((y_NT - p_MNK) ** 2).mean(axis=2, keepdims=True)


def squared_errors(y_NT: Array, p_MNK: Array) -> Array:
    """The squared error of each target column."""
    return (y_NT - p_MNK) ** 2


@one_by_one
def balanced_accuracy(s_NS: Array, w_N: Array) -> float:
    actual_N, predicted_N = s_NS.T
    right_N = actual_N == predicted_N
    classes = [in_class_N for c in np.unique(actual_N) if w_N[in_class_N := actual_N == c].sum() > 0]
    return float(np.mean([np.average(right_N[in_class_N], weights=w_N[in_class_N]) for in_class_N in classes]))


@one_by_one
def macro_f1(s_NS: Array, w_N: Array) -> float:
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


@one_by_one
def roc_auc(s_NS: Array, w_N: Array) -> float:
    """The trapezoids under the true positives over the false positives; one half if a class has no row."""
    y_N, p_N = s_NS.T
    hits_S, rows_S = _found_from_top(y_N, p_N, w_N)
    misses_S = rows_S - hits_S
    if hits_S[-1] <= 0 or misses_S[-1] <= 0:
        return 0.5
    area_S = np.diff(misses_S, prepend=0.0) * (hits_S - np.diff(hits_S, prepend=0.0) / 2)
    return min(float(area_S.sum() / (hits_S[-1] * misses_S[-1])), 1.0)  # rounding may exceed 1


@one_by_one
def average_precision(s_NS: Array, w_N: Array) -> float:
    """The mean area under the precision-recall curve over the columns with a positive row."""
    scores = []
    for y_N, p_N in zip(*np.split(s_NS.T, 2), strict=True):
        hits_S, rows_S = _found_from_top(y_N, p_N, w_N)
        if hits_S[-1] > 0:
            scores.append(min((np.diff(hits_S, prepend=0.0) * hits_S / rows_S).sum() / hits_S[-1], 1.0))
    return float(np.mean(scores)) if scores else 0.0


@one_by_one
def adjusted_rand(s_NS: Array, w_N: Array) -> float:
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


def of_halves(s_MNS: Array, w_N: Array) -> Array:
    """The same of the clusters by two models that learnt from halves of the training rows."""
    half_MN2 = s_MNS[..., HALVES]
    return adjusted_rand(np.where(half_MN2 > 0, half_MN2 - 1, np.nan), w_N)


def _pairs_within(group_N: NDArray[np.intp], w_N: Array) -> float:
    """The weight of all pairs of rows of one group."""
    _, place_N = np.unique(group_N, return_inverse=True)
    return float((np.bincount(place_N, w_N) ** 2 - np.bincount(place_N, w_N**2)).sum() / 2)


@one_by_one
def r2(s_NS: Array, w_N: Array) -> float:
    y_NT, p_NK = np.split(s_NS, 2, axis=1)
    mean_T = np.average(y_NT, axis=0, weights=w_N)
    residual_T = np.average((y_NT - p_NK) ** 2, axis=0, weights=w_N)
    spread_T = np.average((y_NT - mean_T) ** 2, axis=0, weights=w_N)
    varies = spread_T > 0
    return float(np.mean(1 - residual_T[varies] / spread_T[varies])) if varies.any() else 0.0


@one_by_one
def frechet_distance(s_NS: Array, w_N: Array) -> float:
    """That between features of held-out and of drawn rows, as a multiple of its floor; NaN if a sample is no number.

    Source: Dowson and Landau 1982, "The Fréchet distance between multivariate normal distributions"; with features of a
    network: Heusel et al. 2017, "GANs trained by a two time-scale update rule converge to a local Nash equilibrium".
    """
    return _of_floor(s_NS, w_N, FRECHET_FLOOR, frechet)


@one_by_one
def kernel_distance(s_NS: Array, w_N: Array) -> float:
    """The squared maximum mean discrepancy by a cubic kernel, as a multiple of its floor.

    Equal pairs count, so that it is never negative and has a floor. Sources: Gretton et al. 2012, "A kernel two-sample
    test"; the kernel: Bińkowski et al. 2018, "Demystifying MMD GANs".
    """
    return _of_floor(s_NS, w_N, KERNEL_FLOOR, discrepancy)


def _of_floor(s_NS: Array, w_N: Array, floor: int, distance: Callable[[Array, Array, Array, Array], float]) -> float:
    judged_N = (s_NS[:, JUDGED] > 0) & (w_N > 0)
    real_NF, drawn_NF = np.split(s_NS[judged_N, SIDES:], 2, axis=1)
    if not len(real_NF) or not np.isfinite(drawn_NF).all():
        return float("nan")
    w_N = w_N[judged_N]
    return distance(real_NF, drawn_NF, w_N, w_N) / float(np.average(s_NS[judged_N, floor], weights=w_N))
