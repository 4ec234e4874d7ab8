"""How sure we are: intervals for a measure and the paired comparison of two models on the same folds.

Shapes: J fold scores (folds times repeats).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from src.results.verdicts import Estimate

Array = NDArray[np.float64]
CONFIDENCE = 0.95
# Blocks of units that the jackknife leaves out, by the number of rows.
FEWEST_BLOCKS, MOST_BLOCKS = 50, 400
# A width of less than this share of a measure's range is none; what remains is rounding.
ROUNDING = 1e-12


def corrected_variance(scores_J: Array, test_share: float) -> float:
    """Variance of the mean of resampled scores: (1/J + n_test/n_train) S², because training sets overlap.

    `test_share` is the held-out share of the rows. Source: Nadeau and Bengio 2003, "Inference for the generalization
    error", Machine Learning 52.
    """
    ratio = test_share / (1 - test_share)
    return float((1 / len(scores_J) + ratio) * scores_J.var(ddof=1))


def paired_gain(gain: float, gains_J: Array, test_share: float) -> Estimate:
    """A mean paired gain with the interval of the corrected resampled t-test.

    `gain`: the value in the middle; `gains_J`: those of single folds, whose spread gives the width.
    """
    from scipy.stats import t

    half = float(t.ppf(0.5 + CONFIDENCE / 2, len(gains_J) - 1)) * corrected_variance(gains_J, test_share) ** 0.5
    return Estimate(value=gain, low=gain - half, high=gain + half)


def left_out_gain(gain: float, gains_B: Array) -> tuple[Estimate, float]:
    """A gain on the rows of one fold with its interval and two-sided p-value by the jackknife.

    `gains_B`: the same with one of B blocks of rows left out at a time, see `jackknife_values`.
    """
    from scipy.stats import t

    freedom = len(gains_B) - 1
    error = float((freedom * gains_B.var()) ** 0.5)
    half = float(t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    p_value = float(2 * t.sf(abs(gain) / error, freedom)) if error > 0 else float(gain == 0)
    return Estimate(value=gain, low=gain - half, high=gain + half), p_value


def widened_gain(interval: Estimate, lowest: float, highest: float, units: int) -> Estimate:
    """The interval, widened if it has no width and the measure is bounded.

    All folds may gain the same, for example because both models are always right. They then agree on so many
    independent units, and the interval is as wide as that of a share of 0 or 1 among them.
    """
    if interval.high - interval.low > ROUNDING * (highest - lowest) or not np.isfinite([lowest, highest]).all():
        return interval
    away = (highest - lowest) * (1 - (0.5 - CONFIDENCE / 2) ** (1 / units))
    return Estimate(value=interval.value, low=interval.value - away, high=interval.value + away)


def agreed_p_value(gain: float, lowest: float, highest: float, units: int) -> float:
    """Two-sided p-value that a gain all folds agree on is zero; below 5% where `widened_gain` leaves zero out."""
    if not np.isfinite([lowest, highest]).all():
        return float(gain == 0)
    return float(min(2 * max(1 - abs(gain) / (highest - lowest), 0.0) ** units, 1.0))


def paired_p_value(gain: float, gains_J: Array, test_share: float) -> float:
    """Two-sided p-value of the corrected resampled t-test that the gain is zero; see `paired_gain`.

    It is below 5% where the 95% interval leaves zero out.
    """
    from scipy.stats import t

    variance = corrected_variance(gains_J, test_share)
    if variance == 0:
        return float(gain == 0)
    return float(2 * t.sf(abs(gain) / variance**0.5, len(gains_J) - 1))


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


def jackknife_variance(value: Callable[[NDArray[np.bool_]], float], units_N: NDArray[np.intp]) -> float:
    """Variance of a statistic of rows, see `jackknife_values`; 0 with a single unit."""
    values_B = jackknife_values(value, units_N)
    return float((len(values_B) - 1) * values_B.var())


def jackknife_values(value: Callable[[NDArray[np.bool_]], float], units_N: NDArray[np.intp]) -> Array:
    """Values of a statistic of rows with one unit (a group of rows) left out at a time, or one of B blocks of units.

    `value` maps the rows that are kept to the statistic; `units_N` numbers each row's unit. B - 1 times the variance of
    the values is that of the statistic, and of a difference of two statistics that of the values' differences.
    Source: Efron and Stein 1981, "The jackknife estimate of variance", Annals of Statistics 9; delete-a-group: Kott
    2001, Journal of Official Statistics 17.
    """
    blocks = min(int(units_N.max()) + 1, int(np.clip(4e7 / len(units_N), FEWEST_BLOCKS, MOST_BLOCKS)))
    block_N = units_N % blocks
    return np.array([value(block_N != b) for b in range(blocks)]) if blocks > 1 else np.zeros(1)


def resampled_variance(rows_variance: float, held_out: float, training: float) -> float:
    """Variance of a cross-validated estimate around the risk of the procedure.

    rows_variance: that of the estimate over all `held_out` rows, as if they were independent and the models fixed. It
    counts once however often the folds are repeated, because the rows stay the same. training: the rows that each model
    learns from.

    The models also have something in common, because they learn from each other's held-out rows. Nadeau and Bengio
    allow for it by the ratio of the two numbers of rows. They correct the variance of fold scores. Here the variance
    over rows is corrected, because stratified folds are so alike that their spread is too small.

    One ratio for all problems is too large for most and too small for some. On 400 problems of
    `python -m benchmarks.honesty` with repeated folds, the interval held the truth in 97%, but in 86% of those judged
    by F1. With repeated folds, `src.judging.half_samples` therefore measures the variance of the problem at hand.

    Sources: Nadeau and Bengio 2003, "Inference for the generalization error", Machine Learning 52; on variances from
    rows: Bayle, Bayle, Janson and Mackey 2020, "Cross-validation confidence intervals for test error"; on why they
    alone are too little: Bates, Hastie and Tibshirani 2021, "Cross-validation: what does it estimate and how well does
    it do it?".
    """
    return rows_variance * (1 + held_out / training)


def transformed_interval(value: float, variance: float, lowest: float, highest: float, freedom: float) -> Estimate:
    """Student's interval of a value between `lowest` and `highest` (either may be infinite), on a scale without ends.

    freedom: the degrees of freedom of the variance. Of a measure that rests on its rarest class they are hardly more
    than that class's rows (Satterthwaite 1946, "An approximate distribution of estimates of variance components").

    The scale is the logit between two ends, the logarithm of the distance to a single one, and the value itself without
    ends. On it, estimates near an end are closer to normal. The delta method gives the standard error.

    Sources: Agresti 2013, "Categorical Data Analysis", section 3.1; for the area under the
    precision-recall curve: Boyd, Eng and Page 2013, "Area under the precision-recall curve: point estimates and
    confidence intervals".
    """
    from scipy.special import expit, logit
    from scipy.stats import t

    if variance == 0 or value in (lowest, highest):
        return Estimate(value=value, low=value, high=value)
    errors = t.ppf([0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2], freedom) * variance**0.5
    if np.isfinite(lowest) and np.isfinite(highest):
        share, width = (value - lowest) / (highest - lowest), highest - lowest
        low, high = lowest + width * expit(logit(share) + errors / width / (share * (1 - share)))
    elif np.isfinite(lowest):
        low, high = lowest + (value - lowest) * np.exp(errors / (value - lowest))
    elif not np.isfinite(highest):
        low, high = value + errors
    else:
        low, high = sorted(highest - (highest - value) * np.exp(errors / (highest - value)))
    return Estimate(value=value, low=float(low), high=float(high))


def share_interval(value: float, rows: float) -> Estimate:
    """The score interval of a share of rows, of which so many are independent.

    On average over shares it covers 95.1 to 95.5% from 12 rows on, the logit interval up to 97.4%.

    Sources: Wilson 1927, "Probable inference, the law of succession, and statistical inference"; Brown, Cai and
    DasGupta 2001, "Interval estimation for a binomial proportion", Statistical Science 16; so many independent rows as
    give the variance: Korn and Graubard 1998, Survey Methodology 24.
    """
    from scipy.stats import norm

    z = float(norm.ppf(0.5 + CONFIDENCE / 2))
    centre = (value + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * (value * (1 - value) / rows + z**2 / (4 * rows**2)) ** 0.5
    return Estimate(value=value, low=max(min(centre - half, value), 0.0), high=min(max(centre + half, value), 1.0))


def unanimous_interval(value: float, units: int) -> Estimate:
    """The exact binomial interval of a share of 0 or 1 among so many independent units, put around `value`.

    Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits", Biometrika 26.
    """
    away = 1 - (0.5 - CONFIDENCE / 2) ** (1 / units)
    return Estimate(value=value, low=max(value - away, 0.0), high=min(value + away, 1.0))


def conformal_half_width(residuals_M: Array, units_M: NDArray[np.intp]) -> float | None:
    """Half the width of the interval around a new prediction that holds its actual value with `CONFIDENCE`.

    residuals_M: absolute errors on rows that the model had not learnt from. units_M: the row (or group of rows) of each
    error, which counts once however many errors it has. None if there are too few units.

    The errors are those of the folds' models; the interval is put around the model fitted to all rows. For one hold-out
    split of exchangeable rows the coverage is at least the confidence. For K folds it is close to it if one fold hardly
    changes the model, though this is not guaranteed for every model.

    Sources: Vovk, Gammerman and Shafer 2005, "Algorithmic Learning in a Random World", chapter 4 (the rank); Barber,
    Candès, Ramdas and Tibshirani 2021, "Predictive inference with the jackknife+", Annals of Statistics 49, section 1
    (errors left out); Lee, Barber and Willett 2023, "Distribution-free inference with hierarchical data" (groups).
    """
    _, unit_of_M, errors_U = np.unique(units_M, return_inverse=True, return_counts=True)
    units = len(errors_U)
    needed = np.ceil(CONFIDENCE * (units + 1) - 1e-9)
    if needed > units:
        return None
    order = np.argsort(residuals_M, kind="stable")
    below_M = np.cumsum(1 / errors_U[unit_of_M[order]])
    return float(residuals_M[order][np.searchsorted(below_M, needed - 1e-9)])
