"""What may go wrong while the workflow runs, done on purpose: kills, two runs at once, a full disk, Ctrl-C."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from src.core.processes import is_alive
from tests.workspaces import (
    PROBLEM,
    Workspace,
    family,
    stages_run,
    step_of,
    wait_for,
    workers_of,
)

pytestmark = pytest.mark.slow
GONE_SECONDS = 3


@pytest.fixture
def busy(workspace: Workspace) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """`dvc repro` in the middle of a long `regularize` with two workers: the dvc process and its step's."""
    original = workspace.problem_file.read_bytes()
    workspace.set(training={"epochs": 100_000, "batch_size": 16}, search={"budget": 8}, engine={"workers": 2})
    workspace.run("dvc", "repro", "--single-item", f"define@{PROBLEM}")
    dvc = workspace.popen("dvc", "repro", "--single-item", f"regularize@{PROBLEM}", start_new_session=True)
    try:
        step = wait_for(lambda: step_of(dvc.pid, "regularize"), 60)
        wait_for(lambda: len(workers_of(step)) == 2 and all(map(trains, workers_of(step))), 60)
        workspace.problem_file.write_bytes(original)
        yield dvc, step
    finally:
        for process in family(dvc.pid):
            process.kill()
        dvc.wait()
        dvc.stdout.close()


def trains(worker: psutil.Process) -> bool:
    """Whether it is past its start, which forked workers have with everything loaded."""
    return worker.cpu_times().user > 0.5


def test_a_killed_dvc_takes_its_step_and_the_step_s_workers_with_it_and_the_next_run_recovers(
    finished: Workspace, workspace: Workspace, busy: tuple[subprocess.Popen[str], psutil.Process]
):
    dvc, step = busy
    children = [step, *workers_of(step)]
    dvc.kill()
    dvc.communicate()
    wait_for(lambda: not any(map(is_alive, children)), GONE_SECONDS)
    keeps_its_results(workspace)
    recovers(workspace, finished)


def test_a_killed_step_takes_its_workers_with_it_and_the_next_run_recovers(
    finished: Workspace, workspace: Workspace, busy: tuple[subprocess.Popen[str], psutil.Process]
):
    dvc, step = busy
    workers = workers_of(step)
    step.kill()
    wait_for(lambda: not any(map(is_alive, workers)), GONE_SECONDS)
    assert dvc.wait(30) != 0
    keeps_its_results(workspace)
    recovers(workspace, finished)


def test_a_second_run_in_the_same_workspace_is_refused_and_changes_nothing(
    workspace: Workspace, busy: tuple[subprocess.Popen[str], psutil.Process]
):
    dvc, step = busy
    before = contents(workspace)
    by_hand = workspace.run("tasks.prepare", PROBLEM, check=False)
    assert by_hand.returncode == 1
    holder = f"process {dvc.pid}, `{sys.executable} -m dvc repro --single-item regularize@{PROBLEM}`"
    assert f"another run has this workspace: {holder}" in by_hand.stdout
    assert "Traceback" not in by_hand.stdout

    for stage in ("fetch", "baseline", "report"):  # without and with files in common with the running stage
        by_dvc = workspace.run("dvc", "repro", "--force", "--single-item", f"{stage}@{PROBLEM}", check=False)
        assert by_dvc.returncode != 0
        assert f"(PID {dvc.pid})" in by_dvc.stdout
    assert contents(workspace) == before
    assert is_alive(step)
    assert dvc.poll() is None
    assert workspace.run("dvc", "metrics", "show").stdout, "looking at results is free"


@pytest.mark.parametrize("step", ["fetch", "prepare", "evaluate"])
def test_a_kill_in_the_middle_of_a_step_leaves_nothing_that_the_next_run_cannot_put_right(
    finished: Workspace, workspace: Workspace, step: str
):
    dvc = workspace.popen("dvc", "repro", "--force", "--single-item", f"{step}@{PROBLEM}")
    process = wait_for(lambda: step_of(dvc.pid, step), 60)
    wait_for(lambda: not deleted(workspace), 60)  # it is past its first moment, and not at its end
    time.sleep(0.5)
    dvc.kill()
    dvc.communicate()
    wait_for(lambda: not is_alive(process), GONE_SECONDS)
    keeps_its_results(workspace)
    recovers(workspace, finished)


def test_ctrl_c_ends_a_run_with_a_message(
    finished: Workspace, workspace: Workspace, busy: tuple[subprocess.Popen[str], psutil.Process]
):
    dvc, _ = busy
    os.killpg(dvc.pid, signal.SIGINT)
    output, _ = dvc.communicate(timeout=30)
    assert dvc.returncode != 0
    assert "regularize was interrupted" in output
    assert "Traceback" not in output
    keeps_its_results(workspace)
    recovers(workspace, finished)


def test_a_full_disk_is_told_and_leaves_the_last_results_as_they_were(workspace: Workspace):
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    before = contents(workspace)
    run = workspace.run("tasks.prepare", PROBLEM, check=False, preexec_fn=little_room)
    assert run.returncode == 1, run.stdout
    assert "the disk is full" in run.stdout
    assert "Traceback" not in run.stdout
    assert contents(workspace) == before


def keeps_its_results(workspace: Workspace) -> None:
    """Whatever git keeps is there, though DVC has removed the outputs of the stage that it ran."""
    assert not deleted(workspace)


def deleted(workspace: Workspace) -> list[str]:
    return workspace.git("ls-files", "--deleted").split()


def recovers(workspace: Workspace, finished: Workspace) -> None:
    """`dvc repro` brings back the very results of the undisturbed run, and nothing half-written is left."""
    output = workspace.run("dvc", "repro").stdout
    assert set(stages_run(output)) <= {"define", "fetch", "validate", "prepare", "evaluate", "report"}, output
    assert workspace.lock == finished.lock
    assert contents(workspace) == contents(finished)


def contents(workspace: Workspace) -> dict[str, bytes]:
    """All data and results, by path."""
    files = [path for folder in ("data", "results") for path in (workspace.root / folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(workspace.root)): path.read_bytes() for path in files}
