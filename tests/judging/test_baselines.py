"""Common sense is scikit-learn's Dummy*, persistence looks back, and shallow models suit every type."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier, DummyRegressor

from src.judging.baselines import common_sense, shallow
from src.kinds.tabular.shallow import SHALLOW
from src.models.measures import TABLE
from src.tables.protocols import Split
from src.tables.table import Table
from tests.training.examples import table_of

KINDS = ["binary", "multiclass", "multilabel", "regression", "unit_interval_regression"]
OUTPUTS = {"binary": 1, "multiclass": 3, "multilabel": 2, "regression": 2, "unit_interval_regression": 1}


def split_of(rows: int) -> Split:
    held_out = np.arange(0, rows, 3)
    return Split(0, 0, np.setdiff1d(np.arange(rows), held_out), held_out)


def with_targets(table: Table, y_NT: np.ndarray) -> Table:
    return replace(table, y_NT=y_NT.astype(float))


@given(seed=st.integers(0, 10**6), rows=st.integers(6, 60), kind=st.sampled_from(["binary", "multiclass"]))
@settings(max_examples=30, deadline=None)
def test_the_majority_is_that_of_scikit_learn_and_its_probabilities_are_the_weighted_shares(seed, rows, kind):
    table, split = table_of(kind, rows, seed, weights=True), split_of(rows)
    y_A, w_A = table.y_NT[split.training, 0], table.w_N[split.training]
    theirs = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(y_A), 1)), y_A, sample_weight=w_A)
    prior = DummyClassifier(strategy="prior").fit(np.zeros((len(y_A), 1)), y_A, sample_weight=w_A)
    p_VK = common_sense(table.schema)["majority"](table, split, 0)
    assert p_VK.shape == (len(split.validation), OUTPUTS[kind])
    p_VC = np.column_stack([1 - p_VK, p_VK]) if kind == "binary" else p_VK
    np.testing.assert_allclose(
        p_VC[:, prior.classes_.astype(int)], prior.predict_proba(np.zeros((len(p_VK), 1))), rtol=1e-9, atol=1e-12
    )
    assert (p_VC.argmax(axis=1) == theirs.predict(np.zeros((len(p_VK), 1)))).all()


@given(seed=st.integers(0, 10**6), rows=st.integers(6, 60), weights=st.booleans())
@settings(max_examples=40, deadline=None)
def test_the_median_and_the_mean_are_those_of_scikit_learn(seed, rows, weights):
    table, split = table_of("regression", rows, seed, weights), split_of(rows)
    y_AT, w_A = table.y_NT[split.training], table.w_N[split.training]
    x_A1 = np.zeros((len(y_AT), 1))
    for strategy, ours in common_sense(table.schema).items():
        theirs = DummyRegressor(strategy=strategy).fit(x_A1, y_AT, sample_weight=w_A if weights else None)
        found = ours(table, split, 0)
        assert found.shape == (len(split.validation), 2)
        if strategy == "mean" or not weights:
            np.testing.assert_allclose(found, theirs.predict(np.zeros((len(found), 1))), rtol=1e-9)


@given(
    rows=st.lists(st.tuples(st.floats(-10, 10), st.floats(0.1, 10)), min_size=6, max_size=30), offset=st.floats(-3, 3)
)
@settings(max_examples=60, deadline=None)
def test_no_constant_has_a_smaller_weighted_absolute_error_than_the_median(rows, offset):
    y_N1, w_N = np.array([[y] for y, _ in rows]), np.array([w for _, w in rows])
    table = replace(table_of("unit_interval_regression", len(rows)), y_NT=y_N1, w_N=w_N / w_N.mean())
    everything = np.arange(len(rows))
    found = common_sense(table.schema)["median"](table, Split(0, 0, everything, everything), 0)
    error = TABLE["mae"].value
    assert error(y_N1, found, w_N) <= error(y_N1, found + offset, w_N) + 1e-9


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_stratified_answers_are_certain_fall_as_the_classes_do_and_differ_from_fold_to_fold(kind):
    table = table_of(kind, rows=3000)
    split = split_of(3000)
    stratified = common_sense(table.schema)["stratified"]
    p_VK = stratified(table, split, 0)
    assert set(np.unique(p_VK)) == {0.0, 1.0}
    shares_1K = common_sense(table.schema)["majority"](table, split, 0)[:1]
    np.testing.assert_allclose(p_VK.mean(axis=0), shares_1K[0], atol=0.05)
    assert (p_VK == stratified(table, split, 0)).all()
    assert (p_VK != stratified(table, replace(split, fold=1), 0)).any()
    assert (p_VK != stratified(table, replace(split, repeat=1), 0)).any()
    assert (p_VK != stratified(table, split, 1)).any()


def timed(kind: str, moments: list[float]) -> Table:
    table = table_of(kind, len(moments))
    frame = table.frame.assign(day=moments)
    return replace(table, frame=frame, schema=table.schema.model_copy(update={"time": "day"}))


def test_persistence_is_offered_where_there_is_time_and_says_what_was_true_last():
    assert "last_value" not in common_sense(table_of("regression").schema)
    table = timed("regression", [3.0, 9.0, 1.0, 9.0, 5.0, 11.0])
    last_value = common_sense(table.schema)["last_value"]
    found = last_value(table, Split(0, 0, np.arange(5), np.array([5])), 0)
    np.testing.assert_allclose(found, table.y_NT[[1, 3]].mean(axis=0)[None])


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_persistence_of_classes_is_their_share_at_the_last_moment(kind):
    table = timed(kind, [1.0] * 40 + [2.0] * 7)
    found = common_sense(table.schema)["last_value"](table, Split(0, 0, np.arange(47), np.arange(3)), 0)
    assert found.shape == (3, OUTPUTS[kind])
    last_NT = table.y_NT[40:]
    shares = last_NT == np.arange(3) if kind == "multiclass" else last_NT
    np.testing.assert_allclose(found[0], shares.mean(axis=0))


@pytest.mark.parametrize("kind", KINDS)
def test_common_sense_learns_from_training_rows_alone(kind):
    table, split = table_of(kind), split_of(47)
    y_NT = table.y_NT.copy()
    y_NT[split.validation] = y_NT[split.validation[::-1]]
    for model in common_sense(table.schema).values():
        assert (model(table, split, 0) == model(with_targets(table, y_NT), split, 0)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["linear", "gradient_boosting"])
def test_shallow_models_suit_every_type_and_beat_common_sense_where_there_is_a_signal(kind, name):
    table, split = table_of(kind, rows=240), split_of(240)
    p_VK = shallow(name, table, split, 0)
    assert p_VK.shape == (len(split.validation), OUTPUTS[kind])
    if kind != "regression":
        assert ((p_VK >= 0) & (p_VK <= 1)).all()
    if kind == "multiclass":
        np.testing.assert_allclose(p_VK.sum(axis=1), 1, rtol=1e-5)
    error = TABLE["mse"].value
    y_VT = table.y_NT[split.validation]
    if kind == "multiclass":
        y_VT = (y_VT == np.arange(3)).astype(float)
    dummy = next(iter(common_sense(table.schema).values()))
    assert error(y_VT, p_VK, np.ones(len(y_VT))) < 0.8 * error(y_VT, dummy(table, split, 0), np.ones(len(y_VT)))
    assert (p_VK == shallow(name, table, split, 0)).all()


@pytest.mark.parametrize("name", list(SHALLOW["classifier"]))
def test_a_label_that_no_training_row_has_is_never_expected(name):
    table = table_of("multilabel")
    y_NT = table.y_NT.copy()
    split = split_of(47)
    y_NT[split.training, 0] = 0.0
    y_NT[split.training, 1] = 1.0
    p_VK = shallow(name, with_targets(table, y_NT), split, 0)
    np.testing.assert_array_equal(p_VK, np.tile([0.0, 1.0], (len(split.validation), 1)))


@pytest.mark.parametrize("name", list(SHALLOW["classifier"]))
@pytest.mark.parametrize("known", [[0], [2], [0, 2], [1, 2]])
def test_a_class_that_no_training_row_of_the_fold_has_gets_probability_zero(name, known):
    table, split = table_of("multiclass"), split_of(47)
    y_NT = table.y_NT.copy()
    lacking = split.training[~np.isin(y_NT[split.training, 0], known)]
    y_NT[lacking] = known[0]
    p_VK = shallow(name, with_targets(table, y_NT), split, 0)
    assert p_VK.shape == (len(split.validation), 3)
    assert not p_VK[:, [c for c in range(3) if c not in known]].any()
    np.testing.assert_allclose(p_VK.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["linear", "gradient_boosting"])
def test_weights_are_used(kind, name):
    table, split = table_of(kind, rows=120), split_of(120)
    signal = np.nan_to_num(table.frame["x"])
    weighted = replace(table, w_N=np.where(signal > 0, 5.0, 0.1))
    assert (shallow(name, table, split, 0) != shallow(name, weighted, split, 0)).any()
    for dummy in [model for name, model in common_sense(table.schema).items() if name != "stratified"]:
        assert (dummy(table, split, 0) != dummy(weighted, split, 0)).any()


def test_large_tables_are_thinned_evenly_for_the_shallow_models(monkeypatch):
    monkeypatch.setattr("src.judging.baselines.SHALLOW_ROWS", 10)
    table, split = table_of("regression"), split_of(47)
    thinned = replace(split, training=split.training[::4])
    assert len(thinned.training) <= 10
    assert (shallow("linear", table, split, 0) == shallow("linear", table, thinned, 0)).all()
