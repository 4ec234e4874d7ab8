"""A record that is killed, locked out or without room costs a warning, never a result, and is made good."""

import logging
import sqlite3

import pytest

from src.core.steps import RECORDED
from src.tracking import database
from tests.tracking.conftest import names_below, record, record_all, workflow_run


class Killed(BaseException):
    """Stands for kill -9: nothing in the code under test handles it."""


@pytest.mark.parametrize("where", ["get_run", "log_artifact", "log_batch", "set_terminated"])
def test_a_killed_record_is_made_good_by_the_next_one(layout, client, runs, monkeypatch, where):
    import mlflow

    original = getattr(mlflow.MlflowClient, where)
    calls = []

    def dies(self, *arguments, **options):
        calls.append(where)
        if len(calls) == 3:
            raise Killed
        return original(self, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(mlflow.MlflowClient, where, dies)
        with pytest.raises(Killed):
            record_all(layout)
        assert all(run.info.status == "FINISHED" for run in runs())
    record_all(layout)
    assert all(run.info.status == "FINISHED" for run in runs())
    assert names_below(runs, workflow_run(runs)) == sorted(RECORDED)
    for step in RECORDED:
        (run,) = runs(workflow__step=step)
        assert "workflow.outputs" in run.data.tags
    (regularize,) = runs(workflow__step="regularize")
    assert len(runs(mlflow__parentRunId=regularize.info.run_id)) == 3


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr("src.tracking.recorder.PAUSES_SECONDS", (0.0, 0.0))


def test_a_locked_database_costs_a_warning_that_says_how_to_record_later(layout, runs, caplog, impatient):
    other = sqlite3.connect(layout.root / "mlflow.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with caplog.at_level(logging.WARNING, "workflow"):
        record("overfit", layout)
    (message,) = [line.getMessage() for line in caplog.records]
    assert "database is locked" in message
    assert "python -m src.tracking fruit" in message
    other.execute("ROLLBACK")
    other.close()
    assert not runs()


def test_a_database_that_is_locked_for_a_moment_is_waited_for(layout, runs, monkeypatch, impatient):
    other = sqlite3.connect(layout.root / "mlflow.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(
        "src.tracking.recorder.time.sleep", lambda seconds: other.in_transaction and other.execute("ROLLBACK")
    )
    record("overfit", layout)
    other.close()
    assert runs(workflow__step="overfit")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda database: database.write_text("this is no database, and a long enough text to look like one" * 20),
        lambda database: (database.unlink(), database.mkdir()),
    ],
    ids=["damaged", "a folder"],
)
def test_a_database_that_cannot_be_used_costs_a_warning(layout, caplog, impatient, spoil):
    spoil(layout.root / "mlflow.db")
    with caplog.at_level(logging.WARNING, "workflow"):
        record("overfit", layout)
    assert "MLflow did not record overfit of fruit" in caplog.text


def test_a_full_disk_costs_a_warning(layout, caplog, monkeypatch):
    import mlflow

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mlflow.MlflowClient, "log_artifact", full)
    with caplog.at_level(logging.WARNING, "workflow"):
        record("overfit", layout)
    assert "No space left on device" in caplog.text


def test_a_database_deleted_in_the_interface_comes_back(recorded, client, runs):
    client.delete_experiment(client.get_experiment_by_name("fruit").experiment_id)
    record("evaluate", recorded)
    assert client.get_experiment_by_name("fruit").lifecycle_stage == "active"


def test_a_run_that_an_earlier_version_left_running_is_finished(recorded, client, runs):
    experiment = client.get_experiment_by_name("fruit").experiment_id
    left = client.create_run(experiment, tags={"workflow.key": "of other content"})
    record("report", recorded)
    assert client.get_run(left.info.run_id).info.status == "KILLED"
