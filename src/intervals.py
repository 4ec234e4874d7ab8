"""How sure we are: intervals for a measure and the paired comparison of two models on the same folds.

Shapes: J fold scores (folds times repeats).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from src.results import Estimate

Array = NDArray[np.float64]
CONFIDENCE = 0.95


def corrected_variance(scores_J: Array, test_share: float) -> float:
    """Variance of the mean of resampled scores: (1/J + n_test/n_train) S², because training sets overlap.

    `test_share` is the held-out share of the rows. Source: Nadeau and Bengio 2003, "Inference for the generalization
    error", Machine Learning 52.
    """
    ratio = test_share / (1 - test_share)
    return float((1 / len(scores_J) + ratio) * scores_J.var(ddof=1))


def cross_validation_interval(scores_J: Array, test_share: float) -> Estimate:
    """Mean of the fold scores with the corrected resampled t interval; needs at least two scores."""
    from scipy.stats import t

    mean = float(scores_J.mean())
    half = float(t.ppf(0.5 + CONFIDENCE / 2, len(scores_J) - 1)) * corrected_variance(scores_J, test_share) ** 0.5
    return Estimate(value=mean, low=mean - half, high=mean + half)


def paired_p_value(gains_J: Array, test_share: float) -> float:
    """One-sided p-value of the corrected resampled t-test that the mean paired gain is above zero."""
    from scipy.stats import t

    variance = corrected_variance(gains_J, test_share)
    if variance == 0:
        return 0.0 if gains_J.mean() > 0 else 1.0
    return float(t.sf(gains_J.mean() / variance**0.5, len(gains_J) - 1))


def bootstrap(value: Callable[[NDArray[np.intp]], float], units_N: NDArray[np.intp], seed: int) -> Array:
    """Values of a statistic on resampled rows, sorted; whole units (groups of rows) are drawn with replacement.

    `value` maps row positions to the statistic; `units_N` numbers each row's unit (0 to the number of units - 1).
    The number of resamples is 2,000, fewer on large tables (where the interval is narrow anyway), at least 200.
    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
    """
    rng = np.random.default_rng(seed)
    resamples = int(np.clip(4e7 / len(units_N), 200, 2000))
    order = np.argsort(units_N, kind="stable")
    starts = np.searchsorted(units_N[order], np.arange(units_N.max() + 2))
    sizes = np.diff(starts)
    values = np.empty(resamples)
    for b in range(resamples):
        drawn = rng.integers(0, len(sizes), len(sizes))
        if len(sizes) == len(units_N):
            rows = order[drawn]
        else:
            rows = np.concatenate([order[starts[u] : starts[u + 1]] for u in drawn])
        values[b] = value(rows)
    return np.sort(values)


def percentile_interval(value: float, resampled: Array) -> Estimate:
    """A value with the percentile interval of its bootstrap distribution."""
    low, high = np.quantile(resampled, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return Estimate(value=value, low=float(low), high=float(high))


def unanimous_interval(value: float, units: int) -> Estimate:
    """The exact binomial interval of a share of 0 or 1 among so many independent units.

    Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits", Biometrika 26.
    """
    away = 1 - (0.5 - CONFIDENCE / 2) ** (1 / units)
    return Estimate(value=value, low=max(value - away, 0.0), high=min(value + away, 1.0))


def conformal_half_width(residuals_M: Array, units_M: NDArray[np.intp]) -> float | None:
    """Half the width of the interval around a new prediction that holds its actual value with `CONFIDENCE`.

    residuals_M: absolute errors on rows that the model at hand had not learnt from; units_M: the row (or group of
    rows) that each belongs to, which counts once however many errors it has. None where there are too few of them.
    The errors are those of models fitted to the folds, the interval is put around the model fitted to all rows. For
    one hold-out split of exchangeable rows the coverage is at least the confidence; for K folds it is close to it
    when a fold more or less hardly changes the model, though without a guarantee for every model. Sources: Vovk,
    Gammerman and Shafer 2005, "Algorithmic Learning in a Random World", chapter 4 (the rank); Barber, Candès, Ramdas
    and Tibshirani 2021, "Predictive inference with the jackknife+", Annals of Statistics 49, section 1 (errors left
    out); Lee, Barber and Willett 2023, "Distribution-free inference with hierarchical data" (groups).
    """
    _, unit_of_M, errors_U = np.unique(units_M, return_inverse=True, return_counts=True)
    units = len(errors_U)
    needed = np.ceil(CONFIDENCE * (units + 1) - 1e-9)
    if needed > units:
        return None
    order = np.argsort(residuals_M, kind="stable")
    below_M = np.cumsum(1 / errors_U[unit_of_M[order]])
    return float(residuals_M[order][np.searchsorted(below_M, needed - 1e-9)])
