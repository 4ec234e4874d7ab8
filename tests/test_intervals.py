"""Intervals that a hand computation confirms, and that cover what they claim to cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp

from src.intervals import (
    bootstrap,
    conformal_half_width,
    corrected_variance,
    cross_validation_interval,
    paired_p_value,
    percentile_interval,
    unanimous_interval,
)


def test_the_corrected_resampled_interval_is_the_one_computed_by_hand():
    scores_J = np.array([0.90, 0.92, 0.88, 0.94, 0.91])
    # mean 0.91, S² = 0.0005; five folds hold out a fifth: 1/5 + 0.2/0.8 = 0.45
    found = cross_validation_interval(scores_J, 0.2)
    assert corrected_variance(scores_J, 0.2) == pytest.approx(0.45 * 0.0005)
    assert found.value == pytest.approx(0.91)
    half = 2.776445105 * (0.45 * 0.0005) ** 0.5
    assert (found.low, found.high) == (pytest.approx(0.91 - half), pytest.approx(0.91 + half))


def test_the_paired_test_is_the_one_computed_by_hand():
    gains_J = np.array([0.02, 0.01, 0.03, 0.00])
    statistic = 0.015 / ((1 / 4 + 0.25 / 0.75) * gains_J.var(ddof=1)) ** 0.5
    assert paired_p_value(gains_J, 0.25) == pytest.approx(float(t.sf(statistic, 3)))


def test_without_a_held_out_share_the_paired_test_is_students():
    gains_J = np.array([0.2, -0.1, 0.3, 0.15, 0.05])
    assert paired_p_value(gains_J, 0.0) == pytest.approx(ttest_1samp(gains_J, 0, alternative="greater").pvalue)


@given(scores=st.lists(st.floats(0, 1), min_size=2, max_size=20), share=st.floats(0.05, 0.5))
@settings(max_examples=80, deadline=None)
def test_the_interval_holds_its_mean_and_overlap_makes_it_wider(scores, share):
    found = cross_validation_interval(np.array(scores), share)
    naive = cross_validation_interval(np.array(scores), 0.0)
    assert found.low <= found.value <= found.high
    assert found.high - found.low >= naive.high - naive.low


@pytest.mark.parametrize(("gain", "expected"), [(0.1, 0.0), (0.0, 1.0), (-0.1, 1.0)])
def test_equal_gains_in_every_fold_are_decided_by_their_sign(gain, expected):
    assert paired_p_value(np.full(5, gain), 0.2) == expected


def test_the_two_sides_of_the_paired_test_add_up():
    gains_J = np.array([0.02, -0.01, 0.03])
    assert paired_p_value(gains_J, 0.2) + paired_p_value(-gains_J, 0.2) == pytest.approx(1.0)


def test_the_bootstrap_repeats_itself_with_its_seed():
    values_N = np.random.default_rng(0).normal(size=50)
    one, again, other = (bootstrap(lambda r: float(values_N[r].mean()), np.arange(50), seed) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()
    assert (np.diff(one) >= 0).all()


@given(sizes=st.lists(st.integers(1, 6), min_size=2, max_size=10), seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_the_bootstrap_draws_whole_units_and_as_many_as_there_are(sizes, seed):
    units_N = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    drawn = []
    bootstrap(lambda rows: drawn.append(rows) or 0.0, units_N, seed)
    for rows in drawn[:100]:
        times_U = np.bincount(units_N[rows], minlength=len(sizes)) / np.array(sizes)
        assert (times_U == times_U.round()).all()
        assert times_U.sum() == len(sizes)
        for unit, times in enumerate(times_U):
            rows_of_unit = rows[units_N[rows] == unit]
            assert sorted(rows_of_unit) == sorted(np.repeat(np.flatnonzero(units_N == unit), int(times)))


def test_rows_of_one_unit_give_a_wider_interval_than_as_many_independent_rows():
    values_N = np.repeat(np.random.default_rng(0).normal(size=20), 10)

    def width(units_N):
        found = percentile_interval(0.0, bootstrap(lambda r: float(values_N[r].mean()), units_N, 0))
        return found.high - found.low

    assert width(np.repeat(np.arange(20), 10)) > 2 * width(np.arange(200))


@pytest.mark.parametrize(("rows", "expected"), [(10, 2000), (20_000, 2000), (100_000, 400), (300_000, 200)])
def test_large_tables_are_resampled_less_often(rows, expected):
    assert len(bootstrap(lambda _: 0.0, np.arange(rows), 0)) == expected


def test_the_percentile_interval_leaves_a_fortieth_on_either_side():
    found = percentile_interval(0.5, np.linspace(0, 1, 1001))
    assert (found.value, found.low, found.high) == (0.5, pytest.approx(0.025), pytest.approx(0.975))


def test_resampled_t_intervals_of_simulated_means_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    found = [cross_validation_interval(rng.normal(3.0, 1.0, 60), 0.0) for _ in range(300)]
    assert 0.92 <= np.mean([of.low <= 3 <= of.high for of in found]) <= 0.98


def test_bootstrap_intervals_of_simulated_means_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    covered = 0
    for seed in range(40):
        values_N = rng.normal(3.0, 1.0, 60)
        resampled = bootstrap(lambda rows, of=values_N: float(of[rows].mean()), np.arange(60), seed)
        found = percentile_interval(float(values_N.mean()), resampled)
        covered += found.low <= 3 <= found.high
    assert covered / 40 >= 0.85


@pytest.mark.parametrize(("value", "low", "high"), [(1.0, 0.902606, 1.0), (0.0, 0.0, 0.097394)])
def test_36_rows_that_are_all_right_leave_room_for_errors_not_seen(value, low, high):
    """Against scipy's exact binomial interval."""
    from scipy.stats import binomtest

    found = unanimous_interval(value, 36)
    exact = binomtest(int(36 * value), 36).proportion_ci(0.95, method="exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)


def test_the_half_width_is_the_rank_that_leaves_room_for_the_new_row():
    errors_M = np.arange(1.0, 40.0)  # of 39 rows: 95% of 39 + 1 is 38
    assert conformal_half_width(errors_M, np.arange(39)) == 38
    assert conformal_half_width(np.arange(1.0, 20.0), np.arange(19)) == 19


def test_eighteen_rows_are_too_few_for_an_interval_of_95_percent():
    assert conformal_half_width(np.arange(18.0), np.arange(18)) is None
    assert conformal_half_width(np.arange(180.0), np.arange(180) % 18) is None


@given(seed=st.integers(0, 1000), repeats=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_errors_told_several_times_widen_or_narrow_nothing(seed: int, repeats: int):
    errors_M, units_M = np.random.default_rng(seed).exponential(size=50), np.arange(50)
    again = conformal_half_width(np.tile(errors_M, repeats), np.tile(units_M, repeats))
    assert again == conformal_half_width(errors_M, units_M)


@pytest.mark.parametrize("rows", [19, 40, 133])
def test_errors_like_those_seen_are_within_the_half_width_as_often_as_promised(rows: int):
    rng = np.random.default_rng(rows)
    errors_BM = np.abs(rng.standard_t(3, size=(4000, rows + 1)))
    held = [errors_M[-1] <= conformal_half_width(errors_M[:-1], np.arange(rows)) for errors_M in errors_BM]
    exact = np.ceil(0.95 * (rows + 1)) / (rows + 1)
    assert np.mean(held) == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 4000) ** 0.5)


@pytest.mark.parametrize("noise", ["normal", "heavy", "skewed"])
def test_intervals_around_a_model_fitted_to_all_rows_cover_new_rows(noise: str):
    """The errors are those of five folds, as `evaluate` has them; the interval is put around the final model."""
    rng = np.random.default_rng(1)
    draw = {
        "normal": lambda: rng.normal(size=1060),
        "heavy": lambda: rng.standard_t(2.5, size=1060),
        "skewed": lambda: rng.exponential(size=1060) - 1,
    }[noise]
    covered = []
    for _ in range(200):
        x_ND = rng.normal(size=(1060, 6))
        y_N = x_ND @ np.array([2, -1, 0.5, 0, 0, 0]) + draw()
        fold_N = np.arange(60) % 5
        errors_N = np.empty(60)
        for fold in range(5):
            out = fold_N == fold
            weights = np.linalg.lstsq(x_ND[:60][~out], y_N[:60][~out], rcond=None)[0]
            errors_N[out] = np.abs(y_N[:60][out] - x_ND[:60][out] @ weights)
        final = np.linalg.lstsq(x_ND[:60], y_N[:60], rcond=None)[0]
        half = conformal_half_width(errors_N, np.arange(60))
        covered.append(np.mean(np.abs(y_N[60:] - x_ND[60:] @ final) <= half))
    assert 0.945 <= np.mean(covered) <= 0.985
