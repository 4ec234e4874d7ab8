"""A damaged file of an earlier step is named together with the command that makes it anew, whoever reads it.

Every step is called on a finished workspace in which one of its files is cut short, garbage or of another shape. The
files are those that dvc.yaml lists, so that a new one is tested, too.
"""

import importlib
import io
import json
import math
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from src.core.errors import UserError
from src.core.files import Layout
from src.core.steps import RECORDED, STEPS, maker
from src.report.evidence import read_evidence
from src.tables.table import read_schema, read_table
from src.tracking.content import step_content
from src.tracking.identity import recorded_key
from src.tracking.settings import workflow_settings
from tasks.summary import summary
from tests.report.examples import example
from tests.report.written_results import write_results
from tests.workspaces import PROBLEM, ROOT, Workspace

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
GARBAGE = np.random.default_rng(0).bytes(500)
# Only after training does `evaluate` read the sealed test set, and only there is the model loaded.
READ_LATE = ("test/table.parquet",)
NOT_READ = (
    "local_files.json",
    "kinds.json",
    "metrics.json",
    "validation.html",
    "test/test.json",
    "report.html",
    "model_card.md",
)


def other_table() -> bytes:
    stream = io.BytesIO()
    pd.DataFrame({"other": [1]}).to_parquet(stream)
    return stream.getvalue()


def other_arrays() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, other=np.arange(3))
    return stream.getvalue()


OTHER_SHAPES: dict[str, list[bytes]] = {
    ".json": [b"[]\n", b"null\n", b'{"other": 1}\n', b"[" * 10**5, b'{"other": "\\ud800"}'],
    ".csv": [b"a,b\n1,2\n", b"rung,network\n1\n", b"\n"],
    ".parquet": [other_table()],
    ".npz": [other_arrays()],
}


def damages(path: Path) -> Iterator[bytes]:
    whole = path.read_bytes()
    yield b""
    yield GARBAGE
    yield from (whole[: int(share * len(whole))] for share in (0.1, 0.5, 0.9))
    yield whole[:-3]
    yield whole[: len(whole) // 2] + GARBAGE + whole[len(whole) // 2 :]
    yield from OTHER_SHAPES.get(path.suffix, [])


@pytest.fixture(scope="module")
def whole(finished: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """The data and results of a finished workspace."""
    root = tmp_path_factory.mktemp("damage")
    for folder in ("data", "results", "problems"):
        shutil.copytree(finished.root / folder, root / folder)
    shutil.copy(finished.root / "params.yaml", root)
    return Layout(PROBLEM, root)


def files_of(kinds: tuple[str, ...], step: str, root: Path) -> list[Path]:
    """What dvc.yaml lists for the step below data/ and results/, folders as their files."""
    entries = [entry for kind in kinds for entry in STAGES[step]["do"].get(kind, [])]
    names = [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
    paths = [root / name.replace("${item}", PROBLEM) for name in names if name.startswith(("data/", "results/"))]
    found = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    return [file for file in found if maker(file) and file.is_file() and not file.as_posix().endswith(NOT_READ)]


def step_function(step: str) -> Callable[[Layout], object]:
    return getattr(importlib.import_module(f"tasks.{step}"), step)


def assert_told(path: Path, read: Callable[[], object]) -> None:
    """Whatever the damage, `read` raises a UserError that names the file and the stage that makes it anew."""
    whole = path.read_bytes()
    made_by = maker(path)
    assert made_by is not None
    try:
        for damage in damages(path):
            path.write_bytes(damage)
            with pytest.raises(UserError) as told:
                read()
            message = str(told.value)
            assert str(path) in message
            assert "damaged" in message, message
            assert f"`dvc repro {made_by[0]}@{PROBLEM}`" in message
            assert f"`python -m tasks.{made_by[0]} {PROBLEM}`" in message
            assert len(message) < 600
    finally:
        path.write_bytes(whole)


@pytest.mark.slow
@pytest.mark.parametrize("step", [step for step in STEPS if step not in ("define", "fetch")])
def test_every_step_names_the_damaged_file_and_the_way_out(whole: Layout, step: str):
    files = [path for path in files_of(("deps",), step, whole.root) if not path.as_posix().endswith(READ_LATE)]
    assert files
    for path in files:
        assert_told(path, partial(step_function(step), whole))


@pytest.mark.slow
def test_fetch_names_damaged_settings_and_makes_a_damaged_folder_anew(whole: Layout, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(whole.root)
    for path in files_of(("deps",), "fetch", whole.root):
        assert_told(path, partial(step_function("fetch"), whole))
    for path in files_of(("outs",), "fetch", whole.root):
        content = path.read_bytes()
        for damage in damages(path):
            path.write_bytes(damage)
            step_function("fetch")(whole)
            assert path.read_bytes() == content


def put(*where: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    """The change of one value in a result."""

    def change(result: Any) -> None:
        for key in where[:-1]:
            result = result[key]
        result[where[-1]] = value

    return change


def without_comparison(result: dict[str, Any]) -> None:
    for verdict in result["verdicts"]:
        verdict.pop("comparison", None)


NOT_WHOLE = {
    "an evaluation without verdicts": ("evaluate", put("verdicts", value=[])),
    "verdicts without comparisons": ("evaluate", without_comparison),
    "a mean that is no number": ("evaluate", put("cross_validation", "mean", value=math.nan)),
    "a mean that is infinite": ("evaluate", put("cross_validation", "mean", value=math.inf)),
    "no scores of the folds": ("evaluate", put("cross_validation", "scores", value=[])),
    "an unknown measure": ("evaluate", put("measure", value="xx")),
    "another type's measure": ("evaluate", put("measure", value="mae")),
    "another measure of the type": ("baseline", put("measure", value="f1")),
    "a measure that its type does not have": ("prepare", put("measure", value="mae")),
    "an unknown type": ("prepare", put("type", value="xx")),
    "no scores of a reference": ("baseline", put("shallow", "evaluation", "scores", value=[])),
    "a ladder without rungs": ("overfit", put("rungs", value=[])),
    "a chosen rung beyond the last": ("overfit", put("chosen", value=9)),
    "a chosen rung before the first": ("overfit", put("chosen", value=-1)),
    "no scores of the search": ("regularize", put("best_score", "scores", value=[])),
}


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """The results of a binary problem, for the report."""
    return write_results(tmp_path_factory.mktemp("reported"), example("binary"))


@pytest.mark.parametrize("case", NOT_WHOLE)
def test_a_result_that_is_well_formed_and_not_whole_is_told_like_damage(reported: Layout, case: str):
    step, change = NOT_WHOLE[case]
    path = reported.result(step)
    whole = path.read_bytes()
    read_evidence(reported)
    result = json.loads(whole)
    change(result)
    path.write_text(json.dumps(result))
    try:
        with pytest.raises(UserError) as told:
            read_evidence(reported)
    finally:
        path.write_bytes(whole)
    message = str(told.value)
    assert message.startswith(f"{path} is damaged or of another version (")
    assert f"`dvc repro {step}@{reported.problem}`" in message


@pytest.mark.slow
def test_the_sealed_test_set_is_read_by_the_same_reader(whole: Layout):
    assert_told(whole.test / "table.parquet", lambda: read_table(whole.test, read_schema(whole.train)))


@pytest.mark.slow
def test_the_record_and_the_summary_name_the_damaged_file(whole: Layout):
    for step in RECORDED:
        outs = files_of(("outs", "metrics", "plots"), step, whole.root)
        for path in outs:
            if path.parent == whole.results and path.suffix in (".json", ".csv"):
                assert_told(path, partial(step_content, step, whole))
    for step in ("validate", "baseline", "overfit", "regularize", "evaluate"):
        assert_told(whole.result(step), lambda: summary([whole]))
    assert_told(whole.raw / "manifest.json", lambda: recorded_key(whole))
    for path in sorted(whole.settings("define").parent.glob("*.json")):
        if path.stem != "engine":
            damaged = path.read_bytes()
            path.write_bytes(b"[]")
            with pytest.raises(UserError, match="damaged"):
                workflow_settings(whole, RECORDED)
            path.write_bytes(damaged)


def test_the_maker_of_every_output_in_dvc_yaml_is_known():
    for step, stage in STAGES.items():
        entries = [entry for kind in ("outs", "metrics", "plots") for entry in stage["do"].get(kind, [])]
        for entry in entries:
            name = entry if isinstance(entry, str) else next(iter(entry))
            assert maker(Path(name.replace("${item}", "wine"))) == (step, "wine"), name


@pytest.mark.slow
def test_a_real_process_says_so_and_dvc_repro_makes_damaged_files_anew(workspace: Workspace):
    layout = Layout(PROBLEM, workspace.root)
    damaged = [layout.result("prepare"), layout.settings("baseline"), layout.train / "schema.json", layout.folds]
    before = [path.read_bytes() for path in damaged]
    for path, content in zip(damaged, before, strict=True):
        path.write_bytes(content[: len(content) // 2])

    refused = workspace.run("tasks.baseline", PROBLEM, check=False)
    assert (refused.returncode, "Traceback" in refused.stdout) == (1, False)
    assert f"results/{PROBLEM}/settings/baseline.json is damaged" in refused.stdout

    workspace.run("dvc", "repro")
    assert [path.read_bytes() for path in damaged] == before
