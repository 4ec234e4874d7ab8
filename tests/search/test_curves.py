"""Where curves turn: overfitting is seen where it is, and noise is not taken for it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.core.errors import UserError
from src.search.curves import best_epoch, find_turn, smooth

EPOCHS = 200
EPOCH_E = np.arange(1, EPOCHS + 1)


def falling(epochs: np.ndarray = EPOCH_E) -> np.ndarray:
    return 0.2 + np.exp(-epochs / 40)


def turning(at: int, slope: float = 0.004) -> np.ndarray:
    """Falls to its lowest point at an epoch, then rises by `slope` an epoch."""
    return 0.5 + 0.01 * np.maximum(at - EPOCH_E, 0) + slope * np.maximum(EPOCH_E - at, 0)


def noisy(curve_E: np.ndarray, share: float, seed: int) -> np.ndarray:
    return curve_E * (1 + share * np.random.default_rng(seed).normal(size=len(curve_E)))


@given(at=st.integers(10, 120), folds=st.integers(1, 5), seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_the_turn_of_an_overfitting_network_is_found_near_its_epoch(at, folds, seed):
    curves = [noisy(turning(at), 0.01, seed + fold) for fold in range(folds)]
    turn = find_turn([falling()] * folds, curves)
    assert turn.overfits
    assert abs(turn.epoch - at) <= 10
    assert turn.lowest == pytest.approx(0.5, rel=0.1)
    assert turn.rise == pytest.approx(0.004 * (190 - at), rel=0.2, abs=0.03)


def test_a_network_that_goes_on_improving_does_not_overfit():
    turn = find_turn([falling()] * 3, [falling() * f for f in (1.0, 1.1, 1.2)])
    assert not turn.overfits
    assert turn.epoch > EPOCHS - 5


@pytest.mark.parametrize("folds", [1, 5])
@pytest.mark.parametrize("share", [0.02, 0.05, 0.2])
def test_a_flat_ragged_curve_is_no_overfitting(folds, share):
    flat = 0.5 + 0.5 * np.exp(-EPOCH_E / 10)
    claims = [
        find_turn([falling()] * folds, [noisy(flat, share, 1000 * seed + fold) for fold in range(folds)]).overfits
        for seed in range(60)
    ]
    assert np.mean(claims) <= 0.05


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_a_ragged_curve_that_turns_is_overfitting_all_the_same(share):
    claims = [
        find_turn([falling()] * 5, [noisy(turning(40), share, 1000 * seed + fold) for fold in range(5)]).overfits
        for seed in range(20)
    ]
    assert np.mean(claims) == 1.0


def test_a_rise_of_less_than_two_percent_is_no_turn():
    assert not find_turn([falling()], [turning(100, slope=0.00005)]).overfits
    assert find_turn([falling()], [turning(100, slope=0.0005)]).overfits


def test_a_rise_in_one_fold_alone_is_no_turn():
    turn = find_turn([falling()] * 5, [turning(50, slope=0.006), *[turning(50, slope=-0.0014)] * 4])
    assert turn.rise > 0.02 * turn.lowest
    assert not turn.overfits


def test_where_the_training_loss_rises_too_the_network_is_not_overfitting():
    assert not find_turn([turning(40)] * 2, [turning(40)] * 2).overfits


def test_a_training_that_diverged_is_an_error_that_names_the_learning_rate():
    diverged = np.where(EPOCH_E < 50, falling(), np.nan)
    for curves in ([diverged], [np.where(EPOCH_E < 50, falling(), np.inf)]):
        with pytest.raises(UserError, match=r"training\.learning_rate"):
            find_turn(curves, [falling()])
        with pytest.raises(UserError, match=r"training\.learning_rate"):
            find_turn([falling()], curves)


@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 5, 9])
def test_short_trainings_are_judged_without_error(epochs):
    curve_E = falling(np.arange(1, epochs + 1))
    turn = find_turn([curve_E], [curve_E])
    assert 1 <= turn.epoch <= epochs
    assert not turn.overfits
    assert 1 <= best_epoch([curve_E], maximize=False) <= epochs


@given(curve=st.lists(st.floats(-100, 100), min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_smoothing_keeps_a_curve_within_its_bounds_and_its_length(curve):
    curve_E = np.array(curve)
    smoothed_E = smooth(curve_E)
    assert len(smoothed_E) == len(curve_E)
    assert smoothed_E.min() >= curve_E.min() - 1e-9
    assert smoothed_E.max() <= curve_E.max() + 1e-9


def test_a_smoothed_epoch_is_the_mean_of_the_five_around_it():
    curve_E = np.arange(10.0) ** 2
    assert smooth(curve_E)[4] == pytest.approx(curve_E[2:7].mean())
    assert smooth(curve_E)[0] == pytest.approx(curve_E[:3].mean())
    assert smooth(curve_E)[9] == pytest.approx(curve_E[7:].mean())


@pytest.mark.parametrize("maximize", [True, False])
def test_the_best_epoch_is_that_of_the_mean_curve_over_the_folds(maximize):
    sign = 1 if maximize else -1
    early, late = -np.abs(EPOCH_E - 60.0), -np.abs(EPOCH_E - 100.0)
    assert best_epoch([sign * early], maximize) == 60
    assert 60 <= best_epoch([sign * early, sign * late], maximize) <= 100


def test_one_lucky_epoch_is_not_the_best():
    curve_E = turning(100)
    curve_E[10] = 0.0
    assert abs(best_epoch([curve_E], maximize=False) - 100) <= 3


def test_of_equal_epochs_the_first_is_best():
    assert best_epoch([np.ones(50)], maximize=True) == 1


def test_an_epoch_after_divergence_is_never_the_best():
    curve_E = np.where(EPOCH_E < 50, falling(), np.nan)
    assert best_epoch([curve_E, falling()], maximize=False) < 50
    assert best_epoch([np.full(20, np.nan)], maximize=True) == 1
