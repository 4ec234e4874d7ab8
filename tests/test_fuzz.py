"""Random damage to problem files, tables and the files between the steps: a sentence at most, never a traceback.

Every example runs the steps define to prepare in this process. What a step raises beside errors for people, a run that
takes long, a file written outside of the workspace, and a message of many pages fail the test.

For SECONDS each, the tests try examples that are always the same ones, so that only a change makes them fail. Others,
for longer:

    FUZZ_SECONDS=600 pytest tests/test_fuzz.py
"""

import copy
import faulthandler
import gzip
import importlib
import io
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from src.core.files import Layout
from src.core.steps import STEPS, maker
from src.problem.load import load_problem
from tasks import cli
from tests.audit import written
from tests.bad_input.desk import GOOD_PROBLEM, table
from tests.workspaces import ROOT

SECONDS = float(os.environ.get("FUZZ_SECONDS", "5"))
LONGEST_EXAMPLE_SECONDS, LONGEST_MESSAGE = 30, 20_000
TO_PREPARE = STEPS[: STEPS.index("prepare") + 1]
fuzzed = settings(
    max_examples=int(8 * SECONDS),
    derandomize="FUZZ_SECONDS" not in os.environ,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
allowed: list[str] = []
outside: list[str] = []


def _listen(event: str, args: tuple[Any, ...]) -> None:
    """Note what is written outside of the workspace while one is in use."""
    if allowed:
        outside.extend(path for path in written(event, args) if not f"{path}/".startswith((*allowed, "/dev/")))


sys.addaudithook(_listen)


class TooLong(BaseException):
    """An example has taken longer than LONGEST_EXAMPLE_SECONDS."""


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLong


@contextmanager
def time_limit() -> Iterator[None]:
    """Raise TooLong in time; where C code does not even let that happen, end the process and say where it was."""
    before = signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_EXAMPLE_SECONDS)
    faulthandler.dump_traceback_later(3 * LONGEST_EXAMPLE_SECONDS, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Layout]:
    """An empty workspace as the working folder; the record in MLflow is left out."""

    @contextmanager
    def recording(step: str, layout: Layout) -> Iterator[None]:
        yield

    with tempfile.TemporaryDirectory() as folder, monkeypatch.context() as patched:
        root, temporary = Path(folder).resolve() / "workspace", Path(folder).resolve() / "temporary"
        for path in (root / "problems", root / "data" / "local", temporary):
            path.mkdir(parents=True)
        shutil.copy(ROOT / "params.yaml", root)
        patched.chdir(root)
        patched.setattr(tempfile, "tempdir", str(temporary))
        patched.setitem(sys.modules, "src.tracking", SimpleNamespace(recording=recording))
        for variable in ("DVC_STAGE", "DATA_MIRROR"):
            patched.delenv(variable, raising=False)
        outside.clear()
        allowed.extend([f"{root}/", f"{temporary}/"])
        try:
            with time_limit():
                yield Layout("mine")
        finally:
            allowed.clear()
        assert outside == []


def run(step: str) -> bool:
    """Whether the step went well; it may refuse with a message of some lines."""
    log = io.StringIO()
    logger = logging.getLogger("workflow")
    logger.handlers, logger.propagate = [logging.StreamHandler(log)], False
    try:
        code = cli.run(getattr(importlib.import_module(f"tasks.{step}"), step), ["mine"])
    finally:
        logger.handlers, logger.propagate = [], True
    said = log.getvalue()
    assert code in (0, cli.FAILED)
    assert code == 0 or "error: " in said
    assert "Traceback" not in said
    assert len(said) < LONGEST_MESSAGE
    return code == 0


def run_all(layout: Layout) -> None:
    for step in TO_PREPARE:
        if step == "fetch" and load_problem(layout).data.source == "address":
            event("an address")  # no test goes to the network
            return
        if not run(step):
            event(f"refused by {step}")
            return
    event("prepared")


def timeboxed(test: Callable[..., None]) -> Callable[..., None]:
    """The test, of which examples that come after SECONDS are left out; not while a failing one is made smaller."""
    began: list[float] = []
    failed: list[BaseException] = []

    @wraps(test)
    def run_in_time(*args: Any, **given: Any) -> None:
        began.append(time.monotonic())
        if began[-1] - began[0] > SECONDS and not failed:
            return
        try:
            test(*args, **given)
        except BaseException as error:
            failed.append(error)
            raise

    return run_in_time


# ---------------------------------------------------------------------------------------------- what is changed

PROBLEMS: list[dict[str, Any]] = [
    GOOD_PROBLEM,
    GOOD_PROBLEM | {"type": "regression", "target": "price", "time": "size", "series": {"lookback": 2}},
    GOOD_PROBLEM | {"type": "multilabel", "target": ["label", "city"], "drop": ["size"], "groups": "price"},
    GOOD_PROBLEM | {"heads": {"price": {"type": "regression"}}, "test": {"column": "city", "value": "here"}},
    GOOD_PROBLEM | {"columns": {"city": "text"}, "text": {"encoding": "sequence", "length": 3}, "folds": 3},
    GOOD_PROBLEM | {"data": {"source": "sklearn", "name": "wine"}, "target": "target", "type": "multiclass"},
    GOOD_PROBLEM | {"data": {"source": "address", "files": [{"url": "https://example.org/a.csv", "sha256": "0" * 64}]}},
]
_KEYS = """target type data columns test groups time weights drop series text image tokens positive heads folds repeats
protocol measure validation search training seed unit path encoding separator missing names skip_lines members records
pictures format share column value strip_end content word_vectors final engine committee lookback size x"""
_WORDS = """size price city label auto none mine.csv .. ../../x /etc/passwd x.gz numeric text image date token gru
sequence categorical k_fold nested fold_ensemble punycode utf-16 cp1252 latin-1 (a+)+$ (?P<label>.) ["""
KEYS, WORDS = _KEYS.split(), _WORDS.split()
ODD_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-2, 5),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from([*WORDS, "a" * 5000, "\ud800", "\0", 10**30, 1e308, float("nan"), float("inf")]),
    st.sampled_from([[], {}, [[]], [{}], {"a": None}, ["size", "size"]]),
)
BITS = [
    *(b"&a ", b"*a", b"!!int ", b"!!python/name:os.system ", b"<<: *a", b"- ", b"? ", b": ", b"{", b"[" * 50, b"|"),
    *(b"\0", b'"', b"'", b",", b";", b"\t", b"\r", b"\n\n", b"\xef\xbb\xbf", b"\xff", b"1e999", b"NaN", b"9" * 400),
    *(b"0000-00-00", b"9999-12-31T25:61", b"\\ud800", b"}", b"[", b"null", b"true", b"@data", b"1-2\t", b"#", b"%"),
]


def places(value: Any) -> Iterator[Any]:
    """Every mapping and list inside of `value`, itself included."""
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from places(inner)


# Where it begins, as a share of the content, how many bytes it takes out, and what it puts there; None: these twice.
Edit = tuple[float, int, bytes | None]
EDITS: st.SearchStrategy[list[Edit]] = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.sampled_from([0, 1, 20, 10**6]),
        st.one_of(st.none(), st.just(b""), st.binary(max_size=8), st.sampled_from(BITS)),
    ),
    min_size=1,
    max_size=4,
)


def edited(content: bytes, edits: list[Edit]) -> bytes:
    for share, length, middle in edits:
        start = int(share * len(content))
        taken, rest = content[start : start + length], content[start + length :]
        content = content[:start] + (2 * taken if middle is None else middle) + rest
    return content


@st.composite
def changed_problems(draw: st.DrawFn) -> bytes:
    """A good problem with some keys and values that are others, as YAML, of which some bytes may be others."""
    problem = copy.deepcopy(draw(st.sampled_from(PROBLEMS)))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(list(places(problem))))
        if isinstance(place, list):
            place.append(copy.deepcopy(draw(ODD_VALUES)))
            continue
        key = draw(st.sampled_from(sorted(place, key=str)) if place and draw(st.booleans()) else st.sampled_from(KEYS))
        if key in place and draw(st.integers(0, 3)) == 0:
            del place[key]
        else:
            place[key] = copy.deepcopy(draw(ODD_VALUES))
    text = yaml.dump(problem, sort_keys=False).encode("utf-8", "surrogatepass")
    return edited(text, draw(EDITS)) if draw(st.integers(0, 3)) == 0 else text


def tables() -> dict[str, bytes]:
    """The same good table in every format."""
    frame, parquet, archive = pd.read_csv(io.StringIO(table())), io.BytesIO(), io.BytesIO()
    frame.to_parquet(parquet)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("mine.csv"), table())
    header, *rows = table().splitlines()
    kinds = {"size": "numeric", "price": "numeric", "city": "{here,there}", "label": "{yes,no}"}
    arff = ["@relation mine", *(f"@attribute {name} {kinds[name]}" for name in header.split(",")), "@data", *rows, ""]
    words = [f"{1 + i % 3}\tw{i % 5}\t_\t{'NOUN' if i % 2 else 'VERB'}" + "\t_" * 6 for i in range(60)]
    return {
        "mine.csv": table().encode(),
        "mine.tsv": table().replace(",", "\t").encode(),
        "mine.jsonl": "".join(json.dumps(row) + "\n" for row in frame.to_dict("records")).encode(),
        "mine.parquet": parquet.getvalue(),
        "mine.arff": "\n".join(arff).encode(),
        "mine.conllu": ("\n".join(words).replace("\n1\t", "\n\n1\t") + "\n\n").encode(),
        "mine.csv.gz": gzip.compress(table().encode(), mtime=0),
        "mine.zip": archive.getvalue(),
    }


TABLES = tables()
KINDS = ["text", "date", "numeric", "boolean", "image", "categorical"]


# ---------------------------------------------------------------------------------------------- the tests


@fuzzed
@given(problem=changed_problems())
@timeboxed
def test_a_changed_problem_file_is_taken_or_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch, problem: bytes):
    with workspace(monkeypatch) as layout:
        (layout.local / "mine.csv").write_text(table())
        layout.problem_file.write_bytes(problem)
        run_all(layout)


@fuzzed
@given(
    name=st.sampled_from(sorted(TABLES)),
    edits=EDITS,
    kinds=st.dictionaries(st.sampled_from(["size", "city"]), st.sampled_from(KINDS)),
)
@timeboxed
def test_a_changed_table_is_taken_or_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, edits: list[Edit], kinds: dict[str, str]
):
    with workspace(monkeypatch) as layout:
        (layout.local / name).write_bytes(edited(TABLES[name], edits))
        problem = GOOD_PROBLEM | {"data": {"source": "file", "path": name}, "columns": kinds}
        layout.problem_file.write_text(yaml.safe_dump(problem))
        run_all(layout)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the steps define to prepare have run."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as monkeypatch, workspace(monkeypatch) as layout:
        (layout.local / "mine.csv").write_text(table())
        layout.problem_file.write_text(yaml.safe_dump(GOOD_PROBLEM))
        assert all(map(run, TO_PREPARE))
        allowed.clear()
        shutil.copytree(Path(), folder, dirs_exist_ok=True)
    return folder


@fuzzed
@given(number=st.integers(0, 100), edits=EDITS)
@timeboxed
def test_a_changed_file_of_an_earlier_step_is_taken_or_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, whole: Path, number: int, edits: list[Edit]
):
    with workspace(monkeypatch):
        shutil.copytree(whole, Path(), dirs_exist_ok=True)
        files = [path for folder in ("data", "results") for path in Path(folder).rglob("*") if path.is_file()]
        made_by = {path: of[0] for path in sorted(files) if (of := maker(path)) and of[0] != TO_PREPARE[-1]}
        path = list(made_by)[number % len(made_by)]
        path.write_bytes(edited(path.read_bytes(), edits))
        for step in TO_PREPARE[TO_PREPARE.index(made_by[path]) + 1 :]:
            if not run(step):
                event(f"refused by {step}")
                return
        event("taken")
