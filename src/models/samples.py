"""Drawn rows beside real ones: the statistics of each held-out row, and the distances between sets of rows.

Shapes: N held-out rows, F features of a judge, R rows of any set, P rows of a pool, S statistics of a row.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The features that every judge gives.
FEATURES = 32
# The places of a row's statistics. Rows beyond the first thousands have no sample; all their statistics are 0.
#   JUDGED: 1 if the row has a sample. FLOORS: the distances between two sets of real rows of this size.
#   NEAR: how many samples lie nearest to this row, among it, the other held-out rows and the training rows.
#   EXPECTED, SPREAD: what NEAR is on average if training rows are no nearer than others, and the variance of its mean.
#   COVERED, COVERED_BY_REAL: whether a sample, or one of as many other real rows, lies among the row's neighbours.
#   TOLD, TOLD_OF_REAL: whether a classifier names the class of the row's sample, and of the row, if there are classes.
#   GUESSED: whether the sample is of the commonest class.
JUDGED, FRECHET_FLOOR, KERNEL_FLOOR, NEAR, EXPECTED, SPREAD, COVERED, COVERED_BY_REAL = range(8)
TOLD, TOLD_OF_REAL, GUESSED = range(8, 11)
SIDES = 11
STATISTICS = SIDES + 2 * FEATURES
# The neighbours of a row among the real ones (Naeem et al. 2020, section 5).
NEIGHBOURS = 5
# Rows whose distances to others are computed at once, which bounds the memory.
AT_ONCE = 512
# Squared distances that differ by less of their size are equal up to rounding; the least floor.
EQUAL, TINY = 1e-9, 1e-12


def frechet(a_RF: Array, b_RF: Array, w_R: Array, v_R: Array) -> float:
    """The squared Fréchet distance between normal distributions with the means and covariances of two sets."""
    (mean_F, a_FF), (other_F, b_FF) = _moments(a_RF, w_R), _moments(b_RF, v_R)
    values, vectors = np.linalg.eigh(a_FF)
    root_FF = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    common = np.sqrt(np.linalg.eigvalsh(root_FF @ b_FF @ root_FF).clip(min=0)).sum()
    squared = ((mean_F - other_F) ** 2).sum() + np.trace(a_FF) + np.trace(b_FF) - 2 * common
    return max(float(squared), 0.0)


def discrepancy(a_RF: Array, b_RF: Array, w_R: Array, v_R: Array) -> float:
    """The squared distance between the mean embeddings of two sets."""
    w_R, v_R = w_R / w_R.sum(), v_R / v_R.sum()
    alike, others = w_R @ _kernel(a_RF, a_RF) @ w_R, v_R @ _kernel(b_RF, b_RF) @ v_R
    return max(float(alike + others - 2 * w_R @ _kernel(a_RF, b_RF) @ v_R), 0.0)


def _moments(x_RF: Array, w_R: Array) -> tuple[Array, Array]:
    mean_F = np.average(x_RF, axis=0, weights=w_R)
    centred_RF = (x_RF - mean_F) * np.sqrt(w_R / w_R.sum())[:, None]
    return mean_F, centred_RF.T @ centred_RF


def _kernel(a_RF: Array, b_RF: Array) -> Array:
    kernel: Array = (a_RF @ b_RF.T / a_RF.shape[1] + 1) ** 3
    return kernel


def floors(pool_PF: Array, size: int, splits: int, seed: int) -> tuple[float, float]:
    """The mean Fréchet and kernel distances between two sets of `size` rows, over random splits of a pool of real rows.

    A pool of fewer than twice as many rows gives smaller sets; their distances are scaled, as they fall with 1/n.
    """
    rng, most = np.random.default_rng(seed), min(size, len(pool_PF) // 2)
    values = []
    for _ in range(splits):
        order_P = rng.permutation(len(pool_PF))
        parts = pool_PF[order_P[:most]], pool_PF[order_P[most : 2 * most]], np.ones(most), np.ones(most)
        values.append((frechet(*parts), discrepancy(*parts)))
    first, second = np.mean(values, axis=0) * most / size
    return float(max(first, TINY)), float(max(second, TINY))


def nearest(x_RD: Array, pool_PD: Array) -> Array:
    """How many of the rows lie nearest to each row of the pool, (P,). Rows that are equally near share it."""
    count_P = np.zeros(len(pool_PD))
    for squared_RP in _distances(x_RD, pool_PD):
        least_R1 = squared_RP.min(axis=1, keepdims=True)
        first_RP = squared_RP <= least_R1 + EQUAL * (1 + least_R1)
        count_P += (first_RP / first_RP.sum(axis=1, keepdims=True)).sum(axis=0)
    return count_P


def chance(count_P: Array, held_out: int) -> tuple[float, float]:
    """The mean of `count_P` over so many rows drawn at random from the pool, and the variance of that mean."""
    rest = len(count_P) - held_out
    return float(count_P.mean()), float(count_P.var(ddof=1) / held_out * rest / len(count_P))


def covered(real_NF: Array, drawn_RF: Array) -> Array:
    """Whether a drawn row lies no farther from each real one than its neighbours do, (N,) of 0 and 1.

    Source: Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models" (coverage).
    """
    neighbours = min(NEIGHBOURS, len(real_NF) - 1)
    flags = []
    parts = zip(_distances(real_NF, real_NF), _distances(real_NF, drawn_RF), strict=True)
    for among_RN, to_RR in parts:
        radius_R = np.partition(among_RN, neighbours, axis=1)[:, neighbours]  # the row itself is the nearest
        flags.append(to_RR.min(axis=1) <= radius_R)
    return np.concatenate(flags).astype(np.float64)


def _distances(a_RD: Array, b_PD: Array) -> Iterator[Array]:
    """The squared distances of some rows at a time to all rows of the other set."""
    squares_P = (b_PD**2).sum(axis=1)
    for start in range(0, len(a_RD), AT_ONCE):
        part_RD = a_RD[start : start + AT_ONCE]
        squared_RP = (part_RD**2).sum(axis=1, keepdims=True) + squares_P - 2 * part_RD @ b_PD.T
        yield squared_RP.clip(min=0)
