"""From the Cancel button down to the worker processes of a training: the whole chain, with the real flow."""

import time
from pathlib import Path

import pytest

from src.processes import is_alive
from tests.flows.runs import PATIENCE, Runner, prefect_server
from tests.workspaces import Workspace, family, has_loaded_torch, step_of, wait_for, workers_of


@pytest.mark.slow
def test_cancelled_in_the_middle_of_a_training_everything_ends_and_the_run_goes_on_when_pressed_again(
    finished: Workspace, tmp_path: Path
):
    workspace = finished.copy(tmp_path / "workspace")
    workspace.set(training={"epochs": 100_000, "batch_size": 16}, engine={"workers": 2})
    with prefect_server(workspace) as api:
        runner = Runner(workspace, api)
        runner.start()
        try:
            run = runner.press_run()
            step = wait_for(lambda: step_of(runner.service.pid, "overfit"), 2 * PATIENCE)
            wait_for(lambda: any(map(has_loaded_torch, workers_of(step))), PATIENCE)
            flow = next(parent for parent in step.parents() if parent.ppid() == runner.service.pid)
            members = family(flow.pid)
            began = time.monotonic()
            runner.cancel(run)
            runner.wait_for_state(run, "Cancelled")
            assert time.monotonic() - began < 10
            assert not any(map(is_alive, members))
            assert runner.steps(run)["overfit"] == "Cancelled"
            workspace.set(training={"epochs": 4, "batch_size": 16}, engine={"workers": 1})
            again = runner.press_run()
            runner.wait_for_state(again, "Completed")
        finally:
            runner.stop()
