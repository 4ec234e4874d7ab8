"""Intervals that a hand computation confirms, and that cover what they claim to cover."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t, ttest_1samp

from src.judging.intervals import (
    agreed_p_value,
    bootstrap,
    conformal_half_width,
    corrected_variance,
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
from src.results.verdicts import Estimate


def test_the_corrected_resampled_variance_is_the_one_computed_by_hand():
    scores_J = np.array([0.90, 0.92, 0.88, 0.94, 0.91])
    # S² = 0.0005; five folds hold out a fifth: 1/5 + 0.2/0.8 = 0.45
    assert corrected_variance(scores_J, 0.2) == pytest.approx(0.45 * 0.0005)


def test_the_paired_test_is_the_one_computed_by_hand():
    gains_J = np.array([0.02, 0.01, 0.03, 0.00])
    error = ((1 / 4 + 0.25 / 0.75) * gains_J.var(ddof=1)) ** 0.5
    assert paired_p_value(0.015, gains_J, 0.25) == pytest.approx(2 * float(t.sf(0.015 / error, 3)))
    found = paired_gain(0.015, gains_J, 0.25)
    assert (found.low, found.high) == pytest.approx((0.015 - 3.1824463 * error, 0.015 + 3.1824463 * error))


def test_without_a_held_out_share_the_paired_test_is_students():
    gains_J = np.array([0.2, -0.1, 0.3, 0.15, 0.05])
    expected = ttest_1samp(gains_J, 0)
    assert paired_p_value(gains_J.mean(), gains_J, 0.0) == pytest.approx(expected.pvalue)
    found, interval = paired_gain(gains_J.mean(), gains_J, 0.0), expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=15), st.floats(0.05, 0.5))
def test_the_interval_of_a_gain_leaves_zero_out_where_the_p_value_is_below_5_percent(gains, test_share):
    gains_J = np.array(gains)
    found, p_value = (of(gains_J.mean(), gains_J, test_share) for of in (paired_gain, paired_p_value))
    assert abs(p_value - 0.05) < 1e-9 or (p_value < 0.05) == (found.low > 0 or found.high < 0)


@pytest.mark.parametrize(("highest", "away"), [(1.0, 1 - 0.025 ** (1 / 40)), (math.inf, 0.0)])
def test_equal_gains_in_every_fold_are_as_sure_as_their_rows(highest, away):
    found = widened_gain(paired_gain(0.1, np.full(5, 0.1), 0.2), 0.0, highest, 40)
    assert (found.low, found.high) == pytest.approx((0.1 - away, 0.1 + away))


@given(st.floats(-1, 1), st.integers(2, 10_000))
def test_the_p_value_of_equal_gains_is_below_5_percent_where_their_interval_leaves_zero_out(gain, units):
    found = widened_gain(Estimate(value=gain, low=gain, high=gain + 5e-16), 0.0, 1.0, units)
    p_value = agreed_p_value(gain, 0.0, 1.0, units)
    assert abs(p_value - 0.05) < 1e-9 or (p_value < 0.05) == (found.low > 0 or found.high < 0)


def test_the_gain_on_one_fold_has_the_interval_of_the_jackknife():
    values_N = np.random.default_rng(0).normal(0.3, 1, size=40)
    gains_B = jackknife_values(mean_of(values_N), np.arange(40))
    found, p_value = left_out_gain(values_N.mean(), gains_B)
    expected = ttest_1samp(values_N, 0)
    interval = expected.confidence_interval()
    assert (found.low, found.high, p_value) == pytest.approx((interval.low, interval.high, expected.pvalue))


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


@pytest.mark.parametrize(("rows", "expected"), [(10, 2000), (20_000, 2000), (100_000, 400), (300_000, 200)])
def test_large_tables_are_resampled_less_often(rows, expected):
    assert len(bootstrap(lambda _: 0.0, np.arange(rows), 0)) == expected


def mean_of(values_N):
    return lambda kept_N: float(values_N[kept_N].mean())


def test_the_jackknife_of_a_mean_is_its_squared_standard_error():
    values_N = np.random.default_rng(0).normal(size=60)
    assert jackknife_variance(mean_of(values_N), np.arange(60)) == pytest.approx(values_N.var(ddof=1) / 60)


def test_rows_of_one_unit_are_left_out_together():
    values_U = np.random.default_rng(0).normal(size=20)
    repeated_N, unit_of_N = np.repeat(values_U, 10), np.repeat(np.arange(20), 10)
    whole = jackknife_variance(mean_of(repeated_N), unit_of_N)
    assert whole == pytest.approx(values_U.var(ddof=1) / 20)
    assert whole > 5 * jackknife_variance(mean_of(repeated_N), np.arange(200))


def test_many_units_are_left_out_in_blocks_and_the_variance_stays_the_same():
    values_N = np.random.default_rng(0).normal(size=20_000)
    calls = []
    found = jackknife_variance(lambda kept: calls.append(1) or float(values_N[kept].mean()), np.arange(20_000))
    assert len(calls) == 400
    assert found == pytest.approx(values_N.var(ddof=1) / 20_000, rel=0.2)


def test_a_single_unit_shows_no_variance():
    assert jackknife_variance(mean_of(np.arange(5.0)), np.zeros(5, dtype=int)) == 0.0


def test_the_rows_count_once_and_nadeau_and_bengios_correction_comes_on_top():
    assert resampled_variance(0.02, held_out=200, training=160) == pytest.approx(0.02 * (1 + 200 / 160))


@pytest.mark.parametrize("repeats", [1, 6])
def test_intervals_of_cross_validation_cover_the_risk_of_an_unstable_procedure(repeats: int):
    """Ridge regression on random features, drawn anew for every fold; the truth is measured on new rows."""
    rng, rows, folds = np.random.default_rng(repeats), 60, 5

    def draw(count: int):
        x_ND = rng.normal(size=(count, 4))
        return x_ND, x_ND[:, 0] + 0.5 * x_ND[:, 1] * x_ND[:, 2] + rng.normal(size=count)

    def errors(x_ND, y_N, new_ND, new_N):
        w_DH = rng.normal(size=(4, 12))
        f_NH = np.maximum(x_ND @ w_DH, 0)
        b_H = np.linalg.solve(f_NH.T @ f_NH + 0.1 * np.eye(12), f_NH.T @ y_N)
        return np.abs(new_N - np.maximum(new_ND @ w_DH, 0) @ b_H)

    truth = np.mean([errors(*draw(rows), *draw(500)).mean() for _ in range(400)])
    held = []
    for _ in range(200):
        x_ND, y_N = draw(rows)
        errors_RN = np.empty((repeats, rows))
        for r in range(repeats):
            fold_N = rng.permutation(rows) % folds
            for fold in range(folds):
                out = fold_N == fold
                errors_RN[r, out] = errors(x_ND[~out], y_N[~out], x_ND[out], y_N[out])
        errors_N = errors_RN.mean(axis=0)
        variance = resampled_variance(errors_N.var(ddof=1) / rows, rows, rows * (folds - 1) / folds)
        found = transformed_interval(float(errors_N.mean()), variance, 0.0, math.inf, rows - 1)
        held.append(found.low <= truth <= found.high)
    assert 0.93 <= np.mean(held) <= 0.995


def test_the_interval_of_a_value_between_two_ends_is_students_on_the_logit_scale():
    found = transformed_interval(0.8, 0.04**2, 0.0, 1.0, 9)
    half = 2.262157163 * 0.04 / (0.8 * 0.2)
    logits = np.log(4) + np.array([-half, half])
    assert [found.low, found.high] == pytest.approx(list(1 / (1 + np.exp(-logits))))


def test_the_interval_of_an_error_is_students_on_the_logarithmic_scale():
    found = transformed_interval(5.0, 1.0, 0.0, math.inf, math.inf)
    assert (found.low, found.high) == pytest.approx((5 * math.exp(-1.959964 / 5), 5 * math.exp(1.959964 / 5)))
    mirrored = transformed_interval(-4.0, 1.0, -math.inf, 1.0, math.inf)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - found.high, 1 - found.low))


def test_the_interval_of_a_value_without_ends_is_students():
    found = transformed_interval(-3.0, 0.04, -math.inf, math.inf, 9)
    half = 2.262157163 * 0.2
    assert (found.value, found.low, found.high) == pytest.approx((-3, -3 - half, -3 + half))


@given(
    value=st.floats(0.01, 0.99),
    error=st.floats(1e-6, 1.0),
    ends=st.sampled_from([(0, 1), (0, math.inf), (-math.inf, 1), (-math.inf, math.inf)]),
)
@settings(max_examples=100, deadline=None)
def test_an_interval_holds_its_value_and_stays_between_the_ends(value, error, ends):
    found = transformed_interval(value, error**2, *ends, 20)
    assert ends[0] <= found.low <= value <= found.high <= ends[1]


@pytest.mark.parametrize(("value", "variance"), [(0.3, 0.0), (0.0, 0.1), (1.0, 0.1)])
def test_without_a_variance_or_at_an_end_the_interval_is_the_value(value, variance):
    found = transformed_interval(value, variance, 0.0, 1.0, 20)
    assert (found.low, found.high) == (value, value)


def coverage(draw, truth, lowest, highest, rows, times=400):
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(times):
        values_N = draw(rng, rows)
        variance = jackknife_variance(mean_of(values_N), np.arange(rows))
        found = transformed_interval(float(values_N.mean()), variance, lowest, highest, rows - 1)
        held += found.low <= truth <= found.high
    return held / times


@pytest.mark.parametrize(
    ("draw", "truth", "highest"),
    [
        (lambda rng, rows: np.abs(rng.normal(size=rows)), (2 / np.pi) ** 0.5, math.inf),
        (lambda rng, rows: rng.exponential(size=rows), 1.0, math.inf),
        (lambda rng, rows: (rng.random(rows) < 0.7).astype(float), 0.7, 1.0),
    ],
    ids=["absolute errors", "skewed errors", "shares"],
)
def test_intervals_of_40_simulated_rows_cover_the_truth_about_as_often_as_they_say(draw, truth, highest):
    assert 0.92 <= coverage(draw, truth, 0.0, highest, rows=40) <= 0.98


@pytest.mark.parametrize(("right", "rows"), [(7, 12), (12, 12), (0, 20), (199, 200)])
def test_the_interval_of_a_share_of_rows_is_wilsons(right: int, rows: int):
    from scipy.stats import binomtest

    found = share_interval(right / rows, rows)
    expected = binomtest(right, rows).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("rows", [12, 20, 60, 200])
def test_intervals_of_shares_hold_the_truth_about_as_often_as_they_say(rows: int):
    """Exactly, by the binomial distribution, on average over shares."""
    from scipy.stats import binom

    found = [share_interval(right / rows, rows) for right in range(rows + 1)]
    low_R, high_R = np.array([[of.low, of.high] for of in found]).T
    truth_S1 = np.linspace(0.5, 0.97, 200)[:, None]
    held_SR = (low_R <= truth_S1) & (truth_S1 <= high_R)
    covered_S = (binom.pmf(np.arange(rows + 1), rows, truth_S1) * held_SR).sum(axis=1)
    assert 0.945 <= covered_S.mean() <= 0.96


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
