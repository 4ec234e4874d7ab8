"""The flow: one task per step, each in the state that DVC's answer means."""

import re
import resource
import signal

import pytest

from flows import stages
from src.files import STEPS
from src.processes import is_alive
from tests.workspaces import PROBLEM, Workspace, family, has_loaded_torch, step_of, wait_for

FLOW = "flows.universal_workflow"
GONE_SECONDS = 3


def states(output: str) -> dict[str, str]:
    """The final state of every task by its step."""
    return dict(re.findall(r"Task run '(\w+)' - Finished in state (\w+)", output))


@pytest.fixture
def online(workspace: Workspace, server: dict[str, str]) -> Workspace:
    return Workspace(workspace.root, workspace.environment | server)


@pytest.mark.slow
def test_after_a_run_every_task_is_cached_and_nothing_changes(online: Workspace, finished: Workspace):
    run = online.run(FLOW, PROBLEM)
    assert states(run.stdout) == dict.fromkeys(STEPS, "Cached")
    assert online.lock == finished.lock


@pytest.mark.slow
def test_forced_up_to_a_step_the_flow_runs_just_these_and_the_lock_file_keeps_its_bytes(
    online: Workspace, finished: Workspace
):
    run = online.run(FLOW, PROBLEM, "--force", "--until", "prepare")
    assert states(run.stdout) == dict.fromkeys(STEPS[: STEPS.index("prepare") + 1], "Completed")
    assert online.lock == finished.lock
    assert "Data and pipelines are up to date" in online.run("dvc", "repro").stdout


@pytest.mark.slow
def test_a_failed_step_fails_the_flow_with_the_step_s_own_words_and_exit_code_1(online: Workspace):
    online.set(target="abvoe")
    run = online.run(FLOW, PROBLEM, check=False)
    assert run.returncode == 1
    assert states(run.stdout) == {"define": "Completed", "fetch": "Cached", "validate": "Failed"}
    assert re.search(r"Task run 'validate' - Finished in state Failed\(.*abvoe", run.stdout)
    assert "Traceback" not in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_an_ended_flow_ends_what_it_started(online: Workspace, sent: signal.Signals):
    online.set(training={"epochs": 100_000, "batch_size": 16})
    flow = online.popen(FLOW, PROBLEM)
    try:
        step = wait_for(lambda: step_of(flow.pid, "overfit"), 120)
        wait_for(lambda: has_loaded_torch(step), 60)
        children = family(flow.pid)[:-1]
        flow.send_signal(sent)
        flow.communicate(timeout=30)
        assert flow.returncode != 0
        wait_for(lambda: not any(map(is_alive, children)), GONE_SECONDS)
    finally:
        flow.kill()


@pytest.mark.parametrize(
    ("problem", "told"),
    [("tinny", "did you mean 'tiny'?"), ("../problems/tiny", "no problem is called")],
)
def test_a_problem_that_is_not_there_is_told_before_anything_starts(fresh: Workspace, problem: str, told: str):
    run = fresh.run(FLOW, problem, check=False)
    assert run.returncode == 1
    assert told in run.stdout
    assert "Traceback" not in run.stdout


def test_help_teaches_within_a_second(fresh: Workspace):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = fresh.run(FLOW, "--help").stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1
    assert "one task per step" in told


def test_the_reason_of_a_failure_is_the_step_s_own_message():
    lines = ["> python -m tasks.fetch tiny", "error: tiny.csv does not exist", "  copy it there", "ERROR: failed"]
    assert stages.reason(lines) == "tiny.csv does not exist\n  copy it there"


def test_the_reason_of_a_bug_is_the_last_line_of_its_traceback():
    lines = ["Traceback (most recent call last):", "  File ...", "ValueError: no", "", "ERROR: failed to reproduce"]
    assert stages.reason(lines) == "ValueError: no"


def test_the_reason_of_a_failure_of_dvc_is_dvc_s_message():
    assert stages.reason(["ERROR: 'results' is busy"]) == "'results' is busy"
    assert stages.reason([]) == ""
