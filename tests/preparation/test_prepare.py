"""From the raw table to training rows, a sealed test set and folds: whole units, honest choices, clear refusals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.core.errors import UserError
from src.preparation.prepare import Preparation, prepare_table, time_numbers
from src.problem.steps import PrepareSettings

TARGETS = {
    "binary": "answer",
    "multiclass": "grade",
    "multilabel": ["tag_a", "tag_b"],
    "regression": ["price", "cost"],
    "unit_interval_regression": "share",
}
ALL_TARGETS = ["answer", "grade", "tag_a", "tag_b", "price", "cost", "share"]


def raw(rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """A canonical typed table with columns of every kind, gaps, and targets for every type."""
    rng = np.random.default_rng(seed)
    height = rng.normal(size=rows)
    frame = pd.DataFrame(
        {
            "height": np.where(rng.random(rows) < 0.1, np.nan, height),
            "colour": pd.Series(rng.choice(["red", "green", None], rows), dtype="str"),
            "member": pd.array(np.where(rng.random(rows) < 0.1, None, rng.random(rows) < 0.5), dtype="boolean"),
            "born": pd.Series(np.datetime64("1990-01-01") + rng.integers(0, 9000, rows).astype("timedelta64[D]")),
            "clinic": pd.Series(rng.choice(list("abcdefghijklmnop"), rows), dtype="str"),
            "day": rng.integers(0, 60, rows).astype(float),
            "trust": rng.uniform(0.5, 2, rows),
            "part": pd.Series(rng.choice(["train", "train", "test"], rows), dtype="str"),
            "answer": pd.Series(np.where(height + rng.normal(size=rows) > 0.5, "yes", "no"), dtype="str"),
            "grade": rng.choice([1.0, 2.0, 10.0], rows),
            "tag_a": (rng.random(rows) < 0.4).astype(float),
            "tag_b": pd.Series(np.where(rng.random(rows) < 0.4, "true", "false"), dtype="str"),
            "price": height + rng.normal(size=rows),
            "cost": rng.normal(size=rows),
            "share": rng.uniform(0, 1, rows),
        }
    )
    return frame.astype({"born": "datetime64[us]"})


def settings_of(kind: str, **changes: Any) -> PrepareSettings:
    target = TARGETS[kind]
    given = {
        "data": {"source": "file", "path": "table.csv"},
        "target": target,
        "type": kind,
        "drop": [name for name in ALL_TARGETS if name not in ([target] if isinstance(target, str) else target)],
        "test": {"share": 0.2},
        "protocol": "auto",
        "folds": "auto",
        "repeats": "auto",
        "seed": 0,
        "measure": "auto",
    }
    return PrepareSettings.model_validate(given | changes)


def prepared(kind: str = "binary", frame: pd.DataFrame | None = None, **changes: Any) -> Preparation:
    return prepare_table(raw() if frame is None else frame, settings_of(kind, **changes))


def choice(of: Preparation, setting: str) -> str | None:
    return next((choice.reason for choice in of.summary.choices if choice.setting == setting), None)


@pytest.mark.parametrize("kind", list(TARGETS))
def test_every_row_goes_to_training_or_test_with_its_values_and_its_position(kind):
    frame = raw()
    done = prepared(kind)
    assert sorted([*done.train["__row__"], *done.test["__row__"]]) == list(range(200))
    assert len(done.test) == pytest.approx(40, abs=2)
    features = ["height", "colour", "member", "born", "clinic", "day", "trust", "part"]
    for part in (done.train, done.test):
        assert list(part) == ["__row__", *features, *done.schema.targets]
        expected = frame.loc[part["__row__"], features].reset_index(drop=True)
        pd.testing.assert_frame_equal(part[features], expected)
    assert done.summary.rows == len(done.train)
    for folds in (done.development, done.evaluation):
        assert folds.fold_RN.shape[1] == len(done.train)


def test_features_have_the_kinds_of_their_types_and_roles_and_dropped_columns_are_none():
    done = prepared(
        drop=["grade", *ALL_TARGETS[2:], "clinic"], weights="trust", test={"column": "part", "value": "test"}
    )
    assert [(feature.name, feature.type) for feature in done.schema.features] == [
        ("height", "numeric"),
        ("colour", "categorical"),
        ("member", "boolean"),
        ("born", "date"),
        ("day", "numeric"),
    ]
    assert [feature.name for feature in done.summary.features] == [feature.name for feature in done.schema.features]
    assert done.schema.weights == "trust"
    assert list(done.train)[-2:] == ["answer", "trust"]


@pytest.mark.parametrize("kind", list(TARGETS))
@given(copies=st.lists(st.integers(0, 59), min_size=1, max_size=40), huge=st.booleans(), seed=st.integers(0, 1000))
@settings(max_examples=12, deadline=None)
def test_equal_rows_never_straddle_the_test_set_nor_a_fold(kind, copies, huge, seed):
    frame = raw(60)
    frame = pd.concat([frame, frame.iloc[copies], *[frame.iloc[[0]]] * (30 * huge)], ignore_index=True)
    original = np.r_[np.arange(60), copies, [0] * (30 * huge)].astype(int)
    shuffled = np.random.default_rng(seed).permutation(len(frame))
    frame, original = frame.iloc[shuffled].reset_index(drop=True), original[shuffled]
    done = prepared(kind, frame, protocol="iterated_k_fold", folds=3, repeats=2)
    assert set(original[done.train["__row__"]]).isdisjoint(original[done.test["__row__"]])
    assert done.duplicates_across == 0
    of_train = original[done.train["__row__"]]
    for folds in (done.development, done.evaluation):
        for split in folds:
            assert set(of_train[split.training]).isdisjoint(of_train[split.validation])


def test_rows_that_differ_only_in_what_is_not_learnt_from_are_equal():
    frame = pd.concat([raw(60), raw(60).assign(trust=1.0, part="train", price=0.0)], ignore_index=True)
    done = prepared("binary", frame, weights="trust", drop=[*ALL_TARGETS[1:], "part"])
    assert set(done.train["__row__"] % 60).isdisjoint(done.test["__row__"] % 60)
    assert done.duplicates_across == 0


def test_official_test_rows_are_taken_as_they_are_and_rows_of_training_among_them_counted():
    frame = raw().assign(__role__="any")
    frame.loc[150:, "__role__"] = "test"
    frame.iloc[199, :-1] = frame.iloc[3, :-1]
    done = prepared("binary", frame)
    assert done.test["__row__"].tolist() == list(range(150, 200))
    assert done.duplicates_across == 1
    assert "__role__" not in done.train


@pytest.mark.parametrize(("value", "expected"), [("test", "part"), (True, "member"), (3, "day")])
def test_a_column_may_say_which_rows_are_sealed_and_is_no_feature(value, expected):
    frame = raw()
    done = prepared("binary", frame, test={"column": expected, "value": value})
    sealed = (frame[expected] == value).fillna(False).to_numpy(bool)
    assert done.test["__row__"].tolist() == np.flatnonzero(sealed).tolist()
    assert expected not in done.train


@pytest.mark.parametrize("kind", list(TARGETS))
def test_groups_never_straddle_and_are_kept_beside_the_features(kind):
    done = prepared(kind, groups="clinic", folds=3)
    assert set(done.train["clinic"]).isdisjoint(done.test["clinic"])
    assert "clinic" not in [feature.name for feature in done.schema.features]
    for split in [*done.development, *done.evaluation]:
        clinic = done.train["clinic"]
        assert set(clinic.iloc[split.training]).isdisjoint(clinic.iloc[split.validation])
    assert done.summary.protocol.order == "grouped"


@pytest.mark.parametrize("time", ["day", "born"])
def test_in_time_order_the_test_set_comes_last_and_folds_only_look_back(time):
    done = prepared("regression", time=time, folds=3)
    assert done.train[time].max() < done.test[time].min()
    for split in [*done.development, *done.evaluation]:
        assert done.train[time].iloc[split.training].max() < done.train[time].iloc[split.validation].min()
    assert done.summary.protocol.order == "temporal"
    assert done.summary.protocol.repeats == 1


def test_classes_have_their_share_in_the_test_set_and_in_every_fold():
    frame = raw(500)
    done = prepared("binary", frame)
    share = (done.train["answer"] == "yes").mean()
    assert (done.test["answer"] == "yes").mean() == pytest.approx(share, abs=0.02)
    for split in done.evaluation:
        assert (done.train["answer"].iloc[split.validation] == "yes").mean() == pytest.approx(share, abs=0.02)
    assert done.summary.protocol.order == "stratified"


def test_development_and_evaluation_folds_are_drawn_apart_and_again_the_same():
    one, again, other = prepared(), prepared(), prepared(seed=1)
    assert one.development.fold_RN.shape[0] == 1
    assert one.evaluation.fold_RN.shape[0] == one.summary.protocol.most_repeats == 12
    assert one.summary.protocol.repeats == 3
    assert all((one.development.fold_RN[0] != fold_N).any() for fold_N in one.evaluation.fold_RN)
    assert one.summary.fold_hashes == {"development": one.development.sha256, "evaluation": one.evaluation.sha256}
    assert one.summary == again.summary
    pd.testing.assert_frame_equal(one.test, again.test)
    assert one.test["__row__"].tolist() != other.test["__row__"].tolist()


def test_a_test_row_has_no_say_in_anything_that_training_sees():
    frame = raw()
    before = prepared("multiclass", frame)
    changed = frame.copy()
    changed.loc[before.test["__row__"].iloc[0], "height"] = 1e9
    after = prepared("multiclass", changed)
    pd.testing.assert_frame_equal(before.train, after.train)
    assert before.summary == after.summary
    assert before.schema == after.schema


@pytest.mark.parametrize(
    ("labels", "given", "positive", "classes", "reason"),
    [
        (["yes", "no"], None, "yes", ["no", "yes"], "affirms"),
        (["M", "B"], "M", "M", ["B", "M"], None),
        (["malignant", "benign"], "benign", "benign", ["malignant", "benign"], None),
        ([1.0, 0.0], None, "1", ["0", "1"], "affirms"),
        ([1.0, 0.0], 0, "0", ["1", "0"], None),
        (["True", "Yes"], None, "Yes", ["True", "Yes"], "rarer"),
        (["often", "seldom"], None, "seldom", ["often", "seldom"], "rarer"),
    ],
)
def test_the_positive_class_is_the_given_the_affirming_or_the_rarer_one(labels, given, positive, classes, reason):
    answer = pd.Series([labels[0]] * 120 + [labels[1]] * 80)
    done = prepared("binary", raw().assign(answer=answer.astype("float64" if 1.0 in labels else "str")), positive=given)
    assert (done.schema.positive, done.schema.classes) == (positive, classes)
    assert done.summary.positive == positive
    told = choice(done, "positive")
    assert told is None if reason is None else reason in told


def test_truth_values_are_classes_too():
    done = prepared("binary", raw().assign(answer=pd.array([True, False] * 100, dtype="boolean")), positive=True)
    assert done.schema.classes == ["False", "True"]


def test_classes_stand_in_the_order_of_numbers_then_of_words():
    assert prepared("multiclass").schema.classes == ["1", "2", "10"]
    labels = pd.Series(["b", "10", "9", "nan", "inf", "a"] * 40, dtype="str")
    mixed = prepared("multiclass", pd.concat([raw(200), raw(40, 1)], ignore_index=True).assign(grade=labels))
    assert mixed.schema.classes == ["9", "10", "a", "b", "inf", "nan"]


def test_class_counts_and_the_automatic_measure_come_from_the_training_rows():
    frame = raw().assign(answer=pd.Series(["no"] * 170 + ["yes"] * 30, dtype="str"))
    done = prepared("binary", frame, test={"column": "part", "value": "test"})
    counts = done.train["answer"].value_counts()
    assert done.summary.classes == {"no": counts["no"], "yes": counts["yes"]}
    assert (done.summary.measure, done.summary.direction) == ("average_precision", "maximize")
    assert f"{counts['yes'] / len(done.train):.1%}" in choice(done, "measure")
    named = prepared("binary", frame, measure="f1")
    assert named.summary.measure == "f1"
    assert choice(named, "measure") is None


def test_labels_of_several_columns_become_noughts_and_ones_and_are_counted():
    done = prepared("multilabel")
    assert set(done.train["tag_b"]) == {0.0, 1.0}
    assert done.summary.classes == {name: done.train[name].sum() for name in ("tag_a", "tag_b")}
    assert done.schema.classes == []


def test_numbers_as_targets_are_left_as_they_are():
    done = prepared("regression")
    assert done.schema.targets == ["price", "cost"]
    expected = raw().loc[done.train["__row__"], ["price", "cost"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(done.train[["price", "cost"]], expected)
    assert (done.summary.classes, done.summary.positive, done.summary.direction) == ({}, None, "minimize")


@pytest.mark.parametrize(
    ("kind", "changes", "says"),
    [
        ("binary", {"positive": "maybe"}, r"positive: 'maybe' is not a class of 'answer'; classes: \['no', 'yes'\]"),
        ("binary", {"test": {"column": "part", "value": "nothing"}}, "200 training and 0 test rows"),
        ("binary", {"time": "colour"}, "time: column 'colour' holds text that is neither number nor ISO date"),
        ("regression", {"time": "day", "folds": 70}, "moments in time to give each of 70 folds some"),
        ("regression", {"groups": "clinic", "folds": 20}, "groups or moments in time to give each of 20 folds some"),
        ("regression", {"drop": [*set(raw().columns) - {"price", "cost"}]}, "no column is left to learn from"),
    ],
)
def test_a_split_that_cannot_be_is_refused_with_the_key_to_change(kind, changes, says):
    with pytest.raises(UserError, match=says):
        prepared(kind, **changes)


def test_a_class_of_the_test_rows_that_no_training_row_has_is_named():
    frame = raw().assign(part="train")
    frame.loc[:9, ["part", "grade"]] = ["test", 77.0]
    with pytest.raises(UserError, match=r"classes that no training row has: \['77'\]"):
        prepared("multiclass", frame, test={"column": "part", "value": "test"})


def test_one_moment_alone_cannot_be_split_in_time():
    with pytest.raises(UserError, match="200 training and 0 test rows of 200"):
        prepared("regression", raw().assign(day=1.0), time="day")


def test_time_is_numbers_that_sort_as_time_does():
    dates = pd.Series(np.array(["1600-01-01", "9999-12-31", "2020-01-01T00:00:01"], dtype="datetime64[us]"))
    assert np.argsort(time_numbers(dates)).tolist() == [0, 2, 1]
    assert time_numbers(pd.Series([3.0, 1.0])).tolist() == [3.0, 1.0]
