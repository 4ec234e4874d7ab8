"""The estimate, the paired comparison and the sealed test's one score."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from src.judging.evaluation import (
    STABLE_SHARE,
    compare,
    compare_scores,
    estimate,
    half_widths,
    left_out,
    recommended,
    repeats_wanted,
    score_sealed_test,
    shuffle_error,
    times_as_wide,
)
from src.judging.held_out import HeldOut
from src.judging.intervals import jackknife_variance, paired_gain, paired_p_value, share_interval, transformed_interval
from src.models.measures import TABLE
from src.models.types.registry import TYPES
from src.results.verdicts import AGAINST_SHALLOW, GATE, SHALLOW_GATE, Estimate
from src.tables.protocols import Folds
from src.tables.table import Table
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


def hold_out_at_random(rows: int) -> Folds:
    fold_N = np.where(np.random.default_rng(0).random(rows) < 0.4, 0, -1)
    return Folds(fold_N.astype(np.int16)[None], temporal=False)


def iterated(rows: int, repeats: int) -> Folds:
    return Folds(np.concatenate([folds_of(rows, seed=seed).fold_RN for seed in range(repeats)]), temporal=False)


def rows_of(table: Table, rows: np.ndarray) -> Table:
    return replace(table, frame=table.frame.iloc[rows], y_NT=table.y_NT[rows], w_N=table.w_N[rows])


@pytest.fixture
def table() -> Table:
    return table_of("unit_interval_regression", ROWS, weights=True)


def all_rows(model: HeldOut) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([split.validation for split in model.splits]), np.concatenate(model.predictions)


def test_scores_are_the_measure_on_each_fold_with_its_weights(table):
    found = held_out(table, folds_of(ROWS), 0.1)
    for split, p_VK, score in zip(found.splits, found.predictions, found.scores(table, MAE), strict=True):
        assert score == MAE.value(table.y_NT[split.validation], p_VK, table.w_N[split.validation])


def test_the_estimate_is_the_measure_on_all_held_out_rows_of_a_repeat_averaged_over_the_repeats(table):
    folds = iterated(ROWS, repeats=3)
    model = held_out(table, folds, 0.1)
    by_repeat = []
    for repeat in range(3):
        p_NK = np.empty_like(table.y_NT)
        for split, p_VK in zip(model.splits, model.predictions, strict=True):
            if split.repeat == repeat:
                p_NK[split.validation] = p_VK
        by_repeat.append(R2.value(table.y_NT, p_NK, table.w_N))
    found = estimate(model, table, R2)
    assert found.value == model.value(table, R2) == pytest.approx(np.mean(by_repeat))
    assert found.low < found.value < found.high <= 1.0


def test_the_interval_of_several_folds_is_that_of_their_rows_and_wider_by_what_the_models_have_in_common():
    table = table_of("unit_interval_regression", ROWS)
    model = held_out(table, folds_of(ROWS), 0.1)
    rows, p_NK = all_rows(model)
    errors_N = np.abs(table.y_NT[rows] - p_NK)
    variance = errors_N.var(ddof=1) / ROWS * (1 + 90 / 60)
    expected = transformed_interval(float(errors_N.mean()), variance, 0.0, np.inf, ROWS - 1)
    found = estimate(model, table, MAE)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_one_fold_learns_nothing_from_its_held_out_rows_and_its_interval_is_wider_than_theirs_alone(table):
    model = held_out(table, hold_out(ROWS), 0.1)
    rows = model.splits[0].validation
    alone = score_sealed_test(rows_of(table, rows), model.predictions[0], MAE)
    found = estimate(model, table, MAE)
    assert found.value == pytest.approx(alone.value)
    assert np.log(found.high / found.low) == pytest.approx(1.5**0.5 * np.log(alone.high / alone.low))


def test_a_known_variance_sets_the_width_but_never_below_that_of_the_rows():
    table = table_of("unit_interval_regression", ROWS)
    model = held_out(table, folds_of(ROWS), 0.1)
    rows, p_NK = all_rows(model)
    errors_N = np.abs(table.y_NT[rows] - p_NK)
    of_rows = errors_N.var(ddof=1) / ROWS
    for variance, expected in ((3 * of_rows, 3 * of_rows), (of_rows / 3, of_rows)):
        found = estimate(model, table, MAE, variance)
        wanted = transformed_interval(float(errors_N.mean()), expected, 0.0, np.inf, ROWS - 1)
        assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))


@pytest.mark.parametrize(("noise", "stable"), [(0.001, True), (3.0, False)])
def test_repeats_are_enough_when_the_shuffles_hardly_move_the_estimate(noise: float, stable: bool):
    """The models of all repeats share an error of their rows; `noise` is what each shuffle adds."""
    table = table_of("unit_interval_regression", ROWS)
    rng = np.random.default_rng(0)
    shared_NK = 0.5 * rng.normal(size=table.y_NT.shape)
    splits, predictions = [], []
    for split in iterated(ROWS, repeats=3):
        splits.append(split)
        shift = noise * (split.repeat - 1)
        predictions.append((table.y_NT + shared_NK * (1 + shift))[split.validation])
    model = HeldOut(splits, predictions)
    values_R = []
    for repeat in range(3):
        of = [i for i, split in enumerate(splits) if split.repeat == repeat]
        rows, p_NK = all_rows(HeldOut([splits[i] for i in of], [predictions[i] for i in of]))
        values_R.append(MAE.value(table.y_NT[rows], p_NK, table.w_N[rows]))
    assert shuffle_error(model, table, MAE) == pytest.approx(np.std(values_R, ddof=1) / 3**0.5)
    found = estimate(model, table, MAE)
    needed = 3 * (shuffle_error(model, table, MAE) / (STABLE_SHARE * (found.high - found.low))) ** 2
    for most in (3, 12, 10**6):
        wanted, why = repeats_wanted(model, table, MAE, most)
        assert wanted == (3 if stable else min(math.ceil(needed), most))
        assert ("is enough" in why) == stable


def test_the_reason_of_the_repeats_prints_its_error_like_the_measure():
    table, folds = table_of("binary", ROWS), folds_of(ROWS)
    twice = Folds(np.repeat(folds.fold_RN, 2, axis=0), temporal=False)
    model = held_out(table, twice, 0.6)
    _, why = repeats_wanted(model, table, ACCURACY, 9)
    assert re.match(r"the luck of the shuffles leaves a standard error of \d+\.\d+ percentage points?, \d", why)


def test_an_interval_is_wider_where_rows_come_in_groups():
    values_N = np.repeat(np.random.default_rng(0).random(9), 10)
    table = replace(table_of("unit_interval_regression", ROWS), y_NT=values_N[:, None])
    grouped = replace(
        table,
        frame=table.frame.assign(clinic=np.repeat(list("abcdefghi"), 10)),
        schema=table.schema.model_copy(update={"groups": "clinic"}),
    )
    alone, whole = (score_sealed_test(t, np.full((ROWS, 1), 0.5), MAE) for t in (table, grouped))
    assert whole.high - whole.low > 2 * (alone.high - alone.low)
    assert whole.value == alone.value


RANKS = ["roc_auc", "average_precision", "mean_average_precision"]


def on_different_scales(rows: int = 60, folds: int = 3) -> tuple[Table, HeldOut]:
    """Each fold's model ranks its rows nearly perfectly, but on a scale of its own."""
    table = replace(table_of("binary", rows), y_NT=(np.arange(rows) % 4 == 0).astype(float)[:, None])
    splits = list(folds_of(rows, parts=folds))
    noise = np.random.default_rng(0).normal(scale=0.2, size=(rows, 1))
    scales = [0.9, 0.3, 0.01]
    return table, HeldOut(splits, [scales[s.fold] * (table.y_NT + noise)[s.validation] for s in splits])


@pytest.mark.parametrize("name", RANKS)
def test_the_ranks_of_folds_whose_scores_are_on_different_scales_are_averaged(name: str):
    table, model = on_different_scales()
    measure, (rows, p_NK) = TABLE[name], all_rows(model)
    of_folds = model.scores(table, measure)
    assert model.value(table, measure) == estimate(model, table, measure).value == pytest.approx(of_folds.mean())
    assert measure.value(table.y_NT[rows], p_NK, table.w_N[rows]) < of_folds.min() - 0.05


@pytest.mark.parametrize("name", sorted(set(TYPES["binary"].measures) - set(RANKS)))
def test_measures_of_rows_and_counts_are_taken_on_the_rows_of_all_folds(name: str):
    table, model = on_different_scales()
    model = HeldOut(model.splits, [p_VK.clip(0, 1) for p_VK in model.predictions])
    rows, p_NK = all_rows(model)
    expected = TABLE[name].value(table.y_NT[rows], p_NK, table.w_N[rows])
    assert model.value(table, TABLE[name]) == pytest.approx(expected)


def test_folds_that_rank_nothing_have_no_part_in_the_mean():
    table, model = on_different_scales()
    y_NT = table.y_NT.copy()
    y_NT[model.splits[2].validation] = 0
    table = replace(table, y_NT=y_NT)
    for name in RANKS:
        assert model.value(table, TABLE[name]) == pytest.approx(model.scores(table, TABLE[name])[:2].mean())


def test_the_jackknife_of_a_rank_measure_leaves_rows_out_of_their_folds():
    table, model = on_different_scales()
    precision = TABLE["average_precision"]
    found = estimate(model, table, precision)
    one_scale = HeldOut(model.splits, [p_VK / p_VK.max() for p_VK in model.predictions])
    assert found == estimate(one_scale, table, precision)
    assert found.low > 0.7


@pytest.mark.parametrize("name", ["f1", "average_precision"])
@pytest.mark.parametrize("kind", ["k_fold", "hold_out"])
def test_what_any_random_order_scores_does_not_beat_a_constant(name, kind):
    """Of 20 models that know nothing, hardly one may be said to beat common sense."""
    rows = 150
    table = table_of("binary", rows)
    table = replace(table, y_NT=(np.arange(rows) % 3 == 0).astype(float)[:, None])
    folds = folds_of(rows, parts=5) if kind == "k_fold" else hold_out_at_random(rows)
    splits = list(folds)
    constant = HeldOut(splits, [np.full((len(s.validation), 1), 0.3) for s in splits])
    claims = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        model = HeldOut(splits, [0.3 + 0.6 * rng.random((len(s.validation), 1)) for s in splits])
        verdict = compare("beats_it", model, [constant], "a constant", table, folds, TABLE[name], seed=0)
        claims.append(verdict.holds)
        assert "the same predictions in random order: " in verdict.evidence
    assert sum(claims) <= 3


@pytest.mark.parametrize("kind", ["k_fold", "hold_out"])
def test_no_p_value_is_small_where_the_gain_lies_between_none_and_that_of_a_random_order(kind):
    """Predictions whose spread alone beats the reference, and which are surely worse than their own shuffles."""
    rows = 300
    rng = np.random.default_rng(1)
    table = table_of("regression", rows)
    table = replace(table, y_NT=rng.normal(size=(rows, 1)))
    folds = folds_of(rows, parts=5) if kind == "k_fold" else hold_out_at_random(rows)
    splits = list(folds)
    shifted = HeldOut(splits, [np.full((len(s.validation), 1), 1.0) for s in splits])
    against = HeldOut(splits, [-0.6 * table.y_NT[s.validation] for s in splits])
    comparison = compare("beats_it", against, [shifted], "a shifted constant", table, folds, MAE, seed=0).comparison
    assert comparison.handicap > 0
    assert comparison.outcome == "not sure"
    assert comparison.p_value > 0.5


@pytest.mark.parametrize("folds", [folds_of(ROWS), hold_out(ROWS)], ids=["k_fold", "hold_out"])
def test_the_unit_of_the_target_changes_no_outcome(table, folds):
    """Farads are as good as picofarads."""

    def verdict(unit: float):
        scaled = replace(table, y_NT=table.y_NT * unit)
        good, bad = held_out(scaled, folds, 0.02 * unit, seed=1), held_out(scaled, folds, 0.025 * unit, seed=2)
        return compare("beats_it", good, [bad], "the other", scaled, folds, MAE, seed=0)

    [usual, tiny] = [verdict(unit).comparison for unit in (1.0, 1e-15)]
    assert (usual.outcome, usual.method) == (tiny.outcome, tiny.method)
    assert usual.p_value == pytest.approx(tiny.p_value, rel=1e-3)


@pytest.mark.parametrize("folds", [folds_of(ROWS), hold_out(ROWS)], ids=["k_fold", "hold_out"])
def test_a_clearly_better_model_beats_its_reference_and_not_the_other_way_round(table, folds):
    good, bad = held_out(table, folds, 0.02, seed=1), held_out(table, folds, 0.3, seed=2)
    won = compare("beats_it", good, [bad], "the other", table, folds, MAE, seed=0)
    lost = compare("beats_it", bad, [good], "the other", table, folds, MAE, seed=0)
    assert won.holds
    assert not lost.holds
    assert f"network {good.value(table, MAE):.3f}, the other {bad.value(table, MAE):.3f}; gain" in won.evidence
    assert (won.comparison.outcome, lost.comparison.outcome) == ("better", "worse")
    assert won.comparison.gain.value == pytest.approx(bad.value(table, MAE) - good.value(table, MAE))
    assert won.comparison.gain.low > 0 > lost.comparison.gain.high


@pytest.mark.parametrize("folds", [folds_of(ROWS), hold_out(ROWS)], ids=["k_fold", "hold_out"])
def test_a_model_does_not_beat_itself(table, folds):
    model = held_out(table, folds, 0.1)
    assert not compare("beats_it", model, [model], "itself", table, folds, MAE, seed=0).holds


@pytest.mark.parametrize("seed", range(12))
def test_a_difference_is_sure_where_the_interval_of_the_corrected_paired_test_leaves_zero_out(table, seed):
    folds = folds_of(ROWS)
    model, reference = held_out(table, folds, 0.1, seed), held_out(table, folds, 0.112, seed + 100)
    verdict = compare("beats_it", model, [reference], "the other", table, folds, MAE, seed=0)
    gains_J = reference.scores(table, MAE) - model.scores(table, MAE)
    gain = reference.value(table, MAE) - model.value(table, MAE)
    found = verdict.comparison
    assert found.gain == paired_gain(gain, gains_J, folds.test_share)
    assert found.p_value == paired_p_value(gain, gains_J, folds.test_share)
    assert verdict.holds == (found.gain.low > 0) == (gain > 0 and found.p_value < 0.05)
    assert ("surely better" in verdict.evidence) == verdict.holds
    assert ("no sure difference" in verdict.evidence) == (found.gain.low <= 0 <= found.gain.high)


@pytest.mark.parametrize("folds", [folds_of(ROWS), hold_out(ROWS)], ids=["k_fold", "hold_out"])
def test_two_models_that_are_always_right_do_not_differ_surely(folds):
    table = table_of("binary", ROWS)
    model = held_out(table, folds, 0.0)
    for one in (model, HeldOut(model.splits, [0.9 * p_VK for p_VK in model.predictions])):
        found = compare("beats_it", one, [model], "the other", table, folds, ACCURACY, seed=0).comparison
        assert found.outcome == "not sure"
        assert found.gain.low < 0 == found.gain.value < found.gain.high


def test_several_references_count_by_their_mean(table):
    folds = folds_of(ROWS)
    model, *others = (held_out(table, folds, noise, seed) for seed, noise in enumerate((0.1, 0.2, 0.3)))
    found = compare("beats_it", model, others, "others", table, folds, MAE, seed=0).comparison
    assert found.reference_value == pytest.approx(np.mean([of.value(table, MAE) for of in others]))


def test_scores_of_development_folds_are_compared_with_the_same_test(table):
    folds = folds_of(ROWS)
    model, reference = held_out(table, folds, 0.1, 1), held_out(table, folds, 0.2, 2)
    pair = [of.scores(table, MAE) for of in (model, reference)]
    verdict = compare_scores("helps", ("one", pair[0]), ("two", pair[1]), list(folds), table, MAE, None)
    assert verdict.comparison.gain == paired_gain((pair[1] - pair[0]).mean(), pair[1] - pair[0], folds.test_share)
    assert verdict.comparison.model_value == pytest.approx(pair[0].mean())
    assert verdict.comparison.chosen_here
    assert "surely better" not in verdict.evidence


def test_scores_of_a_single_development_fold_are_compared_by_its_rows(table):
    folds = hold_out(ROWS)
    model, reference = held_out(table, folds, 0.1, 1), held_out(table, folds, 0.2, 2)
    [split], pair = list(folds), [of.scores(table, MAE) for of in (model, reference)]
    ours_B, theirs_B = (left_out(of.predictions[0], split, table, MAE) for of in (model, reference))
    verdict = compare_scores("helps", ("one", pair[0]), ("two", pair[1]), [split], table, MAE, theirs_B - ours_B)
    errors_V = [np.abs(of.predictions[0] - table.y_NT[split.validation])[:, 0] for of in (model, reference)]
    w_V = table.w_N[split.validation]
    gain_V = (errors_V[1] - errors_V[0]) * w_V / w_V.mean()
    assert verdict.comparison.gain.value == pytest.approx(gain_V.mean())
    width = verdict.comparison.gain.high - verdict.comparison.gain.low
    assert width == pytest.approx(2 * 2.045 * gain_V.std() / len(gain_V) ** 0.5, rel=0.1)


@pytest.mark.parametrize(
    ("network", "against_shallow", "shallow", "expected"),
    [
        (True, True, True, "network"),
        (True, False, True, "shallow model"),
        (True, False, False, "network"),
        (False, False, True, "shallow model"),
        (False, True, False, "common sense"),
        (False, False, False, "common sense"),
    ],
)
def test_the_simplest_model_that_is_surely_better_than_common_sense_is_recommended(
    network, against_shallow, shallow, expected
):
    assert recommended({GATE: network, AGAINST_SHALLOW: against_shallow, SHALLOW_GATE: shallow}) == expected


@pytest.mark.parametrize("folds", [folds_of(ROWS), hold_out(ROWS)], ids=["k_fold", "hold_out"])
def test_of_equally_good_models_one_is_seldom_said_to_beat_the_other(table, folds):
    claims = [
        compare(
            "beats_it",
            held_out(table, folds, 0.1, seed),
            [held_out(table, folds, 0.1, seed + 1000)],
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
    found = score_sealed_test(table, p_NK, MAE)
    assert found.rows == ROWS
    assert found.value == pytest.approx(0.05)
    assert found.low <= found.value <= found.high


def test_a_test_set_with_one_class_has_a_score_and_an_interval():
    table = table_of("binary", 20)
    one_class = replace(table, y_NT=np.zeros((20, 1)))
    for name in ("accuracy", "roc_auc", "average_precision", "f1", "balanced_accuracy", "log_loss"):
        found = score_sealed_test(one_class, np.full((20, 1), 0.3), TABLE[name])
        assert np.isfinite([found.value, found.low, found.high]).all()


def test_a_perfect_sealed_test_still_has_an_interval():
    table = table_of("binary", rows=47)
    score = score_sealed_test(table, table.y_NT, ACCURACY)
    assert score.value == 1.0
    assert score.low == pytest.approx(47 / (47 + 1.959964**2))
    balanced = score_sealed_test(table, table.y_NT, TABLE["balanced_accuracy"])
    assert balanced.low == pytest.approx(0.025 ** (1 / min((table.y_NT == k).sum() for k in (0, 1))))


def test_a_model_that_knows_one_class_only_has_an_interval_as_wide_as_the_rarest_class_is_small():
    """Its balanced accuracy is one half on any rows that hold both classes."""
    table = table_of("binary", rows=47)
    found = score_sealed_test(table, np.full((47, 1), 0.9), TABLE["balanced_accuracy"])
    away = 1 - 0.025 ** (1 / min((table.y_NT == k).sum() for k in (0, 1)))
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5 - away, 0.5 + away))


def test_a_measure_of_classes_has_an_interval_by_the_rows_of_the_rarest_one():
    table = table_of("binary", rows=60)
    y_NT = (np.arange(60) < 6).astype(float)[:, None]
    table = replace(table, y_NT=y_NT)
    p_NK = np.clip(y_NT + np.random.default_rng(0).normal(scale=0.6, size=(60, 1)), 0, 1)
    wide = score_sealed_test(table, p_NK, TABLE["roc_auc"])
    variance = jackknife_variance(
        lambda kept: TABLE["roc_auc"].value(y_NT[kept], p_NK[kept], np.ones(kept.sum())), np.arange(60)
    )
    expected = transformed_interval(wide.value, variance, 0.0, 1.0, 5)
    assert (wide.low, wide.high) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_the_accuracy_is_wilsons_with_as_many_rows_as_the_folds_are_worth():
    table = table_of("binary", ROWS)
    p_NK = np.where(np.arange(ROWS)[:, None] < 12, 1 - table.y_NT, table.y_NT)
    splits = list(folds_of(ROWS))
    found = estimate(HeldOut(splits, [p_NK[split.validation] for split in splits]), table, ACCURACY)
    expected = share_interval(1 - 12 / ROWS, ROWS / (1 + 90 / 60))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    alone = score_sealed_test(table, p_NK, ACCURACY)
    assert (alone.low, alone.high) == pytest.approx(
        tuple(share_interval(1 - 12 / ROWS, ROWS).model_dump().values())[1:]
    )


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


def test_an_interval_without_a_width_is_no_reference():
    wide, none = Estimate(value=2.0, low=1.0, high=4.0), Estimate(value=2.0, low=2.0, high=2.0)
    assert times_as_wide(wide, Estimate(value=2.0, low=1.5, high=2.5)) == 3.0
    assert times_as_wide(wide, none) == 1.0
