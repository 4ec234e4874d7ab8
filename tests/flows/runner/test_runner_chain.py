"""From the Cancel button down to the last process, with the real flow: in a training, and while it commits."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from src.core.processes import is_alive
from tests.flows.runs import PATIENCE, Runner, prefect_server
from tests.workspaces import (
    PROBLEM,
    ROOT,
    Workspace,
    family,
    has_loaded_torch,
    step_of,
    wait_for,
    workers_of,
)

pytestmark = pytest.mark.slow

PROMISED_SECONDS, GONE_SECONDS = 10, 10

# DVC stops before it keeps the outputs of a stage for as long as the file `hold` is there, and says so in it.
HOLD_DVC = """
import time
from pathlib import Path

if "flows.running.dvc_process" in sys.orig_argv:
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


def bad_runs(runner: Runner) -> dict[str, str]:
    """Runs that cannot happen, by their ids, with what each has to be told."""
    tiny = {"problem": PROBLEM}
    bad: list[tuple[str, dict[str, object], str]] = [
        ("universal-workflow", {"problem": "tinny"}, "did you mean 'tiny'?"),
        ("universal-workflow", {"problem": 5}, "problem: should be"),
        ("universal-workflow", {"problem": "gone"}, "no problem is called 'gone'"),
        ("universal-workflow", tiny | {"learning_rate": 0.1}, "has no parameter 'learning_rate'"),
        ("universal-workflow", tiny | {"overrides": {"measure": "mae"}}, "allowed: auto, accuracy"),
        ("universal-workflow", tiny | {"overrides": "{bad"}, "overrides: should be a valid dictionary"),
        ("all-problems", {"until": "the end"}, "until: should be 'define'"),
        ("predict", tiny, "not given: table, output"),
    ]
    told = {runner.create_unchecked(runner.deployment(name), given): told for name, given, told in bad}
    of_another_version = runner.deployment("universal-workflow") | {"parameters": {}, "name": "older"}
    kept = ("flow_id", "name", "entrypoint", "parameters")
    older = runner.post(
        "deployments/", {key: of_another_version[key] for key in kept} | {"entrypoint": "flows.old.flow"}
    )
    runner.restart()
    told[runner.create_unchecked(older, {})] = "no flow for the deployment older (flows.old.flow)"
    return told


def test_whatever_a_run_brings_it_fails_with_a_reason_before_it_waits_and_the_runner_lives(runner: Runner):
    """No parameter, another version's, a file that is gone, a deployment that is, and runs that are deleted."""
    gone = runner.workspace.root / "problems" / "gone.yaml"
    gone.write_text(runner.workspace.problem_file.read_text())
    deployment = runner.deployment()
    wait_for(lambda: "gone" in runner.deployment()["parameter_openapi_schema"]["properties"]["problem"]["enum"], 60)
    gone.unlink()
    assert runner.send_malformed(f"deployments/{deployment['id']}/create_flow_run").status_code == 422
    for run, told in bad_runs(runner).items():
        runner.wait_for_state(run, "Failed")
        assert told in runner.message(run)
        assert "Traceback" not in runner.message(run)
        # The log may arrive after the state.
        wait_for(lambda run=run, told=told: told in " ".join(line["message"] for line in runner.logs(run)), PATIENCE)
    # A schedule saved as the dialog has it: no parameters. It starts the first problem that params.yaml lists.
    schedule = {"schedule": {"interval": 2, "anchor_date": "2026-01-01T00:00:00Z"}, "active": True}
    broken = {"problem": {"__prefect_kind": "json", "value": "{bad"}}
    made = runner.post(
        f"deployments/{deployment['id']}/schedules",
        [schedule | {"parameters": {"until": "define"}}, schedule | {"parameters": broken}],
    )
    wait_for(lambda: runner.runs_in("Completed"), PATIENCE)
    assert {runner.run(run)["parameters"]["problem"] for run in runner.runs_in("Completed")} == {PROBLEM}
    for one in made:
        runner.delete(f"deployments/{deployment['id']}/schedules/{one['id']}")
    assert "Traceback" not in runner.log
    # Runs that somebody deletes while they wait and while they go on.
    deleted = [runner.press_run(force=True, until="define") for _ in range(3)]
    for run in deleted:
        runner.delete(f"flow_runs/{run}")
    last = runner.press_run(until="define")
    runner.wait_for_state(last, "Completed")
    assert runner.service.is_running()


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
        return runner.press_run(overrides={"search": {"budget": 1}}, until="define")

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
