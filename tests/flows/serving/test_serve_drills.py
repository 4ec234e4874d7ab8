"""`make serve` is ended, killed and started again while a training goes on."""

import signal
import time

import psutil
import pytest

from src.core.processes import is_alive
from tests.flows.served import GONE_SECONDS, Served, serving
from tests.workspaces import PROBLEM, Workspace, family, has_loaded_torch, step_of, wait_for

pytestmark = pytest.mark.slow

FLOW = "universal-workflow/universal-workflow"
END = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
ENDED_BY_OTHERS = ("CRASHED", "CANCELLED")
PROMISED_SECONDS = 10
PATIENCE = 300  # on a busy machine


@pytest.fixture
def endless(workspace: Workspace) -> Workspace:
    """A workspace in which `overfit` would go on for an hour."""
    workspace.set(training={"epochs": 100_000, "batch_size": 16})
    return workspace


def press_run(served: Served, **parameters: object) -> str:
    deployment = served.get(f"{served.api}/deployments/name/{FLOW}").json()["id"]
    body = {"parameters": {"problem": PROBLEM, **parameters}}
    return served.post(f"deployments/{deployment}/create_flow_run", body).json()["id"]


def state(served: Served, run: str) -> str:
    return served.get(f"{served.api}/flow_runs/{run}").json()["state"]["type"]


def training(served: Served) -> psutil.Process:
    """The step in the middle of a training, once there is one."""
    step = wait_for(lambda: step_of(served.process.pid, "overfit"), PATIENCE)
    wait_for(lambda: has_loaded_torch(step), PATIENCE)
    return step


def test_ended_and_killed_in_the_middle_of_a_training_nothing_is_left_and_no_run_is_running_for_ever(
    endless: Workspace,
):
    with serving(endless) as first:
        ended = press_run(first)
        training(first)
        members = family(first.process.pid)
        start = time.monotonic()
        first.process.send_signal(signal.SIGINT)
        assert first.wait_for_end() == 0, first.output
        assert time.monotonic() - start < PROMISED_SECONDS
        wait_for(lambda: not any(map(is_alive, members)), GONE_SECONDS)

    with serving(endless) as second:
        assert state(second, ended) in ENDED_BY_OTHERS
        killed = press_run(second)
        training(second)
        members = family(second.process.pid)
        second.process.kill()
        second.wait_for_end()
        wait_for(lambda: not any(map(is_alive, members)), GONE_SECONDS)

    with serving(endless) as third:
        wait_for(lambda: state(third, killed) in ENDED_BY_OTHERS, PATIENCE)

        died = press_run(third)
        step = training(third)
        third.child("flows.runner").kill()
        wait_for(lambda: not is_alive(step), GONE_SECONDS)
        third.wait_for_line("runner is back")
        wait_for(lambda: state(third, died) in ENDED_BY_OTHERS, PATIENCE)

        done = press_run(third, force=True, until="prepare")
        wait_for(lambda: step_of(third.process.pid, "validate"), PATIENCE)
        for server in ("prefect", "mlflow"):
            third.child(f"flows.serving.{server}_server").kill()
        third.wait_for_line("Prefect server is back")
        third.wait_for_line("MLflow server is back")
        wait_for(lambda: state(third, done) in END, PATIENCE)
        assert state(third, done) == "COMPLETED", "a run goes on while the servers start again"
