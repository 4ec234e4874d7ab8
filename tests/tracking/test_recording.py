"""A step within `recording`: its record is made by a process beside it, when the step has ended well and not before."""

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from src.core.errors import UserError
from src.core.steps import RECORDED
from src.tracking import recorder, recording
from src.tracking.recorder import record_steps
from src.tracking.runs import Moment
from src.tracking.usage import MOST_SAMPLES, Sample, Usage
from tests.workspaces import wait_for

ROOT = Path(__file__).parents[2]


def recorders():
    return [child for child in multiprocessing.active_children() if child.name == "recorder"]


def test_a_step_that_ends_well_is_on_record_afterwards(layout, runs):
    with recording("overfit", layout):
        assert len(recorders()) == 1
    (run,) = runs(workflow__step="overfit")
    assert "workflow.outputs" in run.data.tags
    assert run.data.metrics["seconds"] == pytest.approx(time.time() - psutil.Process().create_time(), abs=30)
    assert not recorders()


def test_a_step_that_fails_is_not_recorded_and_its_recorder_is_gone_at_once(layout, runs):
    with pytest.raises(UserError), recording("overfit", layout):
        raise UserError("no")
    assert not recorders()
    assert not runs()


def test_steps_that_leave_nothing_to_look_at_have_no_recorder(layout):
    with recording("define", layout):
        assert not recorders()


def test_a_wrong_database_is_told_before_the_step_begins(layout):
    layout.params_file.write_text("database: mysql://here\n")
    begun = []
    with pytest.raises(UserError, match="database"), recording("overfit", layout):
        begun.append(True)
    assert not begun


def test_a_recorder_that_dies_costs_a_warning(layout, caplog):
    with caplog.at_level(logging.WARNING, "workflow"), recording("overfit", layout):
        recorders()[0].kill()
    assert "MLflow did not record overfit of fruit: its recorder ended with code -9" in caplog.text
    assert "python -m src.tracking fruit" in caplog.text


def test_no_recorder_outlives_a_step_that_is_killed(layout):
    code = "import sys, time; from pathlib import Path\n"
    code += "from src.core.files import Layout; from src.tracking import recording\n"
    code += "with recording('overfit', Layout('fruit', Path(sys.argv[1]))): print('begun', flush=True); time.sleep(600)"
    step = subprocess.Popen([sys.executable, "-c", code, str(layout.root)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert step.stdout.readline() == "begun\n"
    (beside,) = psutil.Process(step.pid).children()
    os.kill(step.pid, signal.SIGKILL)
    step.communicate()
    wait_for(lambda: not beside.is_running() or beside.status() == psutil.STATUS_ZOMBIE, 10)


def test_a_database_that_is_out_of_reach_is_told_by_the_record_not_by_getting_ready(layout, caplog, monkeypatch):
    monkeypatch.setattr("src.tracking.database.LOCK_SECONDS", 0.1)
    (layout.root / "mlflow.db").unlink()
    (layout.root / "mlflow.db").mkdir()
    with caplog.at_level(logging.WARNING, "workflow"):
        recorder.get_ready("overfit", layout)
        assert not caplog.text
        assert not record_steps({"overfit": Moment(0, 1)}, layout)
    assert "MLflow did not record overfit of fruit" in caplog.text


def samples(count):
    return [Sample(1000.0 + i, {"step_cpu_percentage": 90.0 + i, "step_memory_megabytes": 500.0}) for i in range(count)]


def test_a_long_step_tells_what_it_used_of_the_machine(layout, client, runs):
    record_steps({"overfit": Moment(1000, 1600)}, layout, samples(600))
    (run,) = runs(workflow__step="overfit")
    history = client.get_metric_history(run.info.run_id, "system/step_cpu_percentage")
    assert [(point.step, point.timestamp, point.value) for point in history[:2]] == [(0, 1000000, 90), (1, 1001000, 91)]
    assert len(history) == 600


def test_a_short_step_does_not(layout, runs):
    record_steps({"overfit": Moment(1000, 1004)}, layout, samples(4))
    (run,) = runs(workflow__step="overfit")
    assert not [name for name in run.data.metrics if name.startswith("system/")]


def test_samples_tell_the_use_of_a_step_and_its_workers():
    busy = subprocess.Popen([sys.executable, "-c", "import os; os.fork()\nwhile True: pass"])
    try:
        usage = Usage(psutil.Process(busy.pid), pause=0.5)
        wait_for(lambda: len(usage.samples()) >= 3, 30)
    finally:
        for child in psutil.Process(busy.pid).children():
            child.kill()
        busy.kill()
        busy.wait()
    values = usage.samples()[2].values
    assert values["step_cpu_percentage"] > 1
    assert 5 < values["step_memory_megabytes"] < 200
    assert 0 < values["system_memory_usage_percentage"] < 100


def test_a_training_of_days_has_no_more_samples_than_one_of_minutes():
    usage = Usage(psutil.Process(), pause=0.001)
    wait_for(lambda: usage.pause > 0.003, 60)
    assert 0 < len(usage.samples()) <= MOST_SAMPLES + 1


def test_getting_ready_for_any_step_records_nothing(layout, runs):
    for step in RECORDED:
        recorder.get_ready(step, layout)
    assert not runs()


def test_a_gpu_is_sampled_where_there_is_one_and_one_that_does_not_tell_is_left_out(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho '0, 37, 1024'\necho '1, [N/A], 512'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    usage = Usage(psutil.Process(), pause=0.01)
    (first, *_) = wait_for(usage.samples, 10)
    assert {name: value for name, value in first.values.items() if name.startswith("gpu")} == {
        "gpu_0_memory_usage_megabytes": 1024,
        "gpu_0_utilization_percentage": 37,
        "gpu_1_memory_usage_megabytes": 512,
    }
