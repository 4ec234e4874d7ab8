"""Real processes, and DVC, refuse bad input as well."""

import os
import subprocess
import sys

import pytest

from src.core.steps import STEPS
from tests.bad_input.bad_data import DATA
from tests.bad_input.bad_problems import PROBLEMS
from tests.bad_input.desk import Desk, assert_says
from tests.workspaces import PROBLEM, ROOT, Workspace, stages_run


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
    assert stages_run(refused.stdout) == ["define", "fetch", "validate"]
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
