"""The runner, with a flow that lasts as long as a test wants: who runs, who waits, and how runs end."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psutil
import pytest

from flows.running import shell_runs
from src.core.processes import is_alive
from tests.flows.runs import PATIENCE, Runner, prefect_server, with_lasting_flow
from tests.workspaces import PROBLEM, Workspace, family, wait_for

pytestmark = pytest.mark.slow

GONE_SECONDS = 10


@pytest.fixture(scope="module")
def lasting(fresh: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return with_lasting_flow(fresh, tmp_path_factory.mktemp("runner") / "workspace")


@pytest.fixture(scope="module")
def running(lasting: Workspace) -> Iterator[Runner]:
    """A runner for all tests, and its server."""
    with prefect_server(lasting) as api:
        runner = Runner(lasting, api)
        runner.start()
        yield runner
        runner.stop()


@pytest.fixture
def runner(running: Runner) -> Iterator[Runner]:
    """A runner that does nothing; what a test leaves running is cancelled."""
    for file in running.workspace.root.glob("release-*"):
        file.unlink()
    yield running
    if not running.service.is_running():
        running.start()
    for run in running.open_runs():
        running.cancel(run)
    wait_for(lambda: not running.open_runs(), 30)


@pytest.mark.parametrize("problem", ["../problems/tiny", "problems/tiny.yaml", "/etc/passwd", "tinny", ""])
def test_the_name_of_no_problem_is_refused_naming_the_field(runner: Runner, problem: str):
    refused = runner.create(problem=problem)
    assert refused.status_code == 409
    assert (
        f"Validation failed for field 'problem'. Failure reason: '{problem}' is not one of" in refused.json()["detail"]
    )


def test_a_run_happens_in_the_process_that_waited_for_it(runner: Runner):
    wait_for(lambda: len(runner.children()) == 1, 30)
    (spare,) = runner.children()
    run = runner.press_run(force=True)
    runner.wait_for_step(run)
    assert runner.process_of(run) == spare
    runner.release()
    runner.wait_for_state(run, "Completed")
    wait_for(lambda: not is_alive(spare), GONE_SECONDS)


def test_the_second_of_two_runs_in_the_workspace_waits_and_one_in_a_copy_does_not(runner: Runner):
    first = runner.press_run(force=True)
    runner.wait_for_state(first, "Running")
    second = runner.press_run("other", force=True)
    copies = [runner.press_run("other", force=True, overrides={"folds": 3}) for _ in range(3)]
    runner.wait_for_state(second, "Queued")
    wait_for(lambda: runner.message(second) == "waits for run-of-tiny", 30)
    for copy in copies[:2]:
        runner.wait_for_state(copy, "Running")
    wait_for(lambda: runner.message(copies[2]) == "waits for run-of-other or run-of-other", 30)
    runner.release()
    runner.wait_for_state(first, "Completed")
    runner.wait_for_state(second, "Running")
    assert runner.state(copies[2]) == "Queued"
    runner.release("other")
    for run in (second, *copies):
        runner.wait_for_state(run, "Completed")


def test_a_run_waits_for_a_foreign_process_in_the_workspace(runner: Runner):
    me = psutil.Process()
    entry = {"pid": me.pid, "started": me.create_time(), "command": "dvc repro"}
    lock = runner.workspace.root / ".workflow.lock"
    lock.write_text(json.dumps(entry))
    run = runner.press_run()
    runner.wait_for_state(run, "Queued")
    assert runner.message(run) == f"waits for process {me.pid}, `dvc repro`"
    lock.write_text("")
    runner.wait_for_state(run, "Completed")


def test_twenty_waiting_runs_cost_no_process_and_are_cancelled_without_one(runner: Runner):
    first = runner.press_run(force=True)
    held = runner.process_of(first)
    with ThreadPoolExecutor(4) as pool:
        waiting = list(pool.map(lambda _: runner.press_run("other"), range(20)))
    for run in waiting:
        runner.wait_for_state(run, "Queued")
    time.sleep(2)
    assert {runner.state(run) for run in waiting} == {"Queued"}  # the server calls none of them late
    wait_for(lambda: len(runner.children()) == 3, 30)  # the spare comes up
    assert set(family(held.pid)) < set(runner.children())
    for run in waiting:
        runner.cancel(run)
    runner.release()
    runner.wait_for_state(first, "Completed")
    time.sleep(1)
    assert {runner.state(run) for run in waiting} == {"Cancelled"}


def test_a_run_that_is_cancelled_while_it_is_queued_stays_cancelled(runner: Runner):
    first = runner.press_run(force=True)
    runner.wait_for_state(first, "Running")
    run = runner.press_run("other")
    runner.wait_for_state(run, "Queued")
    seen = runner.run(run)
    runner.cancel(run)

    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

    from flows.runner.dispatch import show_queued

    async def queue() -> None:
        """Two at once, who both know the run as it was before."""
        async with PrefectClient(runner.api) as client:
            known, reasons = FlowRun.model_validate(seen), ("waits for one", "waits for another")
            await asyncio.gather(*(show_queued(client, known, reason) for reason in reasons))

    asyncio.run(queue())
    runner.wait_for_state(run, "Cancelled")  # the runner may have taken it for queued as well, for a moment
    time.sleep(1)
    assert runner.state(run) == "Cancelled"


def test_a_cancelled_run_is_cancelled_within_seconds_with_its_steps_and_processes(runner: Runner):
    run = runner.press_run(force=True, until="define")
    part = runner.wait_for_subflow(run)
    members = family(runner.process_of(run).pid)
    began = time.monotonic()
    runner.cancel(run)
    runner.wait_for_state(run, "Cancelled")
    assert time.monotonic() - began < 10
    wait_for(lambda: not any(map(is_alive, members)), GONE_SECONDS)
    assert set(runner.steps(run).values()) == {"Cancelled"}
    assert runner.state(part) == "Cancelled"
    assert set(runner.steps(part).values()) == {"Cancelled"}


def test_a_killed_run_is_crashed_with_a_reason_and_nothing_of_it_goes_on(runner: Runner):
    run = runner.press_run(force=True, until="define")
    part = runner.wait_for_subflow(run)
    process = runner.process_of(run)
    members = family(process.pid)
    process.kill()
    runner.wait_for_state(run, "Crashed")
    assert "SIGKILL" in runner.message(run)
    wait_for(lambda: set(runner.steps(run).values()) == {"Crashed"}, 30)
    wait_for(lambda: runner.state(part) == "Crashed", 30)
    wait_for(lambda: set(runner.steps(part).values()) == {"Crashed"}, 30)
    wait_for(lambda: not any(map(is_alive, members)), GONE_SECONDS)


def test_a_run_from_the_shell_whose_process_is_gone_is_crashed_and_another_goes_on(runner: Runner):
    flow = runner.post("flows/", {"name": "from the shell"})["id"]
    process, _ = shell_runs.tag().rsplit(" ", 1)
    dead, alive = (
        runner.post("flow_runs/", {"flow_id": flow, "state": {"type": "RUNNING"}, "tags": [tag]})["id"]
        for tag in (f"{process} 0", shell_runs.tag())
    )
    runner.wait_for_state(dead, "Crashed")
    assert "run it again" in runner.message(dead)
    assert runner.state(alive) == "Running"
    runner.set_state(alive, "COMPLETED", "Completed")


def test_a_new_problem_file_is_in_the_form_and_runs_without_a_restart(runner: Runner):
    def choices() -> list[str]:
        return runner.deployment()["parameter_openapi_schema"]["properties"]["problem"]["enum"]

    assert "new" not in choices()
    shutil.copy(runner.workspace.problem_file, runner.workspace.root / "problems" / "new.yaml")
    wait_for(lambda: "new" in choices(), 60)
    run = runner.press_run("new")
    runner.wait_for_state(run, "Completed")


def test_a_changed_flow_is_the_one_that_runs(runner: Runner):
    file = runner.workspace.root / "flows" / "lasting.py"
    text = file.read_text()
    file.write_text(text.replace("run-of-", "changed-"))
    try:
        run = runner.press_run()
        runner.wait_for_state(run, "Completed")
        assert runner.run(run)["name"] == "changed-tiny"
    finally:
        file.write_text(text)


def test_a_schedule_starts_runs_and_does_not_pile_them_up(runner: Runner):
    held = runner.press_run("other", force=True)
    runner.wait_for_state(held, "Running")
    schedule = {"interval": 2, "anchor_date": datetime.now(UTC).isoformat()}
    deployment = runner.deployment()["id"]
    body = {"schedule": schedule, "active": True, "parameters": {"problem": PROBLEM}}
    (made,) = runner.post(f"deployments/{deployment}/schedules", [body])
    try:
        first = wait_for(lambda: runner.runs_in("Queued"), PATIENCE)
        wait_for(lambda: runner.runs_in("Skipped"), PATIENCE)
        assert runner.runs_in("Queued") == first
        runner.release("other")
        runner.wait_for_state(first[0], "Completed")
    finally:
        runner.delete(f"deployments/{deployment}/schedules/{made['id']}")


def test_a_second_runner_is_refused(runner: Runner):
    second = Workspace(runner.workspace.root, runner.workspace.environment | {"PREFECT_API_URL": runner.api})
    run = second.run("flows.runner", check=False)
    assert run.returncode == 1
    assert run.stdout.startswith("error: another runner works in this folder")


def test_told_to_end_the_runner_ends_its_runs_and_a_schedule_stays(runner: Runner):
    schedule = {"schedule": {"interval": 7 * 86400, "anchor_date": datetime.now(UTC).isoformat()}, "active": True}
    deployment = runner.deployment()["id"]
    runner.post(f"deployments/{deployment}/schedules", [schedule | {"parameters": {"problem": PROBLEM}}])
    runner.post(f"deployments/{deployment}/pause_deployment", None)
    runs = [runner.press_run(force=True), runner.press_run("other", force=True, overrides={"folds": 3})]
    for run in runs:
        runner.wait_for_step(run)
    members = family(runner.service.pid)
    began = time.monotonic()
    os.kill(runner.service.pid, 15)
    wait_for(lambda: not runner.service.is_running(), 30)
    assert time.monotonic() - began < 8
    assert runner.service.end() == "ended with exit code 0", runner.log
    assert {runner.state(run) for run in runs} == {"Cancelled"}
    assert "`make serve` was stopped" in runner.message(runs[0])
    wait_for(lambda: not any(map(is_alive, members)), GONE_SECONDS)
    runner.start()
    assert [found["active"] for found in runner.deployment()["schedules"]] == [True]
    assert runner.deployment()["paused"]
    runner.post(f"deployments/{deployment}/resume_deployment", None)


def test_a_killed_runner_takes_its_processes_along_and_the_next_one_marks_the_runs(runner: Runner):
    run = runner.press_run(force=True, until="define")
    part = runner.wait_for_subflow(run)
    members = family(runner.service.pid)
    os.kill(runner.service.pid, 9)
    wait_for(lambda: not runner.service.is_running(), 10)
    wait_for(lambda: not any(map(is_alive, members)), GONE_SECONDS)
    assert runner.state(run) == "Running"
    runner.start()
    runner.wait_for_state(run, "Crashed")
    assert "run it again" in runner.message(run)
    wait_for(lambda: set(runner.steps(run).values()) == {"Crashed"}, 30)
    assert runner.state(part) == "Crashed"
    assert set(runner.steps(part).values()) == {"Crashed"}
    runner.release()
    runner.set_state(run, "SCHEDULED", "AwaitingRetry")
    runner.wait_for_state(run, "Completed")
