"""Nothing leaks: change any held-out row, and nothing that was fitted without it changes by one bit."""

import hashlib
import json
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from src.core.files import Layout
from src.judging.baselines import common_sense, shallow
from src.kinds.tabular.shallow import SHALLOW
from src.models.measures import TABLE
from src.preparation.fold import fit_fold
from src.preparation.prepare import prepare_table
from src.problem.sources import SklearnSource
from src.problem.steps import PrepareSettings, SealedSplit
from src.problem.training import Engine
from src.results.data import Validation
from src.tables.protocols import Split
from src.tables.table import Feature, Schema, Table, encode_targets
from src.training.fit import fit
from src.training.members import Member
from tasks.define import define
from tasks.fetch import fetch
from tasks.prepare import prepare
from tests.training.examples import candidate, folds_of, table_of

FEATURES = [
    Feature(name="size", type="numeric"),
    Feature(name="colour", type="categorical"),
    Feature(name="old", type="boolean"),
    Feature(name="day", type="date"),
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
    for model in common_sense(table.schema).values():
        assert model(table, split, 0)[others].tobytes() == model(changed, split, 0)[others].tobytes()
    for name in SHALLOW[table.schema.problem_type.family]:
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


SPLITS: dict[str, dict[str, Any]] = {
    "a share": {},
    "groups": {"groups": "clinic"},
    "time": {"time": "moment"},
    "a column": {"test": SealedSplit(column="part", value="test")},
}


@pytest.mark.parametrize("way", SPLITS)
def test_changing_a_reference_column_changes_no_split_no_fitted_bit_and_no_score(way):
    """Half of the rows are equal in pairs but for it, and stay one unit."""
    raw = typed([{"size": float(n // 2), "colour": "red", "old": n % 4 < 2, "day": None} for n in range(ROWS)])
    texts = {"t": [["no", "yes"][n // 4 % 2] for n in range(ROWS)], "part": ["train", "train", "test"] * ROWS}
    raw = raw.assign(
        moment=np.arange(ROWS) // 2 * 1.0,
        clinic=np.arange(ROWS) // 4 * 1.0,
        **{name: pd.array(values[:ROWS], dtype="str") for name, values in texts.items()},
    )
    changes = SPLITS[way] | {"reference": ["who", "why"], "drop": ["part"] if way != "a column" else []}
    given = settings_with_fixed_split().model_copy(update={"test": SealedSplit()} | changes)
    who = [
        raw.assign(who=np.arange(ROWS) % 3 * 1.0, why=pd.array(list("ab") * (ROWS // 2), dtype="str")),
        raw.assign(who=np.where(np.arange(ROWS) % 7, 2.0, np.nan), why=pd.array(["c"] * ROWS, dtype="str")),
    ]
    one, other = (prepare_table(frame, given) for frame in who)
    assert {"who", "why"} <= {*one.train}
    assert not {"who", "why"} & {feature.name for feature in one.schema.features}
    for part in ("train", "test"):
        frames = [getattr(of, part) for of in (one, other)]
        assert not frames[0].equals(frames[1])
        pd.testing.assert_frame_equal(*(frame.drop(columns=["who", "why"]) for frame in frames))
    assert (one.schema, one.summary, one.duplicates_across) == (other.schema, other.summary, other.duplicates_across)
    for folds in ("development", "evaluation"):
        assert getattr(one, folds).sha256 == getattr(other, folds).sha256
    tables = [
        Table(
            of.schema, of.train, encode_targets(of.train, of.schema), np.ones(len(of.train)), np.arange(len(of.train))
        )
        for of in (one, other)
    ]
    split = next(iter(one.development))
    first, second = (
        fit([Member.of_split(candidate(), split, 0)], table, TABLE["accuracy"], Engine(workers=1), "leak")[0]
        for table in tables
    )
    assert first.vectorizer == second.vectorizer
    assert all(first.weights[name].tobytes() == second.weights[name].tobytes() for name in first.weights)
    assert first.predictions.tobytes() == second.predictions.tobytes()
    assert len({shallow("linear", table, split, 0).tobytes() for table in tables}) == 1


# Each way of naming the sealed rows; what else of a row decides which rows these are stays as it is.
WAYS: dict[str, dict[str, Any]] = {
    "a column": {"test": {"column": "part", "value": "test"}},
    "a share": {},
    "a share of classes": {"type": "binary", "target": "answer"},
    "a share of groups": {"groups": "clinic"},
    "the last in time": {"time": "moment"},
    "the last in time, by dates": {"time": "due"},
    "a file": {},
}
DECIDING = {
    "a column": {"part"},
    "a share": {"number"},  # as long as no two rows are equal
    "a share of classes": {"number", "answer"},
    "a share of groups": {"clinic"},
    "the last in time": {"moment"},
    "the last in time, by dates": {"due"},
    "a file": set(),
}
TEXTS = st.sampled_from(
    [
        "soon",
        "",
        "7",
        "-1e400",
        "07",
        "nan",
        "true",
        "TRUE",
        "2026-02-30",
        "2026-02-28",
        "2026-02-28T10:00Z",
        "a, b",
        "🙂",
    ]
)
ROWS = 40


def rows_of_a_file() -> list[dict[str, str]]:
    random = np.random.default_rng(0)
    return [
        {
            "number": f"{random.normal():.6f}",
            "price": str(random.integers(100)),
            "due": str(np.datetime64("2026-01-01") + row),
            "paid": random.choice(["true", "false"]),
            "empty": "",
            "city": random.choice(["here", "there"]),
            "clinic": str(row // 4),
            "moment": str(row),
            "part": "test" if row % 5 == 4 else "train",
            "answer": random.choice(["yes", "no"]),
            "cost": f"{random.normal():.4f}",
        }
        for row in range(ROWS)
    ]


def as_json_value(text: str) -> object:
    """Numbers and truth values as such, gaps as null, all else as text."""
    try:
        return json.loads(text, parse_constant=str) if text and "1e400" not in text else text or None
    except ValueError:
        return text


def prepared_from(root: Path, way: str, rows: list[dict[str, str]], as_json: bool) -> dict[str, bytes]:
    """The files that the steps up to prepare make of the rows, but those of the sealed ones, by their paths."""
    layout = Layout("clinics", root)
    layout.local.mkdir(parents=True)
    shutil.copy("params.yaml", layout.params_file)
    parts = {"rows": rows[:30], "last": rows[30:]} if way == "a file" else {"rows": rows}
    ending, files = "jsonl" if as_json else "csv", []
    for name, part in parts.items():
        frame = pd.DataFrame(part)
        text = (
            "\n".join(json.dumps({name: as_json_value(value) for name, value in row.items()}) for row in part)
            if as_json
            else frame.to_csv(index=False)
        )
        (layout.local / f"{name}.{ending}").write_text(text)
        files.append(
            {"url": f"https://example.org/{name}.{ending}", "sha256": hashlib.sha256(text.encode()).hexdigest()}
        )
    data: dict[str, Any] = {"source": "file", "path": f"rows.{ending}"}
    if way == "a file":
        data = {"source": "address", "files": [files[0], files[1] | {"role": "test"}]}
    problem = {"question": "How?", "data": data, "target": "cost", "type": "regression"} | WAYS[way]
    layout.problem_file.parent.mkdir()
    layout.problem_file.write_text(yaml.safe_dump(problem))
    define(layout)
    fetch(layout)
    Validation(rows=ROWS, columns=[], passed=[], findings=[], verdicts=[]).write(layout.result("validate"))
    prepare(layout)
    made = [*layout.train.iterdir(), layout.folds, layout.result("prepare"), *layout.settings("fetch").parent.iterdir()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in made}


@pytest.mark.parametrize("as_json", [False, True], ids=["csv", "jsonl"])
@pytest.mark.parametrize("way", WAYS)
@given(data=st.data())
@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_changing_a_sealed_row_changes_no_byte_that_training_reads(
    monkeypatch: pytest.MonkeyPatch, way: str, as_json: bool, data: st.DataObject
):
    rows = rows_of_a_file()
    with tempfile.TemporaryDirectory() as folder:
        roots = [Path(folder) / name for name in ("before", "after")]
        monkeypatch.setenv("DATA_MIRROR", str(roots[0] / "data" / "local"))
        before = prepared_from(roots[0], way, rows, as_json)
        sealed = pd.read_parquet(Layout("clinics", roots[0]).test / "table.parquet")["__row__"].tolist()
        changes = st.dictionaries(st.sampled_from(sorted({*rows[0]} - DECIDING[way])), TEXTS, min_size=1)
        changed = data.draw(st.dictionaries(st.sampled_from(sealed), changes, min_size=1, max_size=4))
        if way != "a column":
            changed = {row: {k: v for k, v in of.items() if k != "part"} for row, of in changed.items()}
        monkeypatch.setenv("DATA_MIRROR", str(roots[1] / "data" / "local"))
        after = prepared_from(
            roots[1], way, [row | changed.get(number, {}) for number, row in enumerate(rows)], as_json
        )
    if way == "a file":  # its checksum is another
        before, after = ({k: v for k, v in of.items() if "/settings/" not in k} for of in (before, after))
    assert [path for path in before if before[path] != after[path]] == []
    assert before.keys() == after.keys()
