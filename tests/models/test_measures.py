"""The measures are scikit-learn's, weights and ties included; the automatic choice keeps its stated rules."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from src.models.measures import TABLE
from src.models.types.registry import TYPES
from tests.models.answers import PREDICTING, predictions_of, targets_of

MEASURES = {name: kind.measures for name, kind in PREDICTING.items()}
THEIRS = {
    "accuracy": lambda y, p, w: metrics.accuracy_score(y[:, 0], chosen(p), sample_weight=w),
    "balanced_accuracy": lambda y, p, w: metrics.balanced_accuracy_score(y[:, 0], chosen(p), sample_weight=w),
    "f1": lambda y, p, w: metrics.f1_score(y[:, 0], chosen(p), sample_weight=w, zero_division=0),
    "roc_auc": lambda y, p, w: metrics.roc_auc_score(y[:, 0], p[:, 0], sample_weight=w),
    "average_precision": lambda y, p, w: metrics.average_precision_score(y[:, 0], p[:, 0], sample_weight=w),
    "log_loss": lambda y, p, w: metrics.log_loss(y[:, 0], p, sample_weight=w, labels=range(max(p.shape[1], 2))),
    "macro_f1": lambda y, p, w: metrics.f1_score(
        *((y, p >= 0.5) if y.shape[1] > 1 else (y[:, 0], chosen(p))),
        average="macro",
        sample_weight=w,
        zero_division=0,
    ),
    "mean_average_precision": lambda y, p, w: metrics.average_precision_score(
        y[:, y.any(axis=0)], p[:, y.any(axis=0)], average="macro", sample_weight=w
    ),
    "micro_f1": lambda y, p, w: metrics.f1_score(y, p >= 0.5, average="micro", sample_weight=w, zero_division=0),
    "hamming_accuracy": lambda y, p, w: 1 - metrics.hamming_loss(y, p >= 0.5, sample_weight=w),
    "subset_accuracy": lambda y, p, w: metrics.accuracy_score(y, p >= 0.5, sample_weight=w),
    "mae": lambda y, p, w: metrics.mean_absolute_error(y, p, sample_weight=w),
    "rmse": lambda y, p, w: metrics.root_mean_squared_error(y, p, sample_weight=w),
    "mse": lambda y, p, w: metrics.mean_squared_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: metrics.r2_score(y, p, sample_weight=w),
}


def chosen(p_NK):
    return p_NK.argmax(axis=1) if p_NK.shape[1] > 1 else (p_NK[:, 0] >= 0.5).astype(int)


def answers(kind: str, rows: int, decimals: int, seed: int):
    """Random actual values, predictions and weights; few decimals make many ties."""
    y_NT = targets_of(TYPES[kind], rows, seed)
    y_NT[:2] = [[0.0], [1.0]][:rows]
    return (
        y_NT,
        predictions_of(TYPES[kind], rows, seed + 1, decimals),
        np.random.default_rng(seed).uniform(0.2, 3, rows),
    )


def test_every_measure_of_predictions_has_an_independent_computation_here():
    missing = {name for names in MEASURES.values() for name in names} - set(THEIRS)
    assert not missing, f"tests/models/test_measures.py: add an independent computation of {missing} to THEIRS"


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in MEASURES.items() for name in names])
@given(rows=st.integers(2, 60), decimals=st.integers(0, 9), seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_every_measure_of_every_type_is_the_one_of_scikit_learn(kind, name, rows, decimals, seed):
    y_NT, p_NK, w_N = answers(kind, rows, decimals, seed)
    assert TABLE[name].value(y_NT, p_NK, w_N) == pytest.approx(THEIRS[name](y_NT, p_NK, w_N), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in MEASURES.items() for name in names])
def test_members_measured_at_once_are_each_as_alone_to_the_last_bit(kind, name):
    y_NT, p_NK, w_N = answers(kind, 43, 3, 0)
    p_MNK = np.stack([p_NK, answers(kind, 43, 9, 1)[1], p_NK[::-1]])
    values_M = TABLE[name].values(TABLE[name].statistics(y_NT, p_MNK), w_N)
    assert values_M.tolist() == [TABLE[name].value(y_NT, p_NK, w_N) for p_NK in p_MNK]


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
@given(
    rows=st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0.01, 100)), min_size=2),
)
@settings(max_examples=150, deadline=None)
def test_ranking_measures_share_out_ties_as_scikit_learn_does(name, rows):
    y_N1 = np.array([[float(y)] for y, _, _ in rows])
    p_N1 = np.array([[p] for _, p, _ in rows])
    w_N = np.array([w for _, _, w in rows])
    one_class = {"roc_auc": 0.5, "average_precision": float(y_N1[0, 0])}
    expected = THEIRS[name](y_N1, p_N1, w_N) if np.ptp(y_N1) else one_class[name]
    assert TABLE[name].value(y_N1, p_N1, w_N) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
@given(seed=st.integers(0, 10**6), rows=st.integers(2, 40))
@settings(max_examples=30, deadline=None)
def test_ranking_measures_do_not_depend_on_the_order_of_the_rows_nor_on_the_scale_of_the_weights(name, seed, rows):
    y_NT, p_NK, w_N = answers("binary", rows, 1, seed)
    order = np.random.default_rng(seed).permutation(rows)
    value = TABLE[name].value
    assert value(y_NT[order], p_NK[order], 7 * w_N[order]) == pytest.approx(value(y_NT, p_NK, w_N), abs=1e-11)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_a_network_that_has_diverged_ranks_no_better_than_chance_whatever_the_order_of_the_rows(name):
    y_N1 = np.repeat([[0.0], [1.0]], [6, 2], axis=0)
    p_N1 = np.full((8, 1), np.nan)
    for y in (y_N1, y_N1[::-1]):
        assert TABLE[name].value(y, p_N1, np.ones(8)) == pytest.approx(
            {"roc_auc": 0.5, "average_precision": 0.25}[name]
        )


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in MEASURES.items() for name in names])
def test_the_truth_scores_best_and_stays_in_the_stated_range(kind, name):
    y_NT, p_NK, w_N = answers(kind, 40, 3, seed=1)
    truth_NK = TYPES[kind].perfect_predictions(y_NT, p_NK.shape[1])
    measure = TABLE[name]
    best = measure.value(y_NT, truth_NK, w_N)
    assert best == pytest.approx(1.0 if measure.direction == "maximize" else 0.0, abs=1e-12)
    worse = measure.value(y_NT, p_NK, w_N)
    assert measure.better(best, worse)
    assert not measure.better(worse, best)
    assert measure.gain(best, worse) > 0 > measure.gain(worse, best)
    assert measure.lowest <= worse <= measure.highest


@pytest.mark.parametrize("kind", list(MEASURES))
def test_a_constant_prediction_and_a_fold_with_one_class_give_finite_values(kind):
    for name in MEASURES[kind]:
        y_NT, p_NK, w_N = answers(kind, 12, 2, seed=3)
        constant_NK = np.full_like(p_NK, 1 / p_NK.shape[1])
        assert np.isfinite(TABLE[name].value(y_NT, constant_NK, w_N)), name
        assert np.isfinite(TABLE[name].value(np.zeros_like(y_NT), p_NK, w_N)), name
        assert np.isfinite(TABLE[name].value(y_NT[:1], p_NK[:1], w_N[:1])), name


def test_a_weight_of_two_counts_like_the_row_twice():
    for kind, names in MEASURES.items():
        y_NT, p_NK, _ = answers(kind, 20, 2, seed=5)
        weights = np.where(np.arange(20) < 7, 2.0, 1.0)
        twice = np.r_[np.arange(20), np.arange(7)]
        for name in names:
            weighted = TABLE[name].value(y_NT, p_NK, weights)
            assert weighted == pytest.approx(TABLE[name].value(y_NT[twice], p_NK[twice], np.ones(27))), name


@pytest.mark.parametrize(
    ("kind", "shares", "expected"),
    [
        ("binary", {"a": 0.5, "b": 0.5}, "accuracy"),
        ("binary", {"a": 0.8, "b": 0.2}, "accuracy"),
        ("binary", {"a": 0.801, "b": 0.199}, "average_precision"),
        ("multiclass", {"a": 0.5, "b": 0.43, "c": 0.07}, "accuracy"),
        ("multiclass", {"a": 0.5, "b": 0.44, "c": 0.06}, "macro_f1"),
        ("multilabel", {"a": 0.9, "b": 0.01}, "mean_average_precision"),
        ("regression", {}, "mae"),
        ("unit_interval_regression", {}, "mae"),
    ],
)
def test_the_automatic_measure_follows_the_balance_of_the_classes(kind, shares, expected):
    measure, reason = TYPES[kind].choose_measure(shares)
    assert measure == expected
    assert measure in MEASURES[kind]
    assert reason


def test_the_table_defines_exactly_the_measures_that_a_problem_may_name():
    assert set(TABLE) == {name for type_ in TYPES.values() for name in type_.measures}
    assert all(name == measure.name for name, measure in TABLE.items())


@pytest.mark.parametrize("name", TABLE)
def test_a_measure_goes_to_the_processes_that_train(name):
    assert pickle.loads(pickle.dumps(TABLE[name])) == TABLE[name]
