"""The estimate on the evaluation folds, the comparison with the baselines, and the sealed test's one score.

Shapes: J fold scores, N rows, K outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.intervals import (
    bootstrap,
    conformal_half_width,
    cross_validation_interval,
    paired_p_value,
    percentile_interval,
    unanimous_interval,
)
from src.measures import Measure
from src.protocols import Folds, Split
from src.results import Estimate, TestScore, Verdict
from src.tables import Table

Array = NDArray[np.float64]

# A verdict is claimed when the probability of so large a gain by luck is below this.
SIGNIFICANCE = 0.05


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


def estimate(held_out: HeldOut, table: Table, folds: Folds, measure: Measure, seed: int) -> Estimate:
    """The measure with its interval: corrected resampled t over several folds, bootstrap over rows for one.

    The interval is cut at the ends of the measure's range.
    """
    scores_J = held_out.scores(table, measure)
    if len(scores_J) > 1:
        found = cross_validation_interval(scores_J, folds.test_share)
        low, high = max(found.low, measure.lowest), min(found.high, measure.highest)
        return Estimate(value=found.value, low=low, high=high)
    rows = held_out.splits[0].validation
    return bootstrap_estimate(table, rows, held_out.predictions[0], measure, seed)


def bootstrap_estimate(table: Table, rows: NDArray[np.intp], p_NK: Array, measure: Measure, seed: int) -> Estimate:
    """The measure on `rows` with its percentile bootstrap interval; groups are resampled whole.

    Resampling rows that were all right (or all wrong) never sees another value: a share of rows then gets the exact
    binomial interval.
    """
    y_NT, w_N, units_N = table.y_NT[rows], table.w_N[rows], _units(table, rows)
    value = measure.value(y_NT, p_NK, w_N)
    resampled = bootstrap(lambda drawn: measure.value(y_NT[drawn], p_NK[drawn], w_N[drawn]), units_N, seed)
    if measure.counts_rows and np.ptp(resampled) == 0:
        return unanimous_interval(value, int(units_N.max()) + 1)
    return percentile_interval(value, resampled)


def compare(
    name: str, model: HeldOut, reference: HeldOut, called: str, table: Table, folds: Folds, measure: Measure, seed: int
) -> Verdict:
    """Whether the model beats a reference on the same folds, by a paired one-sided test.

    Several folds: corrected resampled t-test (Nadeau and Bengio 2003). One fold: paired bootstrap over its rows.
    """
    model_J, reference_J = model.scores(table, measure), reference.scores(table, measure)
    if len(model_J) > 1:
        p_value = paired_p_value(measure.gain(model_J, reference_J), folds.test_share)
        test = f"corrected resampled t-test over {len(model_J)} folds"
    else:
        p_value = _paired_bootstrap(model, reference, table, measure, seed)
        test = f"paired bootstrap over {len(model.splits[0].validation):,} rows"
    better = measure.better(float(model_J.mean()), float(reference_J.mean()))
    return Verdict(
        name=name,
        holds=bool(better and p_value < SIGNIFICANCE),
        evidence=f"{measure.title} on the evaluation folds: network {model_J.mean():.4g}, {called} "
        f"{reference_J.mean():.4g}; {test}, one-sided {_p_text(p_value)}",
    )


def score_sealed_test(test: Table, p_NK: Array, measure: Measure, seed: int) -> TestScore:
    """The sealed test set's score with its bootstrap interval."""
    found = bootstrap_estimate(test, np.arange(len(test)), p_NK, measure, seed)
    return TestScore(value=found.value, low=found.low, high=found.high, rows=len(test))


def half_widths(held_out: HeldOut, table: Table) -> list[float] | None:
    """Of each target, half the width of a prediction's interval, by the errors on the held-out rows.

    None where the predictions are no values, or too few rows (or groups) were held out.
    """
    if table.schema.type not in ("regression", "unit_interval_regression"):
        return None
    rows_M = np.concatenate([split.validation for split in held_out.splits])
    errors_MT = np.abs(table.y_NT[rows_M] - np.concatenate(held_out.predictions))
    units_M = _units(table, rows_M) if table.schema.groups is not None else rows_M
    found = [conformal_half_width(errors_M, units_M) for errors_M in errors_MT.T]
    return None if None in found else [width for width in found if width is not None]


def _paired_bootstrap(model: HeldOut, reference: HeldOut, table: Table, measure: Measure, seed: int) -> float:
    rows = model.splits[0].validation
    y_NT, w_N = table.y_NT[rows], table.w_N[rows]
    ours_NK, theirs_NK = model.predictions[0], reference.predictions[0]

    def gain(drawn: NDArray[np.intp]) -> float:
        ours = measure.value(y_NT[drawn], ours_NK[drawn], w_N[drawn])
        return measure.gain(ours, measure.value(y_NT[drawn], theirs_NK[drawn], w_N[drawn]))

    gains = bootstrap(gain, _units(table, rows), seed)
    return (1 + int((gains <= 0).sum())) / (1 + len(gains))


def _units(table: Table, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    if table.schema.groups is None:
        return np.arange(len(rows))
    return np.unique(table.frame[table.schema.groups].iloc[rows].to_numpy(), return_inverse=True)[1]


def _p_text(p_value: float) -> str:
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.2g}"
