"""The estimate, the paired comparison and the sealed test's one score."""

from dataclasses import replace

import numpy as np
import pytest

from src.evaluation import (
    SIGNIFICANCE,
    HeldOut,
    bootstrap_estimate,
    compare,
    estimate,
    half_widths,
    score_sealed_test,
)
from src.intervals import cross_validation_interval, paired_p_value
from src.measures import TABLE
from src.protocols import Folds
from src.tables import Table
from tests.training.examples import folds_of, table_of

MAE, R2, ACCURACY = TABLE["mae"], TABLE["r2"], TABLE["accuracy"]
ROWS = 90


def held_out(table: Table, folds: Folds, noise: float, seed: int = 0) -> HeldOut:
    """Predictions that miss the truth by normal noise."""
    rng = np.random.default_rng(seed)
    p_NK = table.y_NT + noise * rng.normal(size=table.y_NT.shape)
    splits = list(folds)
    return HeldOut(splits, [p_NK[split.validation] for split in splits])


def hold_out(rows: int) -> Folds:
    fold_N = np.full(rows, -1)
    fold_N[::3] = 0
    return Folds(fold_N.astype(np.int16)[None], temporal=False)


@pytest.fixture
def table() -> Table:
    return table_of("unit_interval_regression", ROWS, weights=True)


def test_scores_are_the_measure_on_each_fold_with_its_weights(table):
    found = held_out(table, folds_of(ROWS), 0.1)
    for split, p_VK, score in zip(found.splits, found.predictions, found.scores(table, MAE), strict=True):
        assert score == MAE.value(table.y_NT[split.validation], p_VK, table.w_N[split.validation])


def test_several_folds_give_the_corrected_resampled_interval_cut_at_the_ends_of_the_measure(table):
    folds = folds_of(ROWS)
    model = held_out(table, folds, 0.1)
    scores_J = model.scores(table, R2)
    uncut = cross_validation_interval(scores_J, folds.test_share)
    found = estimate(model, table, folds, R2, seed=0)
    assert (found.value, found.low) == (pytest.approx(scores_J.mean()), uncut.low)
    assert found.high == min(uncut.high, 1.0)
    wild = replace(model, predictions=[p * scale for p, scale in zip(model.predictions, [1, 50, 1], strict=True)])
    assert estimate(wild, table, folds, MAE, seed=0).low == 0.0


def test_one_fold_gives_the_bootstrap_interval_of_its_rows(table):
    folds = hold_out(ROWS)
    model = held_out(table, folds, 0.1)
    found = estimate(model, table, folds, MAE, seed=3)
    assert found == bootstrap_estimate(table, model.splits[0].validation, model.predictions[0], MAE, seed=3)
    assert found.low < found.value < found.high
    assert found != estimate(model, table, folds, MAE, seed=4)


def test_a_bootstrap_interval_is_wider_where_rows_come_in_groups():
    values_N = np.repeat(np.random.default_rng(0).random(9), 10)
    table = replace(table_of("unit_interval_regression", ROWS), y_NT=values_N[:, None])
    grouped = replace(
        table,
        frame=table.frame.assign(clinic=np.repeat(list("abcdefghi"), 10)),
        schema=table.schema.model_copy(update={"groups": "clinic"}),
    )
    rows, p_NK = np.arange(ROWS), np.full((ROWS, 1), 0.5)
    alone, whole = (bootstrap_estimate(t, rows, p_NK, MAE, seed=0) for t in (table, grouped))
    assert whole.high - whole.low > 2 * (alone.high - alone.low)
    assert whole.value == alone.value


@pytest.mark.parametrize("folds", [folds_of(ROWS), hold_out(ROWS)], ids=["k_fold", "hold_out"])
def test_a_clearly_better_model_beats_its_reference_and_not_the_other_way_round(table, folds):
    good, bad = held_out(table, folds, 0.02, seed=1), held_out(table, folds, 0.3, seed=2)
    won = compare("beats_it", good, bad, "the other", table, folds, MAE, seed=0)
    lost = compare("beats_it", bad, good, "the other", table, folds, MAE, seed=0)
    assert won.holds
    assert not lost.holds
    assert f"{good.scores(table, MAE).mean():.4g}" in won.evidence
    assert f"the other {bad.scores(table, MAE).mean():.4g}" in won.evidence


@pytest.mark.parametrize("folds", [folds_of(ROWS), hold_out(ROWS)], ids=["k_fold", "hold_out"])
def test_a_model_does_not_beat_itself(table, folds):
    model = held_out(table, folds, 0.1)
    assert not compare("beats_it", model, model, "itself", table, folds, MAE, seed=0).holds


@pytest.mark.parametrize("seed", range(12))
def test_the_verdict_is_that_of_the_corrected_paired_test(table, seed):
    folds = folds_of(ROWS)
    model, reference = held_out(table, folds, 0.1, seed), held_out(table, folds, 0.112, seed + 100)
    p_value = paired_p_value(reference.scores(table, MAE) - model.scores(table, MAE), folds.test_share)
    verdict = compare("beats_it", model, reference, "the other", table, folds, MAE, seed=0)
    assert verdict.holds == (p_value < SIGNIFICANCE)


@pytest.mark.parametrize("folds", [folds_of(ROWS), hold_out(ROWS)], ids=["k_fold", "hold_out"])
def test_of_equally_good_models_one_is_seldom_said_to_beat_the_other(table, folds):
    claims = [
        compare(
            "beats_it",
            held_out(table, folds, 0.1, seed),
            held_out(table, folds, 0.1, seed + 1000),
            "the other",
            table,
            folds,
            MAE,
            seed=0,
        ).holds
        for seed in range(25)
    ]
    assert np.mean(claims) <= 0.2


def test_the_sealed_test_is_scored_on_all_its_rows(table):
    p_NK = table.y_NT + 0.05
    found = score_sealed_test(table, p_NK, MAE, seed=0)
    assert found.rows == ROWS
    assert found.value == pytest.approx(0.05)
    assert found.low <= found.value <= found.high


def test_a_test_set_with_one_class_has_a_score_and_an_interval():
    table = table_of("binary", 20)
    one_class = replace(table, y_NT=np.zeros((20, 1)))
    for name in ("accuracy", "roc_auc", "average_precision", "f1", "balanced_accuracy", "log_loss"):
        found = score_sealed_test(one_class, np.full((20, 1), 0.3), TABLE[name], seed=0)
        assert np.isfinite([found.value, found.low, found.high]).all()


def test_a_perfect_sealed_test_still_has_an_interval():
    table = table_of("binary", rows=47)
    score = score_sealed_test(table, table.y_NT, TABLE["accuracy"], 0)
    assert score.value == 1.0
    assert score.low == pytest.approx(0.025 ** (1 / 47))


def test_predicted_values_get_a_half_width_for_each_target_that_covers_19_of_20_errors():
    table = table_of("regression", 200)
    model = held_out(table, folds_of(200), 1.0)
    found = half_widths(model, table)
    assert found is not None
    assert len(found) == 2
    for target, half in enumerate(found):
        errors = np.concatenate(
            [
                np.abs(table.y_NT[s.validation] - p)[:, target]
                for s, p in zip(model.splits, model.predictions, strict=True)
            ]
        )
        assert (errors <= half).sum() == 191  # ceil(0.95 * 201)


def test_groups_count_once_in_the_half_width_and_too_few_give_none():
    table = table_of("unit_interval_regression", 200)
    model = held_out(table, folds_of(200), 0.1)

    def grouped(groups: int) -> Table:
        frame = table.frame.assign(site=[f"s{i % groups}" for i in range(200)])
        return replace(table, frame=frame, schema=table.schema.model_copy(update={"groups": "site"}))

    assert half_widths(model, grouped(18)) is None
    widest = max(
        float(np.abs(table.y_NT[s.validation] - p).max()) for s, p in zip(model.splits, model.predictions, strict=True)
    )
    assert half_widths(model, grouped(19)) == [pytest.approx(widest)]


def test_classes_have_no_half_width():
    table = table_of("binary", ROWS)
    assert half_widths(held_out(table, folds_of(ROWS), 0.1), table) is None
