"""The estimate on the evaluation folds, the comparison with the baselines, and the sealed test's one score.

Shapes: J fold scores, N rows, M held-out rows, V of them in one fold, K outputs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.intervals import (
    CONFIDENCE,
    bootstrap,
    conformal_half_width,
    jackknife_variance,
    paired_p_value,
    resampled_variance,
    share_interval,
    transformed_interval,
    unanimous_interval,
)
from src.measures import Measure
from src.protocols import Folds, Split
from src.results import Estimate, TestScore, Verdict
from src.tables import Table

Array = NDArray[np.float64]

# A verdict is claimed when the probability of so large a gain by luck is below this.
SIGNIFICANCE = 0.05
# Repeats are enough when the standard error that comes from the shuffles is at most this share of the interval's width.
# At this share it widens the interval's own standard error by 2%.
STABLE_SHARE = 0.05
# Random orders are averaged over so many rows in all.
SHUFFLED_ROWS = 100_000


@dataclass(frozen=True)
class HeldOut:
    """Predictions_VK for the held-out rows of each split, in the order of the splits."""

    splits: Sequence[Split]
    predictions: Sequence[Array]

    def scores(self, table: Table, measure: Measure) -> Array:
        return np.array(
            [
                measure.value(table.y_NT[split.validation], p_VK, table.w_N[split.validation])
                for split, p_VK in zip(self.splits, self.predictions, strict=True)
            ]
        )

    def passes(self) -> list[tuple[NDArray[np.intp], Array]]:
        """The held-out rows of each repeat and their predictions, all folds together."""
        found = []
        for repeat in sorted({split.repeat for split in self.splits}):
            of = [i for i, split in enumerate(self.splits) if split.repeat == repeat]
            rows = np.concatenate([self.splits[i].validation for i in of])
            found.append((rows, np.concatenate([self.predictions[i] for i in of])))
        return found

    def value(self, table: Table, measure: Measure) -> float:
        """The measure on all held-out rows together, averaged over the repeats.

        On the rows of a single fold, some measures promise too much: the average precision of a random order of 12 rows
        with one positive is 0.26 on average and not 1/12 (Forman and Scholz 2010, "Apples-to-apples in
        cross-validation studies").
        """
        return float(np.mean([_value(table, rows, p_NK, measure) for rows, p_NK in self.passes()]))

    def shuffled(self, seed: int) -> "HeldOut":
        """The same predictions, dealt out to the rows of each fold at random."""
        rng = np.random.default_rng(seed)
        return HeldOut(self.splits, [p_VK[rng.permutation(len(p_VK))] for p_VK in self.predictions])


def estimate(held_out: HeldOut, table: Table, measure: Measure, variance: float | None = None) -> Estimate:
    """The measure of the procedure (this configuration, trained on so many rows) on new rows, with its interval.

    The value is `HeldOut.value`. Its variance is that of `src.half_samples` where it is given, but no less than that of
    the rows with the models as they are (so does the interval of Bates, Hastie and Tibshirani 2021); otherwise that of
    `src.intervals.resampled_variance`.
    """
    passes = held_out.passes()
    rows_M = np.unique(np.concatenate([rows for rows, _ in passes]))

    def value(kept_M: NDArray[np.bool_]) -> float:
        kept_N = np.zeros(len(table), dtype=bool)
        kept_N[rows_M] = kept_M
        return float(np.mean([_value(table, rows[kept_N[rows]], p_NK[kept_N[rows]], measure) for rows, p_NK in passes]))

    rows_variance = jackknife_variance(value, table.units(rows_M))
    training = float(np.mean([len(split.training) for split in held_out.splits]))
    inflation = resampled_variance(1.0, len(rows_M), training)
    if variance is not None and rows_variance > 0:
        inflation = max(variance / rows_variance, 1.0)
    return _interval(held_out.value(table, measure), rows_variance, inflation, table, rows_M, measure)


def shuffle_error(held_out: HeldOut, table: Table, measure: Measure) -> float:
    """Standard error of the estimate from the luck of the shuffles alone, by its spread over the repeats."""
    values_R = [_value(table, rows, p_NK, measure) for rows, p_NK in held_out.passes()]
    return float(np.std(values_R, ddof=1) / len(values_R) ** 0.5)


def repeats_wanted(
    held_out: HeldOut, table: Table, measure: Measure, most: int, variance: float | None = None
) -> tuple[int, str]:
    """With how many repeats the estimate would be stable (see `STABLE_SHARE`), `most` at most, and why.

    As many as there are where it is stable already. variance: that of the estimate where it is known, see `estimate`.
    """
    found, error = estimate(held_out, table, measure, variance), shuffle_error(held_out, table, measure)
    repeats, width = len(held_out.passes()), found.high - found.low
    stable = error <= STABLE_SHARE * width
    reason = (
        f"the luck of the shuffles leaves a standard error of {error:.2g}, {error / width if width else 0:.1%} of the "
        f"interval's width; {'at most' if stable else 'that is more than the wanted'} {STABLE_SHARE:.0%}"
        f"{' is enough' if stable else f', but {most} repeats are the most'}"
    )
    if stable:
        return repeats, reason
    return min(max(math.ceil(repeats * (error / (STABLE_SHARE * width)) ** 2), repeats + 1), most), reason


def score_sealed_test(test: Table, p_NK: Array, measure: Measure) -> TestScore:
    """The sealed test set's score with the interval of the final model's measure on new rows."""
    rows = np.arange(len(test))

    def value(kept_N: NDArray[np.bool_]) -> float:
        return _value(test, rows[kept_N], p_NK[kept_N], measure)

    variance = jackknife_variance(value, test.units(rows))
    found = _interval(_value(test, rows, p_NK, measure), variance, 1.0, test, rows, measure)
    return TestScore(value=found.value, low=found.low, high=found.high, rows=len(test))


def compare(
    name: str,
    model: HeldOut,
    reference: HeldOut,
    called: str,
    table: Table,
    folds: Folds,
    measure: Measure,
    seed: int,
    model_called: str = "network",
) -> Verdict:
    """Whether the model beats a reference on the same folds, by a paired one-sided test.

    Several folds: corrected resampled t-test (Nadeau and Bengio 2003). One fold: paired bootstrap over its rows. Some
    measures (F1, average precision) reward any spread of predictions more than a constant, whatever the rows are: where
    the model's own predictions, dealt out at random, score better than the reference, they are what it has to beat.
    """
    model_J, reference_J = model.scores(table, measure), reference.scores(table, measure)
    repeats = len({split.repeat for split in model.splits})
    shuffles = int(np.clip(SHUFFLED_ROWS / len(table) / repeats, 5, 50))
    at_random = float(np.mean([model.shuffled(seed + s).scores(table, measure).mean() for s in range(shuffles)]))
    handicap = max(measure.gain(at_random, float(reference_J.mean())), 0.0)
    if len(model_J) > 1:
        p_value = paired_p_value(measure.gain(model_J, reference_J) - handicap, folds.test_share)
        test = f"corrected resampled t-test over {len(model_J)} folds"
    else:
        gains = _bootstrapped_gains(model, reference, table, measure, seed)
        p_value = (1 + int((gains <= handicap).sum())) / (1 + len(gains))
        low, high = np.quantile(gains, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
        rows = model.splits[0].validation
        units = int(table.units(rows).max()) + 1
        of_units = f" in {units:,} {table.unit_noun}" if units < len(rows) else ""
        test = f"gain {low:.3g} to {high:.3g} (95% interval), paired bootstrap over {len(rows):,} rows{of_units}"
    gain = measure.gain(float(model_J.mean()), float(reference_J.mean()))
    random = f" (its predictions dealt out at random {at_random:.4g})" if handicap > 0 else ""
    return Verdict(
        name=name,
        holds=bool(gain > handicap and p_value < SIGNIFICANCE),
        evidence=f"{measure.title} on the evaluation folds: {model_called} {model_J.mean():.4g}{random}, {called} "
        f"{reference_J.mean():.4g}; {test}, one-sided {_p_text(p_value)}",
    )


def half_widths(held_out: HeldOut, table: Table) -> list[float] | None:
    """Of each target, half the width of a prediction's interval, by the errors on the held-out rows.

    None where the predictions are no values, or too few rows (or groups) were held out.
    """
    if table.schema.type not in ("regression", "unit_interval_regression"):
        return None
    rows_M = np.concatenate([split.validation for split in held_out.splits])
    errors_MT = np.abs(table.y_NT[rows_M] - np.concatenate(held_out.predictions))
    units_M = table.units(rows_M) if table.schema.groups is not None else rows_M
    found = [conformal_half_width(errors_M, units_M) for errors_M in errors_MT.T]
    return None if None in found else [width for width in found if width is not None]


def _interval(
    value: float, rows_variance: float, inflation: float, table: Table, rows: NDArray[np.intp], measure: Measure
) -> Estimate:
    """The interval of a value whose variance is `inflation` times that of the rows alone.

    A measure with two ends that is no share of rows rests on the rows of the rarest class. Where leaving out rows never
    shows another value (all were right, or all were said to be of one class), the interval is the one of as many rows,
    all of which were right.
    """
    bounded = bool(np.isfinite([measure.lowest, measure.highest]).all())
    units = int(table.units(rows).max()) + 1
    if measure.counts_rows and (rows_variance > 0 or value in (measure.lowest, measure.highest)):
        independent = units if rows_variance == 0 else value * (1 - value) / rows_variance + 1
        return share_interval(value, independent / inflation)
    if bounded:
        units = min(units, _rarest(table.y_NT[rows]))
    if bounded and rows_variance == 0:
        return unanimous_interval(value, units)
    variance = rows_variance * inflation
    return transformed_interval(value, variance, measure.lowest, measure.highest, max(units - 1, 1))


def _rarest(y_NT: Array) -> int:
    """Rows of the rarest class, or of the rarest label."""
    if y_NT.shape[1] == 1:
        return int(np.unique(y_NT, return_counts=True)[1].min())
    return max(int((y_NT > 0).sum(axis=0).min()), 1)


def _value(table: Table, rows: NDArray[np.intp], p_NK: Array, measure: Measure) -> float:
    return measure.value(table.y_NT[rows], p_NK, table.w_N[rows])


def _bootstrapped_gains(model: HeldOut, reference: HeldOut, table: Table, measure: Measure, seed: int) -> Array:
    rows = model.splits[0].validation
    y_NT, w_N = table.y_NT[rows], table.w_N[rows]
    ours_NK, theirs_NK = model.predictions[0], reference.predictions[0]

    def gain(drawn: NDArray[np.intp]) -> float:
        ours = measure.value(y_NT[drawn], ours_NK[drawn], w_N[drawn])
        return measure.gain(ours, measure.value(y_NT[drawn], theirs_NK[drawn], w_N[drawn]))

    return bootstrap(gain, table.units(rows), seed)


def _p_text(p_value: float) -> str:
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.2g}"
