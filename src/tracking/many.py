"""Many finished runs in one transaction.

MLflow's client writes a run in at least three, each of them a tenth of a second on a slow disk: a search of a hundred
candidates would take longer to record than to train. The tables are MLflow's own models, and a test holds the runs
written here to be the same as those written by the client.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from src.tracking.content import Content

if TYPE_CHECKING:
    from mlflow.entities import Experiment

_ROWS_AT_ONCE = 5000


@dataclass(frozen=True)
class NewRun:
    name: str
    content: Content
    tags: Mapping[str, str]
    started: int
    ended: int


def create_runs(address: str, experiment: "Experiment", runs: Iterable[NewRun]) -> list[str]:
    """Create the runs in the database at `address`, all or none, and return their ids. Times are in milliseconds."""
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
    from sqlalchemy import create_engine, insert
    from sqlalchemy.pool import NullPool

    tables: dict[Any, list[dict[str, Any]]] = {
        model: [] for model in (SqlRun, SqlTag, SqlParam, SqlMetric, SqlLatestMetric)
    }
    for run in runs:
        of_run = {"run_uuid": uuid.uuid4().hex}
        tables[SqlRun].append(of_run | _run_columns(run, experiment, of_run["run_uuid"]))
        tags = {**run.tags, **run.content.tags, "mlflow.runName": run.name}
        tables[SqlTag] += [of_run | {"key": key, "value": value} for key, value in tags.items()]
        tables[SqlParam] += [of_run | {"key": key, "value": value} for key, value in run.content.params.items()]
        points = [
            of_run | {"key": key, "step": step, "value": value, "timestamp": run.ended, "is_nan": False}
            for key, step, value in run.content.points
        ]
        tables[SqlMetric] += points
        tables[SqlLatestMetric] += {point["key"]: point for point in sorted(points, key=_step)}.values()
    with create_engine(address, poolclass=NullPool).begin() as connection:
        for model, rows in tables.items():
            for first in range(0, len(rows), _ROWS_AT_ONCE):
                connection.execute(insert(model), rows[first : first + _ROWS_AT_ONCE])
    return [row["run_uuid"] for row in tables[SqlRun]]


def _step(point: Mapping[str, Any]) -> int:
    return int(point["step"])


def _run_columns(run: NewRun, experiment: "Experiment", run_id: str) -> dict[str, Any]:
    return {
        "name": run.name,
        "artifact_uri": f"{experiment.artifact_location}/{run_id}/artifacts",
        "experiment_id": int(experiment.experiment_id),
        "source_type": "UNKNOWN",
        "source_name": "",
        "entry_point_name": "",
        "user_id": run.tags["mlflow.user"],
        "status": "FINISHED",
        "start_time": run.started,
        "end_time": run.ended,
        "source_version": "",
        "lifecycle_stage": "active",
    }
