"""Whatever is wrong with the input, a person is told which file, key, column and rows, and what to do about it.

Every case runs the steps through their command line until one of them refuses. Most do so in this process, because
starting one for each step would teach nothing more; a few start real processes.
"""

import functools
import hashlib
import http.server
import importlib
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml

from src.files import STEPS, Layout
from tasks import cli
from tests.workspaces import PROBLEM, ROOT, Workspace, stages_run

ROWS = 60
GOOD_PROBLEM = {
    "question": "Does it hold?",
    "data": {"source": "file", "path": "mine.csv"},
    "target": "label",
    "type": "binary",
}
WRITTEN_BEFORE_THE_REFUSAL = {"results/mine/validation.json", "results/mine/validation.html"}


def table(rows: int = ROWS, **columns: Sequence[Any]) -> str:
    """A good CSV file but for the `columns` given, which replace or join its own."""
    random = np.random.default_rng(0)
    whole: dict[str, Sequence[Any]] = {
        "size": random.normal(size=rows).round(3),
        "price": random.normal(size=rows).round(3),
        "city": random.choice(["here", "there"], rows),
        "label": ["yes", "no"] * (rows // 2),
    }
    lines = zip(*(whole | columns).values(), strict=True)
    return "\n".join([",".join(whole | columns), *(",".join(map(str, line)) for line in lines), ""])


def numbers(**spoiled: object) -> list[object]:
    """A column of numbers, with other values in some rows: `numbers(row17="n.a.")`."""
    values: list[object] = [0.5 + i % 7 for i in range(ROWS)]
    for row, value in spoiled.items():
        values[int(row.removeprefix("row"))] = value
    return values


@dataclass(frozen=True)
class Told:
    """What a step said and with which exit code."""

    step: str
    code: int
    text: str


@dataclass(frozen=True)
class Desk:
    """A folder with one problem, `mine`, in which the steps are called as the command line calls them."""

    root: Path
    log: pytest.LogCaptureFixture
    recorded: list[str]

    @property
    def layout(self) -> Layout:
        return Layout("mine", self.root)

    def put(self, content: str | bytes, name: str = "mine.csv") -> None:
        (self.layout.local / name).write_bytes(content.encode() if isinstance(content, str) else content)

    def describe(self, problem: str | bytes | None = None, **changes: object) -> None:
        text = problem if problem is not None else yaml.safe_dump(GOOD_PROBLEM | changes, sort_keys=False)
        self.layout.problem_file.write_bytes(text.encode() if isinstance(text, str) else text)

    def run(self, step: str, *arguments: str) -> Told:
        self.log.clear()
        function = getattr(importlib.import_module(f"tasks.{step}"), step)
        with self.log.at_level(logging.INFO, logger="workflow"):
            code = cli.run(function, arguments or ["mine"])
        return Told(step, code, "\n".join(record.getMessage() for record in self.log.records))

    def run_until_refused(self, last: str = "prepare") -> Told:
        """Run the steps in order up to `last`; the refusing one leaves what the others wrote as it was."""
        for step in STEPS[: STEPS.index(last) + 1]:
            before = self.files()
            told = self.run(step)
            if told.code:
                changed = {name for name, content in self.files().items() if before.get(name) != content}
                assert not before.keys() - self.files().keys(), "files are lost"
                assert changed <= (WRITTEN_BEFORE_THE_REFUSAL if step == "validate" else set())
                return told
        return told

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and path.name != ".workflow.lock"
        }


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Desk:
    recorded: list[str] = []
    (tmp_path / "problems").mkdir()
    (tmp_path / "data" / "local").mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    for variable in ("DVC_STAGE", "DATA_MIRROR"):
        monkeypatch.delenv(variable, raising=False)

    @contextmanager
    def recording(step: str, layout: Layout) -> Iterator[None]:
        yield
        recorded.append(step)

    monkeypatch.setitem(sys.modules, "src.tracking", SimpleNamespace(recording=recording))
    made = Desk(tmp_path, caplog, recorded)
    made.put(table())
    made.describe()
    return made


def test_the_input_that_the_cases_spoil_is_good(desk: Desk):
    assert desk.run_until_refused() == Told("prepare", 0, "")
    assert desk.recorded == ["define", "fetch", "validate", "prepare"]


@dataclass(frozen=True)
class Bad:
    """A bad input, the step that refuses it, and what it has to say, in this order."""

    step: str
    says: tuple[str, ...]
    csv: str | bytes | Callable[[], str] = field(default_factory=table, repr=False)
    problem: str | bytes | None = None
    changes: dict[str, object] = field(default_factory=dict)


def source(**options: object) -> dict[str, object]:
    return {"data": {"source": "file", "path": "mine.csv", **options}}


FILE, PROBLEM_FILE = "data/local/mine.csv", "problems/mine.yaml"
FINDINGS = f"{PROBLEM_FILE}: the data need a correction first"
DATA = {
    "a missing file": Bad(
        "fetch",
        ("data/local/mina.csv does not exist", "did you mean 'mine.csv'?"),
        changes=source(path="mina.csv"),
    ),
    "a folder in place of a file": Bad(
        "fetch", ("data/local is a folder", "there are: mine.csv"), changes=source(path=".")
    ),
    "a path out of the data folder": Bad(
        "fetch",
        ("data.path", "'../../problems/mine.yaml' leaves data/local", "copy the file there"),
        changes=source(path="../../problems/mine.yaml"),
    ),
    "vectors that are not there": Bad(
        "fetch", ("data/local/glove.txt does not exist", "mine.csv"), changes={"word_vectors": {"path": "glove.txt"}}
    ),
    "vectors for a table without text": Bad(
        "prepare",
        ("word_vectors: no column is text", "remove the key"),
        changes={"word_vectors": {"path": "mine.csv"}},
    ),
    "an absolute path": Bad("fetch", ("data.path", "leaves data/local"), changes=source(path="/etc/hostname")),
    "an empty file": Bad("validate", (f"{FILE} is empty", "give a file with a header line and rows"), csv=""),
    "a file with a header only": Bad("validate", (f"{FILE} names its columns and has no rows",), csv="size,label\n"),
    "broken encoding": Bad(
        "validate",
        (f"{FILE}: line 19 is not utf-8", "0xfc", "try `encoding: latin-1` under data"),
        csv=table(city=["München" if i == 17 else "here" for i in range(ROWS)]).encode("latin-1"),
    ),
    "UTF-16 taken for UTF-8": Bad(
        "validate", (f"{FILE}: line 1 is not utf-8", "try `encoding: utf-16`"), csv=table().encode("utf-16")
    ),
    "a spreadsheet called CSV": Bad(
        "validate",
        (FILE, "this is a zip archive or a spreadsheet: save the table as CSV"),
        csv=b"PK\x03\x04\x14\0\x06\0\x08\0\xe2\x9f" + bytes(range(256)),
    ),
    "bytes that are no text": Bad("validate", (FILE, "this is no text"), csv=b"\x93NUMPY\x01\0v\0" + bytes(256)),
    "an unknown encoding": Bad(
        "validate", ("data.encoding", "'utf8x' is unknown", "try utf-8"), changes=source(encoding="utf8x")
    ),
    "an encoding of no text": Bad(
        "validate", ("data.encoding", "'base64' is unknown"), changes=source(encoding="base64")
    ),
    "a row with too many fields": Bad(
        "validate",
        (f"{FILE}: line 62 has 6 fields, expected 4 as in the header", "the next: 63", "quote values that hold ','"),
        csv=table() + "1,2,here,yes,5,6\n1,2,here,no,5\n",
    ),
    "a row with too few fields": Bad(
        "validate", (f"{FILE}: line 62 has 2 fields", "expected 4"), csv=table() + "1,2\n"
    ),
    "a quotation that never ends": Bad(
        "validate",
        (f"{FILE}: the row that begins on line 62", "never closed?"),
        csv=table() + '1,2,"here,yes\n3,4,here,no\n',
    ),
    "another separator": Bad(
        "validate",
        (f"{FILE}: line 1 has only one column", '`separator: ";"` under data'),
        csv=table().replace(",", ";"),
    ),
    "an unknown target": Bad(
        "validate",
        (FINDINGS, "target: the table has no column 'lable'", "did you mean 'label'?"),
        changes={"target": "lable"},
    ),
    "an unknown column among the kinds": Bad(
        "validate",
        ("columns: there is no column 'prize'", "did you mean 'price'?"),
        changes={"columns": {"prize": "numeric"}},
    ),
    "a target with gaps": Bad(
        "validate",
        (
            FINDINGS,
            "'label': 2 values missing (rows 3, 40)",
            "fill the gaps or remove these rows",
            "row 3 is mine.csv line 5",
        ),
        csv=table(label=["" if i in (3, 40) else ("yes", "no")[i % 2] for i in range(ROWS)]),
    ),
    "one class only": Bad(
        "validate",
        (FINDINGS, "'label' holds only the value 'yes'", "give rows with other values too"),
        csv=table(label=["yes"] * ROWS),
    ),
    "a regression target that never changes": Bad(
        "validate",
        (FINDINGS, "'label' holds only the value '3'", "give rows with other values"),
        csv=table(label=[3] * ROWS),
        changes={"type": "regression"},
    ),
    "a third class in a binary target": Bad(
        "validate",
        (
            FINDINGS,
            "'label': type binary needs exactly two classes, found 3",
            "'maybe' (1)",
            "row 9 is mine.csv line 11",
        ),
        csv=table(label=["maybe" if i == 9 else ("yes", "no")[i % 2] for i in range(ROWS)]),
    ),
    "a class with a single row": Bad(
        "validate",
        (
            FINDINGS,
            "'label': 1 class with too few rows: 'rare' (1) (row 59)",
            "merge or remove rare classes",
            "line 61",
        ),
        csv=table(label=["rare" if i == 59 else ("yes", "no")[i % 2] for i in range(ROWS)]),
        changes={"type": "multiclass"},
    ),
    "a constant table": Bad(
        "validate",
        (
            FINDINGS,
            "every column to learn from is constant ('size', 'price', 'city')",
            "give columns whose values differ",
        ),
        csv=table(size=[1] * ROWS, price=[""] * ROWS, city=["here"] * ROWS),
    ),
    "text in a numeric column": Bad(
        "validate",
        (
            FINDINGS,
            "'size': 1 value not a number (row 17)",
            "'n.a.'",
            "add the mark to data.missing",
            "mine.csv line 19",
        ),
        csv=table(size=numbers(row17="n.a.")),
    ),
    "text in a column declared numeric": Bad(
        "validate",
        (
            f"{FILE}: column 'size' is declared numeric by columns.size",
            "1 value cannot be read",
            "line 19",
            "data.missing",
        ),
        csv=table(size=numbers(row17="n.a.")),
        changes={"columns": {"size": "numeric"}},
    ),
    "text in a regression target": Bad(
        "validate",
        (FINDINGS, "'label': 2 values not a number (rows 3, 17)", "'oops'", "correct them", "mine.csv line 5"),
        csv=table(label=numbers(row3="oops", row17="1;5")),
        changes={"type": "regression"},
    ),
    "infinite values": Bad(
        "validate",
        (FINDINGS, "'size': 3 values infinite or beyond 1e+100 (rows 4, 17, 30)", "replace them", "mine.csv line 6"),
        csv=table(size=numbers(row4="-inf", row17="inf", row30="1e999")),
    ),
    "an infinite target": Bad(
        "validate",
        (FINDINGS, "'label': 1 value infinite or beyond 1e+100 (row 17)", "correct them or remove these rows"),
        csv=table(label=numbers(row17="inf")),
        changes={"type": "regression"},
    ),
    "10,000 distinct categories": Bad(
        "validate",
        (FINDINGS, "'city': 10,000 distinct categories", "validation.max_categories (1,000)", "under `drop` or group"),
        csv=lambda: table(20_000, city=[f"town {i % 10_000}" for i in range(20_000)]),
    ),
    "duplicate column names": Bad(
        "validate",
        (f"{FILE}: column name 'size' is there 2 times (columns 1, 2)", "its own name"),
        csv=table().replace("size,price", "size,size"),
    ),
    "a column named like a reserved word": Bad(
        "validate",
        (f"{FILE}: column name '__row__' is reserved", "rename the column"),
        csv=table().replace("price", "__row__"),
    ),
    "a test set without rows": Bad(
        "validate",
        (FINDINGS, "the sealed test set would be empty", "no row has 'city' equal to 'their'", "did you mean 'there'?"),
        changes={"test": {"column": "city", "value": "their"}},
    ),
    "a test set that rounds to nothing": Bad(
        "validate",
        (FINDINGS, "the sealed test set would be empty: a share of 0.01 of 20 rows", "raise test.share"),
        csv=table(20),
        changes={"test": {"share": 0.01}},
    ),
    "a test set of every row": Bad(
        "validate",
        (FINDINGS, "every row belongs to the sealed test set", "change `test`"),
        csv=table(city=["here"] * ROWS),
        changes={"test": {"column": "city", "value": "here"}},
    ),
    "fewer rows than folds": Bad(
        "validate", (FINDINGS, "rows to learn from", "choose fewer folds"), changes={"folds": 40}
    ),
    "fewer groups than folds": Bad(
        "validate", (FINDINGS, "'city': 2 groups", "need 6: choose fewer folds"), changes={"groups": "city"}
    ),
    "a time column of words": Bad(
        "validate", (FINDINGS, "'city' was read as categorical", "numeric or date"), changes={"time": "city"}
    ),
    "weights that are not positive": Bad(
        "validate",
        (FINDINGS, "'size': 2 values not above 0 (rows 4, 17)", "correct it, or remove the rows"),
        csv=table(size=numbers(row4=0, row17=-1)),
        changes={"weights": "size"},
    ),
    "a positive class that is not there": Bad(
        "validate",
        (FINDINGS, "positive: 'yess' is not among the classes", "did you mean 'yes'?"),
        changes={"positive": "yess"},
    ),
    "a target outside [0, 1]": Bad(
        "validate",
        (FINDINGS, "'label': 1 value outside [0, 1] (row 4)", "choose `type: regression`"),
        csv=table(label=[1.5 if i == 4 else i % 9 / 10 for i in range(ROWS)]),
        changes={"type": "unit_interval_regression"},
    ),
    "a label that is neither yes nor no": Bad(
        "validate",
        (FINDINGS, "'city': 60 values neither 0/1 nor true/false", "needs a yes or no"),
        changes={"type": "multilabel", "target": ["label", "city"]},
    ),
    "nothing left to learn from": Bad(
        "validate", (FINDINGS, "no column is left to learn from"), changes={"drop": ["size", "price", "city"]}
    ),
}
PROBLEMS = {
    "not YAML": Bad(
        "define", (f"{PROBLEM_FILE} is not YAML: line 1, column 12", "quote a text"), problem="question: a: b\n"
    ),
    "tabs": Bad(
        "define", (f"{PROBLEM_FILE} is not YAML: line 2", "indent with spaces"), problem="training:\n\tepochs: 3\n"
    ),
    "no text": Bad("define", (f"{PROBLEM_FILE} is not YAML: line 1 is not UTF-8",), problem=b"\xff\xfe\x00\x80"),
    "nothing in it": Bad("define", (f"{PROBLEM_FILE} is empty", "`key: value`"), problem="# a comment\n"),
    "a list": Bad("define", (f"{PROBLEM_FILE}: expected lines of the form `key: value`",), problem="- question\n"),
    "code in it": Bad(
        "define",
        (f"{PROBLEM_FILE} is not YAML: line 1", "could not determine a constructor"),
        problem="question: !!python/object/apply:os.system [touch harm]\n",
    ),
    "a key given twice": Bad(
        "define",
        (f"{PROBLEM_FILE} is not YAML: line 7", "the key 'target' is there twice", "keep one"),
        problem=yaml.safe_dump(GOOD_PROBLEM, sort_keys=False) + "target: size\n",
    ),
    "missing keys": Bad(
        "define",
        (f"{PROBLEM_FILE}: data: this key is missing", "target: this", "type: this"),
        problem="question: Why?\n",
    ),
    "an unknown key": Bad(
        "define", (f"{PROBLEM_FILE}: tagret: unknown key", "did you mean 'target'?"), changes={"tagret": "label"}
    ),
    "words without sentences": Bad(
        "define",
        (f"{PROBLEM_FILE}: columns:", "which sentence a token of 'size' is of", "`groups`"),
        changes={"columns": {"size": "token"}},
    ),
    "an unknown key inside a key": Bad(
        "define",
        (f"{PROBLEM_FILE}: training.epoch: unknown key", "did you mean 'epochs'?"),
        changes={"training": {"epoch": 3}},
    ),
    "a wrong type": Bad(
        "define",
        (f"{PROBLEM_FILE}: training.epochs: should be a whole number or 'auto', given 'many'",),
        changes={"training": {"epochs": "many"}},
    ),
    "one of several forms, none right": Bad(
        "define",
        (f"{PROBLEM_FILE}: folds: should be a whole number or 'auto', given 'five'",),
        changes={"folds": "five"},
    ),
    "a number for a name": Bad(
        "define", (f"{PROBLEM_FILE}: target: should be text or a list, given 3", '"3"'), changes={"target": 3}
    ),
    "a value out of range": Bad(
        "define",
        (f"{PROBLEM_FILE}: search.dropout.1: should be less than 1, given 1.5",),
        changes={"search": {"dropout": [0, 1.5]}},
    ),
    "a misspelt word": Bad(
        "define",
        (f"{PROBLEM_FILE}: type: should be", "given 'binry'", "did you mean 'binary'?"),
        changes={"type": "binry"},
    ),
    "an unknown source": Bad(
        "define",
        (f"{PROBLEM_FILE}: data.source: should be", "given 'fil'", "did you mean 'file'?"),
        changes={"data": {"source": "fil", "path": "mine.csv"}},
    ),
    "an address and a checksum that are none": Bad(
        "define",
        (
            f"{PROBLEM_FILE}: data.files.0.url: should be an address",
            "data.files.0.sha256: should be the file's SHA-256",
        ),
        changes={"data": {"source": "address", "files": [{"url": "example.org/t.csv", "sha256": "abc"}]}},
    ),
    "a measure of another type": Bad(
        "define", (f"{PROBLEM_FILE}: measure: mae does not suit type binary", "accuracy"), changes={"measure": "mae"}
    ),
    "a column with two roles": Bad(
        "define", (f"{PROBLEM_FILE}: time: column 'label' is already named by target",), changes={"time": "label"}
    ),
    "a test set chosen by the answer": Bad(
        "define", (f"{PROBLEM_FILE}: test: 'label' is a target",), changes={"test": {"column": "label", "value": "yes"}}
    ),
    "time and shuffling": Bad(
        "define",
        (f"{PROBLEM_FILE}: protocol: rows in time order", "choose k_fold or hold_out"),
        changes={"time": "size", "protocol": "iterated_k_fold"},
    ),
}


@pytest.mark.parametrize("bad", (DATA | PROBLEMS).values(), ids=(DATA | PROBLEMS).keys())
def test_bad_input_is_refused_with_the_place_and_the_way_out_and_leaves_nothing_half_written(desk: Desk, bad: Bad):
    desk.put(bad.csv() if callable(bad.csv) else bad.csv)
    desk.describe(bad.problem, **bad.changes)

    told = desk.run_until_refused()

    assert (told.step, told.code) == (bad.step, 1)
    assert_says(told.text, bad.says)
    assert "Traceback" not in told.text
    assert str(ROOT) not in told.text
    assert not written(desk, from_step=bad.step)
    assert not list(desk.root.rglob("*partial*"))
    assert desk.recorded == list(STEPS[: STEPS.index(bad.step)])
    assert not (desk.root / "harm").exists()


def assert_says(text: str, parts: Sequence[str]) -> None:
    start = 0
    for part in parts:
        assert part in text[start:], f"{part!r} is not (in this order) in:\n{text}"
        start = text.index(part, start) + len(part)


def written(desk: Desk, from_step: str) -> set[str]:
    """What `from_step` and the steps after it have written, without what validate writes for a person to look at."""
    layout, root = desk.layout, desk.root
    outputs = {
        "define": (layout.results / "settings",),
        "fetch": (layout.raw,),
        "validate": (),
        "prepare": (root / "data" / "prepared", layout.result("prepare")),
    }
    later = STEPS[STEPS.index(from_step) :]
    return {str(path) for step in later for path in outputs.get(step, ()) if path.exists()}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mone", ("problems/mone.yaml does not exist", "did you mean 'mine'?")),
        ("", ("'' is no problem's name", "there are: mine")),
        ("problems/mine.yaml", ("'problems/mine.yaml' is no problem's name", "did you mean 'mine'?")),
        ("mine.yaml", ("without its ending", "did you mean 'mine'?")),
        ("../params", ("'../params' is no problem's name", "there are: mine")),
        ("../problems/mine", ("is no problem's name", "did you mean 'mine'?")),
        ("/etc/hostname", ("is no problem's name",)),
        ("mine\0", ("does not exist", "did you mean 'mine'?")),
    ],
)
@pytest.mark.parametrize("step", ["define", "prepare"])
def test_a_problem_s_name_is_no_path(desk: Desk, step: str, name: str, says: tuple[str, ...]):
    before = desk.files()
    told = desk.run(step, name)
    assert told.code == 1
    assert_says(told.text, says)
    assert desk.files() == before


@pytest.mark.parametrize("text", ["defaults: [1]\n", "problems: [mine]\n", "defaults: {seed: x}\n", "a: b: c\n", ""])
def test_bad_defaults_are_refused_in_the_name_of_params_yaml(desk: Desk, text: str):
    (desk.root / "params.yaml").write_text(text)
    told = desk.run("define")
    assert told.code == 1
    assert "params.yaml" in told.text


@pytest.mark.parametrize(
    ("step", "runs_first", "names"),
    [
        ("fetch", (), "python -m tasks.define mine"),
        ("validate", ("define",), "python -m tasks.fetch mine"),
        ("prepare", ("define", "fetch"), "validation.json is missing"),
        ("baseline", ("define",), "prepare.json is missing"),
        ("report", ("define",), "is missing"),
    ],
)
def test_a_step_out_of_turn_says_which_comes_first(desk: Desk, step: str, runs_first: tuple[str, ...], names: str):
    for earlier in runs_first:
        assert desk.run(earlier).code == 0
    before = desk.files()
    told = desk.run(step)
    assert told.code == 1
    assert names in told.text
    assert desk.files() == before


def test_data_that_turn_bad_stop_the_workflow_and_what_was_learnt_before_stays(desk: Desk):
    desk.run_until_refused()
    before = desk.files()
    desk.put(table(label=["yes"] * ROWS))

    assert [desk.run(step).code for step in ("fetch", "validate")] == [0, 1]
    told = desk.run("prepare")

    assert told.code == 1
    assert_says(told.text, ("validation.json: the data failed their checks", "validate again"))
    changed = {name for name, content in desk.files().items() if before.get(name) != content}
    assert not before.keys() - desk.files().keys()
    assert changed == {
        *WRITTEN_BEFORE_THE_REFUSAL,
        "data/raw/mine/mine.csv",
        "data/raw/mine/manifest.json",
        "data/local/mine.csv",
    }


@pytest.fixture
def address(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server on the loopback that has `table.csv` and nothing else."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path_factory.mktemp("served")
    (folder / "table.csv").write_text(table())

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def fetched(desk: Desk, address: str) -> dict[str, bytes]:
    """The files after `table.csv` has been fetched once with its right checksum."""
    right = hashlib.sha256(table().encode()).hexdigest()
    desk.describe(data={"source": "address", "files": [{"url": f"{address}/table.csv", "sha256": right}]})
    assert [desk.run(step).code for step in ("define", "fetch")] == [0, 0]
    return {name: content for name, content in desk.files().items() if name.startswith("data/raw")}


def test_a_wrong_checksum_names_the_address_and_both_sums_and_keeps_the_data_fetched_before(
    desk: Desk, address: str, fetched: dict[str, bytes]
):
    wrong = "0" * 64
    desk.describe(data={"source": "address", "files": [{"url": f"{address}/table.csv", "sha256": wrong}]})
    desk.run("define")
    told = desk.run("fetch")
    assert told.code == 1
    right = hashlib.sha256(table().encode()).hexdigest()
    assert_says(
        told.text, (f"{address}/table.csv: wrong checksum", f"expected {wrong}", f"got      {right}", "`sha256`")
    )
    assert {name: content for name, content in desk.files().items() if name.startswith("data/raw")} == fetched


def test_a_mirror_s_file_with_a_wrong_checksum_is_passed_over_and_named(
    desk: Desk, address: str, fetched: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, monkeypatch
):
    mirror = tmp_path_factory.mktemp("mirror")
    (mirror / "gone.csv").write_text("size,label\n1,yes\n")
    monkeypatch.setenv("DATA_MIRROR", str(mirror))
    desk.describe(data={"source": "address", "files": [{"url": f"{address}/gone.csv", "sha256": "1" * 64}]})
    desk.run("define")
    told = desk.run("fetch")
    assert told.code == 1
    assert_says(
        told.text, ("gone.csv: passed over, its checksum is", "the server answered 404", "its SHA-256 must be 1111")
    )
    assert {name: content for name, content in desk.files().items() if name.startswith("data/raw")} == fetched


def command(desk: Desk, step: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"tasks.{step}", "mine", *options],
        cwd=desk.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["an unknown key", "a row with too many fields"])
def test_a_real_process_exits_with_1_and_tells_only_the_message(desk: Desk, name: str):
    bad = (DATA | PROBLEMS)[name]
    desk.put(bad.csv)
    desk.describe(bad.problem, **bad.changes)
    for step in STEPS[: STEPS.index(bad.step)]:
        desk.run(step)

    done = command(desk, bad.step)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert_says(done.stderr, bad.says)
    assert "Traceback" not in done.stderr


def test_the_traceback_comes_when_asked_for(desk: Desk):
    desk.describe(tagret="label")
    done = command(desk, "define", "--traceback")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "tagret: unknown key" in done.stderr


@pytest.mark.slow
def test_dvc_stops_at_bad_data_shows_why_and_after_the_correction_has_lost_nothing(workspace: Workspace):
    good, results = workspace.data_file.read_text(), contents(workspace)
    workspace.data_file.write_text(good + "1,2,3,train,yes,6\n")

    refused = workspace.run("dvc", "repro", check=False)

    assert refused.returncode != 0
    assert stages_run(refused.stdout) == ["fetch", "validate"]
    assert_says(refused.stdout, ("data/local/tiny.csv: line 82 has 6 fields, expected 5", "quote values"))
    assert "Traceback" not in refused.stdout
    lost = results.keys() - contents(workspace).keys()
    assert lost <= {f"results/{PROBLEM}/validation.json", f"results/{PROBLEM}/validation.html"}

    workspace.data_file.write_text(good)
    workspace.run("dvc", "repro")
    assert contents(workspace) == results


def contents(workspace: Workspace) -> dict[str, bytes]:
    folders = [workspace.results, workspace.root / "data" / "prepared"]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(workspace.root)): path.read_bytes() for path in paths}
