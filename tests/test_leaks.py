"""Nothing leaks: change any held-out row, and nothing that was fitted without it changes by one bit."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.baselines import COMMON_SENSE, shallow
from src.kinds.tabular.shallow import SHALLOW
from src.measures import TABLE
from src.preparation import prepare_table
from src.preprocessing.fold import fit_fold
from src.problem.sources import SklearnSource
from src.problem.steps import PrepareSettings, SealedSplit
from src.problem.training import Engine
from src.protocols import Split
from src.tables import Feature, Schema, Table, encode_targets
from src.training.fit import fit
from src.training.members import Member
from tests.training.examples import candidate, folds_of, table_of

FEATURES = [
    Feature(name="size", kind="numeric"),
    Feature(name="colour", kind="categorical"),
    Feature(name="old", kind="boolean"),
    Feature(name="day", kind="date"),
]
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "size": st.one_of(st.none(), st.floats(-1e6, 1e6, allow_nan=False)),
    "colour": st.one_of(st.none(), st.sampled_from(["red", "green", "blue", "never seen before"])),
    "old": st.one_of(st.none(), st.booleans()),
    "day": st.one_of(st.none(), st.dates(date(1900, 1, 1), date(2100, 1, 1)).map(pd.Timestamp)),
}
ROW = st.fixed_dictionaries(COLUMNS)


def typed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"size": "float64", "colour": "str", "old": "boolean", "day": "datetime64[us]"})


def as_table(frame: pd.DataFrame, kind: str, y: np.ndarray) -> Table:
    classes = ["no", "yes"] if kind == "binary" else []
    frame = frame.assign(t=np.where(y > 0, "yes", "no") if classes else y)
    schema = Schema(
        type=kind, features=FEATURES, targets=["t"], classes=classes, positive=None, groups=None,
        time=None, weights=None,
    )  # fmt: skip
    return Table(schema, frame, encode_targets(frame, schema), np.ones(len(frame)), np.arange(len(frame)))


@given(
    rows=st.lists(ROW, min_size=9, max_size=30),
    changed=ROW,
    label=st.floats(-100, 100),
    which=st.integers(0, 8),
    kind=st.sampled_from(["binary", "regression"]),
)
@settings(max_examples=60, deadline=None)
def test_changing_a_held_out_row_changes_nothing_that_was_fitted(rows, changed, label, which, kind):
    y = np.random.default_rng(len(rows)).normal(size=len(rows))
    held_out = np.arange(0, len(rows), 3)
    training = np.setdiff1d(np.arange(len(rows)), held_out)
    victim = held_out[which % len(held_out)]
    before = fit_fold(as_table(typed(rows), kind, y), training, held_out)
    y_after = y.copy()
    y_after[victim] = label
    after = fit_fold(
        as_table(typed([changed if i == victim else r for i, r in enumerate(rows)]), kind, y_after), training, held_out
    )
    assert before.vectorizer.model_dump_json() == after.vectorizer.model_dump_json()
    assert before.target_scaler == after.target_scaler
    assert before.x_AD.tobytes() == after.x_AD.tobytes()
    assert before.y_AT.tobytes() == after.y_AT.tobytes()


@pytest.mark.parametrize("kind", ["binary", "regression", "multilabel"])
def test_changing_a_held_out_row_changes_no_weight_of_a_trained_network(kind):
    table = table_of(kind)
    splits = list(folds_of(len(table)))
    victim = int(splits[0].validation[1])
    frame = table.frame.copy()
    frame.loc[victim, ["x", "z", "colour"]] = [1e5, np.nan, "violet"]
    y_NT = table.y_NT.copy()
    y_NT[victim] = 1 - y_NT[victim]
    changed = Table(table.schema, frame, y_NT, table.w_N, table.rows_N)
    members = [Member.of_split(candidate(dropout=0.2), split, 0) for split in splits]
    measure = TABLE["accuracy" if kind == "binary" else "mse"]
    before, after = (fit(members, t, measure, Engine(workers=1), "leak") for t in (table, changed))
    assert before[0].history.validation_loss.tobytes() != after[0].history.validation_loss.tobytes()
    for name in before[0].weights:
        assert before[0].weights[name].tobytes() == after[0].weights[name].tobytes()
    assert before[0].history.training_loss.tobytes() == after[0].history.training_loss.tobytes()
    assert any(before[1].weights[name].tobytes() != after[1].weights[name].tobytes() for name in before[1].weights), (
        "the changed row is a training row of the other folds, which must notice it"
    )


@pytest.mark.parametrize("kind", ["binary", "regression", "multilabel"])
def test_changing_a_held_out_row_changes_no_other_row_s_baseline_prediction(kind):
    table = table_of(kind)
    split: Split = next(iter(folds_of(len(table))))
    victim = int(split.validation[1])
    frame = table.frame.copy()
    frame.loc[victim, ["x", "z", "colour"]] = [-1e5, np.nan, "violet"]
    y_NT = table.y_NT.copy()
    y_NT[victim] = 1 - y_NT[victim]
    changed = Table(table.schema, frame, y_NT, table.w_N, table.rows_N)
    others = split.validation != victim
    for model in COMMON_SENSE[table.schema.type].values():
        assert model(table, split, 0)[others].tobytes() == model(changed, split, 0)[others].tobytes()
    for name in SHALLOW[table.schema.type]:
        before, after = (shallow(name, t, split, 0) for t in (table, changed))
        assert before[others].tobytes() == after[others].tobytes()


def settings_with_fixed_split() -> PrepareSettings:
    return PrepareSettings(
        data=SklearnSource(source="sklearn", name="iris"),
        target="t",
        type="binary",
        test=SealedSplit(column="part", value="test"),
        protocol="auto",
        folds="auto",
        repeats="auto",
        seed=0,
        measure="auto",
    )


@given(
    rows=st.lists(ROW, min_size=20, max_size=40),
    changed=ROW,
    label=st.sampled_from(["no", "yes"]),
    which=st.integers(0, 3),
)
@settings(max_examples=40, deadline=None)
def test_with_the_split_fixed_a_sealed_row_changes_nothing_but_the_sealed_set(rows, changed, label, which):
    n = len(rows)
    marks = {"t": np.where(np.arange(n) % 2, "yes", "no"), "part": np.where(np.arange(n) % 5 == 4, "test", "train")}
    raw = typed(rows).assign(**{name: pd.array(values, dtype="str") for name, values in marks.items()})
    raw["number"] = np.arange(n) // 2 * 1.0
    victim = 4 + 5 * (which % (n // 5))
    other = typed([changed if i == victim else r for i, r in enumerate(rows)])
    other = other.assign(t=raw["t"], part=raw["part"], number=raw["number"])
    other.loc[victim, "t"] = label
    other.loc[victim, "number"] = float(which)
    before, after = (prepare_table(frame, settings_with_fixed_split()) for frame in (raw, other))
    pd.testing.assert_frame_equal(before.train, after.train)
    assert before.train.dtypes.tolist() == after.train.dtypes.tolist()
    assert before.schema == after.schema
    assert before.summary == after.summary
    assert before.development.sha256 == after.development.sha256
    assert before.evaluation.sha256 == after.evaluation.sha256
