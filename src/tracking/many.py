"""Write many finished runs in one transaction.

MLflow's client needs at least three transactions per run, a tenth of a second each on a slow disk: recording a search
of a hundred candidates would take longer than training them. A test checks that the runs written here equal those
written by the client.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from src.internals.mlflow_records import insert_runs
from src.tracking.content import Content

if TYPE_CHECKING:
    from mlflow.entities import Experiment


@dataclass(frozen=True)
class NewRun:
    name: str
    content: Content
    tags: Mapping[str, str]
    started: int
    ended: int


def create_runs(address: str, experiment: "Experiment", runs: Iterable[NewRun]) -> list[str]:
    """Create the runs in the database at `address`, all or none, and return their ids. Times are in milliseconds."""
    created = [_rows(run, experiment, uuid.uuid4().hex) for run in runs]
    insert_runs(address, created)
    return [tables["runs"][0]["run_uuid"] for tables in created]


def _rows(run: NewRun, experiment: "Experiment", run_id: str) -> dict[str, list[dict[str, Any]]]:
    """The run's rows by table."""
    of_run = {"run_uuid": run_id}
    tags = {**run.tags, **run.content.tags, "mlflow.runName": run.name}
    points = [
        of_run | {"key": key, "step": step, "value": value, "timestamp": run.ended, "is_nan": False}
        for key, step, value in run.content.points
    ]
    return {
        "runs": [of_run | _run_columns(run, experiment, run_id)],
        "tags": [of_run | {"key": key, "value": value} for key, value in tags.items()],
        "params": [of_run | {"key": key, "value": value} for key, value in run.content.params.items()],
        "metrics": points,
        "latest_metrics": list({point["key"]: point for point in sorted(points, key=_step)}.values()),
    }


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
