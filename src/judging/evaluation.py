"""The estimate on the evaluation folds, comparisons with the baselines, and the score on the sealed test set.

Shapes: J fold scores, N rows, M held-out rows, V of them in one fold, K outputs.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from src.judging.held_out import HeldOut, Measured, statistics
from src.judging.intervals import (
    CONFIDENCE,
    agreed_p_value,
    bootstrap,
    conformal_half_width,
    jackknife_values,
    jackknife_variance,
    left_out_gain,
    paired_gain,
    paired_p_value,
    resampled_variance,
    share_interval,
    transformed_interval,
    unanimous_interval,
    widened_gain,
)
from src.judging.printer import printer
from src.models.measures.measure import Measure
from src.results.evaluate import Recommended, TestScore
from src.results.verdicts import (
    AGAINST_SHALLOW,
    GATE,
    NEW_ROWS,
    SHALLOW_GATE,
    SHALLOW_NEW_ROWS,
    Comparison,
    Estimate,
    Verdict,
)
from src.tables.protocols import Folds, Split, test_share
from src.tables.table import Table

Array = NDArray[np.float64]

# Gains that differ by less are equal up to rounding, and so are values that differ by less of their size.
SAME = 1e-12
# Repeats are enough when the standard error from the shuffles is at most this share of the interval's width. At this
# share it widens the interval's own standard error by 2%.
STABLE_SHARE = 0.05
# Random orders are drawn until they cover about so many rows.
SHUFFLED_ROWS = 100_000


def estimate(held_out: HeldOut, table: Table, measure: Measure, variance: float | None = None) -> Estimate:
    """The measure of the procedure (this configuration, trained on so many rows) on new rows, with its interval.

    The value is `Measured.value`. If `variance` is given (see `src.judging.half_samples`), it is used, but at least the
    variance over the rows with fixed models, as in the interval of Bates, Hastie and Tibshirani 2021. Otherwise the
    variance is that of `src.judging.intervals.resampled_variance`.
    """
    measured = held_out.measured(table, measure)
    rows_M = measured.rows

    def value(kept_M: NDArray[np.bool_]) -> float:
        return measured.value(_among(table, rows_M, kept_M))

    rows_variance = jackknife_variance(value, table.units(rows_M))
    training = float(np.mean([len(split.training) for split in held_out.splits]))
    inflation = resampled_variance(1.0, len(rows_M), training)
    if variance is not None and rows_variance > 0:
        inflation = max(variance / rows_variance, 1.0)
    return _interval(measured.value(), rows_variance, inflation, table, rows_M, measure)


def times_as_wide(interval: Estimate, other: Estimate) -> float:
    """The width of an interval by that of another; 1 where the other has none, as all rows are alike."""
    width = other.high - other.low
    return (interval.high - interval.low) / width if width > 0 else 1.0


def shuffle_error(held_out: HeldOut, table: Table, measure: Measure) -> float:
    """Standard error of the estimate from the shuffles alone, by its spread over the repeats."""
    values_R = [repeat.value() for repeat in held_out.measured(table, measure).repeats]
    return float(np.std(values_R, ddof=1) / len(values_R) ** 0.5)


def repeats_wanted(
    held_out: HeldOut, table: Table, measure: Measure, most: int, variance: float | None = None
) -> tuple[int, str]:
    """How many repeats make the estimate stable (see `STABLE_SHARE`), at most `most`, and why.

    The present number if it is stable already. variance: that of the estimate, see `estimate`.
    """
    interval, error = estimate(held_out, table, measure, variance), shuffle_error(held_out, table, measure)
    repeats, width = len({split.repeat for split in held_out.splits}), interval.high - interval.low
    stable = error <= STABLE_SHARE * width
    shown = printer(measure.name, "", [interval.value], [interval]).difference(error)
    reason = (
        f"the luck of the shuffles leaves a standard error of {shown}, {error / width if width else 0:.1%} of the "
        f"interval's width; {'at most' if stable else 'that is more than the wanted'} {STABLE_SHARE:.0%}"
        f"{' is enough' if stable else f', but {most} repeats are the most'}"
    )
    if stable:
        return repeats, reason
    return min(max(math.ceil(repeats * (error / (STABLE_SHARE * width)) ** 2), repeats + 1), most), reason


def score_sealed_test(test: Table, p_NK: Array, measure: Measure) -> TestScore:
    """The score on the sealed test set, with the interval of the final model's measure on new rows."""
    rows = np.arange(len(test))
    of_rows = statistics(measure, test, rows, p_NK)
    variance = jackknife_variance(lambda kept_N: of_rows.of(kept_N).value, test.units(rows))
    score = _interval(of_rows.value, variance, 1.0, test, rows, measure)
    return TestScore(value=score.value, low=score.low, high=score.high, rows=len(test))


def compare(
    name: str,
    model: HeldOut,
    references: Sequence[HeldOut],
    called: str,
    table: Table,
    folds: Folds,
    measure: Measure,
    seed: int,
    model_called: str = "network",
    where: str = "the evaluation folds",
    note: str = "",
    chosen_here: bool = False,
) -> Verdict:
    """Whether the model is better than a reference, or than several on average, on the same folds.

    chosen_here: see `Comparison`.

    The interval of the gain is that of the corrected resampled t-test (Nadeau and Bengio 2003). With a single fold it
    is that of a paired bootstrap over the rows. Some measures (F1, average precision) prefer any spread of predictions
    to a constant. So if the model's own predictions beat the reference even when shuffled, the model has to beat them.
    Scores that a model gives to each row itself cannot be shuffled.
    """
    ours, theirs = model.measured(table, measure), [held_out.measured(table, measure) for held_out in references]
    model_value, reference_value = ours.value(), float(np.mean([measured.value() for measured in theirs]))
    at_random = _value_at_random(model, table, measure, seed) if measure.predicts else None
    handicap = 0.0 if at_random is None else max(measure.gain(at_random, reference_value), 0.0)
    gain = measure.gain(model_value, reference_value)
    if len(ours.splits) > 1:
        gains_J = measure.gain(ours.scores, np.mean([measured.scores for measured in theirs], axis=0))
        gain, gains_J = _beyond_rounding(gain, gains_J, model_value)
        units = int(table.units(ours.rows).max()) + 1
        scale = max(abs(model_value), abs(reference_value))
        interval, p_value, method = gain_over_folds(gain, gains_J, folds.test_share, measure, units, scale, handicap)
    else:
        interval, p_value, method = _gain_over_rows(gain, ours, theirs, table, seed, handicap)
    comparison = Comparison(
        measure=measure.name,
        where=where,
        model=model_called,
        reference=called,
        model_value=model_value,
        reference_value=reference_value,
        gain=interval,
        handicap=handicap,
        at_random=at_random if handicap > 0 else None,
        p_value=p_value,
        method=method,
        chosen_here=chosen_here,
        note=note,
    )
    return verdict_of(name, comparison)


def _beyond_rounding(gain: float, gains: Array, value: float) -> tuple[float, Array]:
    """A gain and those of its folds or resamples; zeros where all are rounding of a value of that size.

    So are the differences between the measure of a mean and the mean of the measures, where that measure is a mean.
    """
    if (np.abs(gains) <= SAME * abs(value)).all():
        return 0.0, np.zeros_like(gains)
    return gain, gains


def _value_at_random(model: HeldOut, table: Table, measure: Measure, seed: int) -> float:
    """The mean measure of the model's predictions, shuffled among the rows of each fold."""
    repeats = len({split.repeat for split in model.splits})
    shuffles = int(np.clip(SHUFFLED_ROWS / len(table) / repeats, 5, 50))
    return float(np.mean([model.shuffled(seed + s).value(table, measure) for s in range(shuffles)]))


def gain_over_folds(
    gain: float, gains_J: Array, test_share: float, measure: Measure, units: int, scale: float, handicap: float = 0.0
) -> tuple[Estimate, float, str]:
    """The interval of a gain by its spread over the folds, its p-value, and the method's name.

    The p-value is that of no gain, or of one between zero and the handicap. units: the number of independent units
    that were held out. scale: the size of the compared values, for what is rounding.
    """
    beyond = gain - no_gain(gain, handicap)
    if np.ptp(gains_J) <= SAME * scale:
        interval = widened_gain(Estimate(value=gain, low=gain, high=gain), measure.lowest, measure.highest, units)
        p_value = agreed_p_value(beyond, measure.lowest, measure.highest, units)
        return interval, p_value, f"all {len(gains_J)} folds agree, {units:,} independent units"
    interval = paired_gain(gain, gains_J, test_share)
    method = f"corrected resampled t-test over {len(gains_J)} folds"
    return interval, paired_p_value(beyond, gains_J, test_share), method


def no_gain(gain: float, handicap: float) -> float:
    """The gain nearest to this one that is none: zero, or anything up to the handicap."""
    return min(max(gain, 0.0), handicap)


def compare_scores(
    name: str,
    model: tuple[str, Array],
    reference: tuple[str, Array],
    splits: Sequence[Split],
    table: Table,
    measure: Measure,
    left_out_B: Array | None,
) -> Verdict:
    """Whether a model is better than a reference, by the mean of their scores_J on the development folds.

    splits: these folds, which also chose the model, so the verdict calls no gain sure. left_out_B: for a single fold,
    the gains that leave out one of B blocks of its rows each.
    """
    (called, model_J), (reference_called, reference_J) = model, reference
    gains_J = measure.gain(model_J, reference_J)
    gain, held_out = float(gains_J.mean()), np.unique(np.concatenate([split.validation for split in splits]))
    units = int(table.units(held_out).max()) + 1
    if left_out_B is None:
        scale = max(abs(float(model_J.mean())), abs(float(reference_J.mean())))
        interval, p_value, method = gain_over_folds(gain, gains_J, test_share(splits), measure, units, scale)
    else:
        interval, p_value = left_out_gain(gain, left_out_B)
        interval = widened_gain(interval, measure.lowest, measure.highest, units)
        method = f"jackknife over {len(held_out):,} rows"
    comparison = Comparison(
        measure=measure.name,
        where="the development folds",
        model=called,
        reference=reference_called,
        model_value=float(model_J.mean()),
        reference_value=float(reference_J.mean()),
        gain=interval,
        p_value=p_value,
        method=method,
        chosen_here=True,
    )
    return verdict_of(name, comparison)


def left_out(p_VK: Array, split: Split, table: Table, measure: Measure) -> Array:
    """The measure on the rows of a split, leaving out one of B blocks of them each time."""
    of_rows = statistics(measure, table, split.validation, p_VK)
    return jackknife_values(lambda kept_V: of_rows.of(kept_V).value, table.units(split.validation))


def verdict_of(name: str, comparison: Comparison) -> Verdict:
    """The verdict of a comparison, which holds if the model is surely better."""
    pair = comparison.model_value, comparison.reference_value
    printing = printer(comparison.measure, "", pair, [comparison.gain])
    better = comparison.outcome == "better"
    return Verdict(name=name, holds=better, evidence=printing.evidence(comparison), comparison=comparison)


def recommended(holds: Mapping[str, bool]) -> Recommended:
    """What to use, from the verdicts by name. The shallow model goes before a network that is not surely better.

    A model that is not surely better than common sense is never recommended, nor one that repeats its training rows.
    """
    network = holds[GATE] and holds.get(NEW_ROWS, True)
    shallow = holds[SHALLOW_GATE] and holds.get(SHALLOW_NEW_ROWS, True)
    if network and (holds[AGAINST_SHALLOW] or not shallow):
        return "network"
    return "shallow model" if shallow else "common sense"


def half_widths(held_out: HeldOut, table: Table) -> list[float] | None:
    """Half the width of a prediction's interval for each target, from the errors on the held-out rows.

    None if the targets are not numbers, or too few rows (or groups) were held out.
    """
    if table.schema.problem_type.target != "number":
        return None
    rows_M = np.concatenate([split.validation for split in held_out.splits])
    errors_MT = np.abs(table.y_NT[rows_M] - np.concatenate(held_out.predictions))
    units_M = table.units(rows_M) if table.schema.groups is not None else rows_M
    widths = [conformal_half_width(errors_M, units_M) for errors_M in errors_MT.T]
    return None if None in widths else [width for width in widths if width is not None]


def _interval(
    value: float, rows_variance: float, inflation: float, table: Table, rows: NDArray[np.intp], measure: Measure
) -> Estimate:
    """The interval of a value whose variance is `inflation` times that over the rows alone.

    A bounded measure of predictions that is not a share of rows depends on the rows of the rarest class. If leaving out
    rows never changes the value (all predictions are right, or all are of one class), the interval is that of as many
    rows that are all right.
    """
    bounded = bool(np.isfinite([measure.lowest, measure.highest]).all())
    units = int(table.units(rows).max()) + 1
    if measure.counts_rows and (rows_variance > 0 or value in (measure.lowest, measure.highest)):
        independent = units if rows_variance == 0 else value * (1 - value) / rows_variance + 1
        return share_interval(value, independent / inflation)
    if bounded and measure.predicts:
        units = min(units, _rarest(table.truth_NT[rows]))
    if bounded and rows_variance == 0:
        return unanimous_interval(value, units)
    variance = rows_variance * inflation
    return transformed_interval(value, variance, measure.lowest, measure.highest, max(units - 1, 1))


def _rarest(y_NT: Array) -> int:
    """Rows of the rarest class, or of the rarest label."""
    if y_NT.shape[1] == 1:
        return int(np.unique(y_NT, return_counts=True)[1].min())
    return max(int((y_NT > 0).sum(axis=0).min()), 1)


def _among(table: Table, rows_M: NDArray[np.intp], kept_M: NDArray[np.bool_]) -> NDArray[np.bool_]:
    kept_N = np.zeros(len(table), dtype=bool)
    kept_N[rows_M] = kept_M
    return kept_N


def _gain_over_rows(
    gain: float, model: Measured, references: Sequence[Measured], table: Table, seed: int, handicap: float
) -> tuple[Estimate, float, str]:
    """The same as `gain_over_folds` by a paired bootstrap over the rows of a single fold."""
    measure, rows = model.measure, model.splits[0].validation
    [of_model], of_references = model.statistics, [reference.statistics[0] for reference in references]

    def gain_of(drawn: NDArray[np.intp]) -> float:
        reference_value = float(np.mean([of_reference.of(drawn).value for of_reference in of_references]))
        return measure.gain(of_model.of(drawn).value, reference_value)

    units_N = table.units(rows)
    gain, gains = _beyond_rounding(gain, bootstrap(gain_of, units_N, seed), of_model.value)
    low, high = np.quantile(gains, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    none = no_gain(gain, handicap)
    beyond = min(int((gains <= none).sum()), int((gains >= none).sum()))
    units = int(units_N.max()) + 1
    of_units = f" in {units:,} {table.unit_noun}" if units < len(rows) else ""
    interval = Estimate(value=gain, low=min(float(low), gain), high=max(float(high), gain))
    interval = widened_gain(interval, measure.lowest, measure.highest, units)
    return (
        interval,
        min(2 * (1 + beyond) / (1 + len(gains)), 1.0),
        f"paired bootstrap over {len(rows):,} rows{of_units}",
    )
