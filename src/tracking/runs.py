"""Runs in the MLflow database: found by content, created finished, written in one batch each.

A killed process must leave neither a run that seems to go on for ever nor half a record: a run is finished in the
moment it is created, everything in it is written before its `workflow.outputs` tag, and a step's run without that tag
is thrown away by the next record of that step.
"""

import getpass
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from src.files import Layout
from src.results import Validation
from src.tracking.address import ARTIFACTS
from src.tracking.content import Content, headline, note, workflow_settings
from src.tracking.identity import (
    KEY,
    RECORDED,
    inputs_digest,
    name_of,
    outputs,
    outputs_digest,
    raw_checksum,
    recorded_key,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Run

KIND = "custom_model_development"  # which the interface would guess, and ask whether that is right

STEP, INPUTS, OUTPUTS = "workflow.step", "workflow.inputs", "workflow.outputs"
SUPERSEDED, PARENT = "workflow.superseded_by", "mlflow.parentRunId"

# MLflow's types of the kinds of columns.
COLUMN_TYPES = {"numeric": "double", "categorical": "string", "boolean": "boolean", "date": "datetime"}


@dataclass(frozen=True)
class Moment:
    """When what is recorded began and ended, in seconds since 1970."""

    started: float
    ended: float


class Recorder:
    """Finds and writes the runs of one problem's present content."""

    def __init__(self, client: "MlflowClient", layout: Layout, root: Path, tags: dict[str, str]) -> None:
        self.client = client
        self.layout = layout
        self.key = recorded_key(layout)
        self.tags = tags
        self.experiment = self._experiment(root)
        self._finish_killed_runs()

    def workflow_run(self, moment: Moment) -> "Run":
        """The one run of this content, created when it is not there yet."""
        found = self._search(f"tags.`{KEY}` = '{self.key}'")
        if found:
            return found[0]
        return self._create(name_of(self.layout.problem, self.key), {KEY: self.key}, moment)

    def step_run(self, step: str, parent: "Run", moment: Moment) -> tuple["Run", bool]:
        """The run of the step's present outputs below `parent`, and whether its record is complete.

        The same outputs give the same run. Other outputs for the same content (the code has changed) give a new
        one, and the older runs of the step say by which they are superseded.
        """
        now = outputs_digest(step, self.layout)
        same_step = self._search(f"tags.`{PARENT}` = '{parent.info.run_id}' and tags.`{STEP}` = '{step}'")
        for run in same_step:
            if OUTPUTS not in run.data.tags:
                self._delete(run)
        by_outputs = {run.data.tags[OUTPUTS]: run for run in same_step if OUTPUTS in run.data.tags}
        if now in by_outputs:
            run, complete = by_outputs.pop(now), True
        else:
            run, complete = self._create(step, {PARENT: parent.info.run_id, STEP: step}, moment), False
        for older in by_outputs.values():
            if older.data.tags.get(SUPERSEDED) != run.info.run_id:
                self.client.set_tag(older.info.run_id, SUPERSEDED, run.info.run_id)
        if complete and SUPERSEDED in run.data.tags:
            self.client.delete_tag(run.info.run_id, SUPERSEDED)
        return run, complete

    def write_step(self, step: str, run: "Run", content: Content, moment: Moment) -> None:
        """Write the step's run: files and the runs below it first, then one batch that completes it."""
        for path in outputs(step, self.layout):
            self.client.log_artifact(run.info.run_id, str(path))
        for i, (name, below) in enumerate(content.below):
            in_order = Moment(moment.started + i / 1000, moment.ended)  # lists of runs are sorted by when they began
            self.write(self._create(name, {PARENT: run.info.run_id}, in_order), below)
        done = {INPUTS: inputs_digest(step, self.layout), OUTPUTS: outputs_digest(step, self.layout)}
        self.write(run, Content(content.points, content.params, content.tags | done))

    def write(self, run: "Run", content: Content) -> None:
        """One batch with what `run` does not hold yet."""
        from mlflow.entities import Metric, Param, RunTag

        now = round(time.time() * 1000)
        held = run.data
        metrics = [Metric(k, v, now, i) for k, i, v in content.points if i or held.metrics.get(k) != v]
        params = [Param(k, v) for k, v in content.params.items() if k not in held.params]
        tags = [RunTag(k, v) for k, v in content.tags.items() if held.tags.get(k) != v]
        if metrics or params or tags:
            self.client.log_batch(run.info.run_id, metrics, params, tags)

    def _is_recorded(self, step: str) -> bool:
        """Whether the files of `step` on disk were made from the inputs on disk, as an earlier record knows."""
        found = self._search(
            f"tags.`{STEP}` = '{step}' and tags.`{INPUTS}` = '{inputs_digest(step, self.layout)}'"
            f" and tags.`{OUTPUTS}` = '{outputs_digest(step, self.layout)}'"
        )
        return bool(found)

    def write_workflow(self, run: "Run", step: str, moment: Moment) -> None:
        """Bring the workflow's run up to date after `step`: the settings and the headlines of every step.

        Results of later steps may lie there from other content. They count when a record proves that they were made
        from what lies there now: DVC will skip their steps.
        """
        at = RECORDED.index(step)
        steps = [
            name
            for i, name in enumerate(RECORDED)
            if outputs(name, self.layout) and (i <= at or self._is_recorded(name))
        ]
        found = [headline(name, self.layout) for name in steps]
        points = {name: value for each in found for name, value in each.metrics.items()}
        tags = {name: value for each in found for name, value in each.tags.items()}
        tags |= {"workflow.steps": " ".join(steps), "mlflow.note.content": note(self.layout, steps)}
        content = Content([(name, 0, value) for name, value in points.items()], workflow_settings(self.layout), tags)
        self.write(run, content)
        if step == "report":
            self.client.log_artifact(run.info.run_id, str(self.layout.results / "report.html"))
        if "validate" in steps and not (run.inputs and run.inputs.dataset_inputs):
            self.client.log_inputs(run.info.run_id, [data_set(self.layout)])
        self.end(run, moment)

    def end(self, run: "Run", moment: Moment) -> None:
        self.client.set_terminated(run.info.run_id, end_time=round(moment.ended * 1000))

    def _experiment(self, root: Path) -> str:
        found = self.client.get_experiment_by_name(self.layout.problem)
        if found is None:
            folder = (root / ARTIFACTS / self.layout.problem).absolute().as_uri()
            return str(self.client.create_experiment(self.layout.problem, folder, {"mlflow.experimentKind": KIND}))
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _create(self, name: str, tags: dict[str, str], moment: Moment) -> "Run":
        source = {"mlflow.source.name": f"tasks.{tags[STEP]}"} if STEP in tags else {}
        run = self.client.create_run(
            self.experiment,
            start_time=round(moment.started * 1000),
            tags=self.tags | tags | source | {"mlflow.user": _user()},
            run_name=name,
        )
        self.end(run, moment)
        return run

    def _search(self, condition: str) -> list["Run"]:
        return list(self.client.search_runs([self.experiment], condition))

    def _delete(self, run: "Run") -> None:
        for each in [*self._search(f"tags.`{PARENT}` = '{run.info.run_id}'"), run]:
            self.client.delete_run(each.info.run_id)

    def _finish_killed_runs(self) -> None:
        """Finish runs of recorders that were killed in the instant between creating and finishing."""
        for run in self._search("attributes.status = 'RUNNING'"):
            if KEY in run.data.tags or PARENT in run.data.tags:
                self.client.set_terminated(run.info.run_id, "KILLED")


def data_set(layout: Layout) -> "DatasetInput":
    """The raw data as MLflow's data set: its name, checksum, source and columns."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    table = Validation.read(layout.result("validate"))
    columns = [
        {"name": column.name, "type": COLUMN_TYPES.get(column.kind, "string"), "required": not column.missing}
        for column in table.columns
    ]
    return DatasetInput(
        Dataset(
            name=layout.problem,
            digest=raw_checksum(layout)[:36],
            source_type="local",
            source=json.dumps({"uri": layout.raw.as_posix()}),
            schema=json.dumps({"mlflow_colspec": columns}),
            profile=json.dumps({"num_rows": table.rows}),
        ),
        [InputTag("mlflow.data.context", "training")],
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no account has this process's user number, as in many containers
        return "unknown"
