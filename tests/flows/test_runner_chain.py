"""From the Cancel button down to the last process, with the real flow: in a training, and while it commits."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from src.processes import is_alive
from tests.flows.runs import PATIENCE, Runner, prefect_server
from tests.workspaces import ROOT, Workspace, family, has_loaded_torch, step_of, wait_for, workers_of

pytestmark = pytest.mark.slow

PROMISED_SECONDS, GONE_SECONDS = 10, 10

# DVC stops before it keeps the outputs of a stage for as long as the file `hold` is there, and says so in it.
HOLD_DVC = """
import time
from pathlib import Path

if "flows.dvc_process" in sys.orig_argv:
    from dvc.stage import Stage

    commit, hold = Stage.commit, Path("hold")

    def held(*args, **options):
        while hold.exists():
            hold.write_text("held")
            time.sleep(0.05)
        return commit(*args, **options)

    Stage.commit = held
"""
# As git's filter of a file: reading it in a copy of the workspace takes as long as the file $1 is there.
HOLD_GIT = """#!/bin/sh
case "$PWD" in */copies/*) touch "$1"; while [ -e "$1" ]; do sleep 0.05; done;; esac
exec cat
"""


@pytest.fixture(scope="module")
def runner(finished: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    folder = tmp_path_factory.mktemp("chain")
    (folder / "sitecustomize.py").write_text((ROOT / "tests" / "audit.py").read_text() + HOLD_DVC)
    copy = finished.copy(folder / "workspace")
    workspace = Workspace(copy.root, copy.environment | {"PYTHONPATH": str(folder)})
    with prefect_server(workspace) as api:
        runner = Runner(workspace, api)
        runner.start()
        yield runner
        runner.stop()


def cancel(runner: Runner, run: str) -> None:
    """Cancel the run and see it end in time, with everything it has started."""
    flow = next(child for child in psutil.Process(runner.service.pid).children() if child.children())
    members = family(flow.pid)
    began = time.monotonic()
    runner.cancel(run)
    runner.wait_for_state(run, "Cancelled")
    assert time.monotonic() - began < PROMISED_SECONDS
    wait_for(lambda: not any(map(is_alive, members)), GONE_SECONDS)


def test_cancelled_while_dvc_commits_a_stage_dvc_repro_ends_as_if_nothing_had_been(runner: Runner, finished: Workspace):
    workspace, hold = runner.workspace, runner.workspace.root / "hold"
    hold.touch()
    run = runner.press_run(force=True, until="prepare")
    wait_for(lambda: hold.read_text() == "held", PATIENCE)
    cancel(runner, run)
    assert runner.steps(run)["define"] == "Cancelled"
    hold.unlink()
    workspace.run("dvc", "repro")
    assert workspace.lock == finished.lock


def test_cancelled_while_the_experiment_is_committed_there_is_none_and_the_next_run_makes_it(
    runner: Runner, tmp_path: Path
):
    workspace, hold = runner.workspace, tmp_path / "hold"
    script = tmp_path / "filter.sh"
    script.write_text(HOLD_GIT)
    workspace.git("config", "filter.hold.clean", f"sh {script} {hold}")
    attributes = workspace.root / ".git" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("dvc.lock filter=hold\n")

    def press_run() -> str:
        return runner.press_run(overrides={"search_budget": 1}, until="define")

    def experiments() -> list[str]:
        return workspace.git("for-each-ref", "--format=%(refname)", "refs/exps").split()

    run = press_run()
    wait_for(hold.exists, PATIENCE)
    name = runner.run(run)["name"]
    cancel(runner, run)
    hold.unlink()
    attributes.unlink()
    assert experiments() == []
    again = press_run()
    runner.wait_for_state(again, "Completed")
    (made,) = experiments()
    assert made.endswith(f"/{name}")
    assert list((workspace.root / ".workflow" / "copies").iterdir()) == []
    assert "Data and pipelines are up to date" in workspace.run("dvc", "repro").stdout


def test_cancelled_in_the_middle_of_a_training_everything_ends_and_the_run_goes_on_when_pressed_again(runner: Runner):
    workspace = runner.workspace
    workspace.set(training={"epochs": 100_000, "batch_size": 16}, engine={"workers": 2})
    run = runner.press_run()
    step = wait_for(lambda: step_of(runner.service.pid, "overfit"), 2 * PATIENCE)
    wait_for(lambda: any(map(has_loaded_torch, workers_of(step))), PATIENCE)
    cancel(runner, run)
    assert runner.steps(run)["overfit"] == "Cancelled"
    workspace.set(training={"epochs": 4, "batch_size": 16}, engine={"workers": 1})
    again = runner.press_run()
    runner.wait_for_state(again, "Completed")
