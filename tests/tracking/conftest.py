"""Records of a finished workflow in a database of the test's own."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from src.core.files import Layout
from src.core.steps import RECORDED
from src.tracking.recorder import record_steps
from src.tracking.runs import Moment
from tests.tracking.result_files import Fruit

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without records: creating one takes MLflow seconds, copying it nothing."""
    from src.tracking.database import open_database

    root = tmp_path_factory.mktemp("database")
    with open_database(root) as client:
        client.search_experiments()
    return root / "mlflow.db"


@pytest.fixture(scope="session")
def finished_record(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Layout:
    """A finished workflow on record. Read it or copy it; record nothing in it."""
    layout = Layout("fruit", tmp_path_factory.mktemp("recorded"))
    shutil.copy(empty_database, layout.root / "mlflow.db")
    Fruit().write(layout)
    record_all(layout)
    return layout


@pytest.fixture
def layout(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """The files of a finished workflow, nothing recorded."""
    for name in ("WORKFLOW_HOME", "WORKFLOW_TRIGGER", "DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", "PREFECT__FLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    layout = Layout("fruit", tmp_path)
    Fruit().write(layout)
    return layout


@pytest.fixture
def recorded(layout: Layout, finished_record: Layout) -> Layout:
    """The files of a finished workflow and its record."""
    shutil.copy(finished_record.root / "mlflow.db", layout.root / "mlflow.db")
    shutil.copytree(finished_record.root / "mlartifacts", layout.root / "mlartifacts")
    return layout


@pytest.fixture
def client(layout: Layout) -> "Iterator[MlflowClient]":
    import mlflow

    yield mlflow.MlflowClient(f"sqlite:///{layout.root / 'mlflow.db'}")
    mlflow.set_tracking_uri(None)


@pytest.fixture
def runs(client: "MlflowClient") -> "Callable[..., list[Run]]":
    """`runs(tag=value)`: the active runs with these tags, dots in names written as `__`; oldest first."""

    def search(**tags: str) -> "list[Run]":
        experiment = client.get_experiment_by_name("fruit")
        if experiment is None:
            return []
        condition = " and ".join(f"tags.`{name.replace('__', '.')}` = '{value}'" for name, value in tags.items())
        order = ["attributes.start_time ASC"]
        return list(client.search_runs([experiment.experiment_id], condition, order_by=order))

    return search


def record(step: str, layout: Layout) -> None:
    """The record of a step that has just ended."""
    if step in RECORDED:
        record_steps({step: Moment(time.time(), time.time())}, layout)


def evaluate(layout: Layout, caplog: pytest.LogCaptureFixture, fruit: Fruit) -> str:
    """Record the evaluation of `fruit`; what was said about its version."""
    fruit.write(layout)
    caplog.clear()
    with caplog.at_level(logging.INFO, "workflow"):
        record("evaluate", layout)
    (message,) = [line.getMessage() for line in caplog.records]
    return message


def versions(client: "MlflowClient") -> "dict[int, ModelVersion]":
    return {int(version.version): version for version in client.search_model_versions("name = 'fruit'")}


def record_all(layout: Layout) -> None:
    for step in RECORDED:
        record(step, layout)


def workflow_run(runs):
    (found,) = [run for run in runs() if "workflow.key" in run.data.tags]
    return found


def names_below(runs, parent):
    return sorted(run.info.run_name for run in runs(mlflow__parentRunId=parent.info.run_id))


def histories(client, run):
    return {
        name: [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }
