"""Curves and counts agree with scikit-learn's, and keep their invariants."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from src.judging.areas import Area
from src.report.diagnostics import (
    GRID,
    behind_best,
    class_scores,
    confusion,
    coverage,
    label_scores,
    mean_curves,
    reliability,
    thresholds,
    wilson_interval,
)

# Few distinct probabilities, so that ties are common.
LABELLED = st.integers(2, 60).flatmap(
    lambda rows: st.tuples(
        arrays.arrays(np.bool_, rows), arrays.arrays(np.float64, rows, elements=st.integers(0, 8).map(lambda n: n / 8))
    )
)


@given(LABELLED)
@settings(max_examples=80, deadline=None)
def test_areas_agree_with_scikit_learn(labelled: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    positive, probability = labelled
    curve = thresholds(positive, probability)
    if positive.any():
        assert curve.average_precision == pytest.approx(average_precision_score(positive, probability))
        assert curve.recall[-1] == 1
    else:
        assert np.isnan(curve.average_precision)
    if positive.any() and not positive.all():
        area = np.trapezoid(np.append(0.0, curve.recall), np.append(0.0, curve.fall_out))
        assert area == pytest.approx(roc_auc_score(positive, probability))


@given(LABELLED)
@settings(max_examples=80, deadline=None)
def test_reliability_counts_every_row_once_and_its_intervals_hold_the_shares(
    labelled: tuple[np.ndarray, np.ndarray],
) -> None:
    happened, probability = labelled
    bins = reliability(probability, happened)
    assert bins.rows.sum() == len(probability)
    assert bins.observed @ bins.rows == pytest.approx(happened.sum())
    assert bins.stated @ bins.rows == pytest.approx(probability.sum())
    assert ((bins.low <= bins.observed + 1e-12) & (bins.observed <= bins.high + 1e-12)).all()
    assert (np.diff(bins.stated) > 0).all()


def test_a_network_whose_promises_hold_has_no_gap() -> None:
    probability = np.repeat([0.2, 0.8], 100)
    happened = np.concatenate([np.arange(100) < 20, np.arange(100) < 80])
    assert reliability(probability, happened).mean_gap == pytest.approx(0)


def test_wilson_interval_matches_a_published_value() -> None:
    low, high = wilson_interval(np.array([0.0, 15 / 148]), np.array([20, 148]))
    assert low == pytest.approx([0, 0.0624], abs=1e-4)
    assert high == pytest.approx([0.1611, 0.1605], abs=1e-4)


def test_confusion_counts_rows_by_actual_class() -> None:
    actual, predicted = pd.Series(list("aabbc")), pd.Series(list("abbbc"))
    counts = confusion(actual, predicted, ["a", "b", "c"])
    assert counts.tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 1]]
    second = class_scores(counts, ["a", "b", "c"])[1]
    assert (second.rows, second.recall) == (2, 1)
    assert second.precision == pytest.approx(2 / 3)
    assert second.f1 == pytest.approx(0.8)


def test_a_label_that_is_never_predicted_has_no_precision() -> None:
    rows = pd.DataFrame({"fold": 0, "actual__x": [1.0, 0.0], "predicted__x": [0, 0], "probability__x": [0.4, 0.3]})
    score = label_scores(rows, ["x"])[0]
    assert np.isnan(score.precision)
    assert score.recall == 0
    assert score.average_precision == 1


def test_curves_of_folds_on_different_scales_are_averaged_as_their_areas_are() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    positive = rng.random(300) < 0.3
    scores = [scale * (positive + rng.normal(scale=0.6, size=300)) for scale in (1.0, 0.1, 0.001)]
    folds, areas = [thresholds(positive, score) for score in scores], [roc_auc_score(positive, s) for s in scores]
    recall, precision = mean_curves([*folds, thresholds(np.zeros(5, dtype=bool), rng.random(5))])
    assert np.trapezoid(recall, GRID) == pytest.approx(np.mean(areas), abs=0.005)
    assert np.trapezoid(precision, GRID) == pytest.approx(np.mean([of.average_precision for of in folds]), abs=0.01)


@pytest.mark.parametrize("maximize", [True, False])
def test_the_best_is_behind_nobody_and_others_by_their_paired_difference(maximize: bool) -> None:
    folds = np.array([[0.9, 0.7], [0.8, 0.7]]) * (1 if maximize else -1)
    table = pd.DataFrame(folds, columns=["fold_1", "fold_2"]).assign(difference_error=[0, 0.05])
    behind, errors = behind_best(table, 0, maximize)
    assert behind == pytest.approx([0, 0.05])
    assert errors == pytest.approx([0, 0.05])


def test_margins_hold_their_share_of_the_residuals_they_come_from() -> None:
    residuals = np.random.default_rng(0).normal(size=2_000)
    for share, margin, held in coverage(residuals, residuals, (0.5, 0.95)):
        assert held == pytest.approx(share, abs=0.002)
        assert margin > 0


def test_an_area_is_that_of_scikit_learn_averaged_over_folds_and_two_are_compared_row_by_row() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    folds, is_one = np.repeat([0, 1, 2], 60), rng.random(180) < 0.3
    score = rng.normal(size=180).round(1) + is_one
    area = Area.of(folds, score, is_one)
    assert area.value == pytest.approx(
        np.mean([roc_auc_score(is_one[folds == k], score[folds == k]) for k in range(3)])
    )
    assert area.low < area.value < area.high
    assert area.minus(area) == (0, 0, 0)
    worse = Area.of(folds, score + 3 * rng.normal(size=180), is_one)
    gain, low, high = area.minus(worse)
    assert gain == pytest.approx(area.value - worse.value)
    assert 0 < low < gain < high


def test_a_fold_without_one_of_the_two_counts_for_no_area() -> None:
    is_one = np.array([True, False, True, False, False, False] * 4)
    folds = np.array(([0] * 4 + [1] * 2) * 4)
    assert Area.of(folds, is_one.astype(float), is_one).value == 1
