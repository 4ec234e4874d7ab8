"""Runs in the MLflow database: found by content, created finished, written in one batch each.

A killed process must leave neither a run that seems to go on for ever nor half a record. So a run is finished in the
moment it is created, and everything in it is written before its `workflow.outputs` tag. The next record of a step
deletes that step's runs without this tag.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from src.core.files import Layout
from src.core.steps import RECORDED, recorded_steps_read_by
from src.problem.load import load_settings
from src.problem.steps import ReportSettings
from src.results.data import Prepared, Validation
from src.tracking.address import artifacts_uri, tracking_uri
from src.tracking.content import Content, note, result_line, summary
from src.tracking.identity import (
    KEY,
    inputs_digest,
    name_of,
    outputs,
    outputs_digest,
    raw_checksum,
    recorded_key,
)
from src.tracking.many import NewRun, create_runs
from src.tracking.moved import EXPERIMENT_KIND
from src.tracking.own_settings import settings_of_its_own
from src.tracking.provenance import user
from src.tracking.samples import FOLDER
from src.tracking.settings import workflow_settings
from src.tracking.usage import Sample
from src.tracking.views import VIEWS, compare_link, run_link, view_link, view_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Experiment, Metric, Run

TRAINS_MODELS = "custom_model_development"  # which the interface would guess, and ask whether that is right
PAUSE_SECONDS = 60.0
LONG_SECONDS = 10.0  # a step that takes less has used the machine for a moment only
MOST_POINTS = 1000  # in one batch, says MLflow
DIGEST_DIGITS = 8  # of a data set's checksum, as many as MLflow's own

STEP, INPUTS, OUTPUTS = "workflow.step", "workflow.inputs", "workflow.outputs"
SUPERSEDED, PARENT = "workflow.superseded_by", "mlflow.parentRunId"
NOTE, OUR_NOTE = "mlflow.note.content", "mlflow.note.workflow"
OWN_RUN = "workflow.own_run"  # of an experiment: the newest run with the problem's own settings

# MLflow's names of column types.
MLFLOW_TYPES = {"numeric": "double", "categorical": "string", "boolean": "boolean", "date": "datetime"}


@dataclass(frozen=True)
class Moment:
    """When what is recorded began and ended, in seconds since 1970."""

    started: float
    ended: float

    @property
    def seconds(self) -> float:
        return round(self.ended - self.started, 3)


class Recorder:
    """Finds and writes the runs of one problem's present content."""

    def __init__(self, client: "MlflowClient", layout: Layout, root: Path, tags: dict[str, str]) -> None:
        self.client = client
        self.layout = layout
        self.key = recorded_key(layout)
        self.address = tracking_uri(root)
        self.tags = tags | {"mlflow.user": user()}
        self.experiment = self._experiment(root)
        self._finish_killed_runs()

    @property
    def experiment_id(self) -> str:
        return str(self.experiment.experiment_id)

    def workflow_run(self, moment: Moment) -> "Run":
        """The one run of this content, created when it is not there yet."""
        runs = self._search(f"tags.`{KEY}` = '{self.key}'")
        if runs:
            return runs[0]
        return self._create(name_of(self.layout.problem, self.key), {KEY: self.key} | self._source(), moment)

    def step_run(self, step: str, parent: "Run", moment: Moment) -> tuple["Run", bool]:
        """The run of the step's present outputs below `parent`, and whether its record is complete.

        The same outputs give the same run. Other outputs for the same content (the code has changed) give a new
        one, and the older runs of the step say by which they are superseded.
        """
        digest = outputs_digest(step, self.layout)
        same_step = self._search(f"tags.`{PARENT}` = '{parent.info.run_id}' and tags.`{STEP}` = '{step}'")
        for run in same_step:
            if OUTPUTS not in run.data.tags:
                self._delete(run)
        by_outputs = {run.data.tags[OUTPUTS]: run for run in same_step if OUTPUTS in run.data.tags}
        if digest in by_outputs:
            run, complete = by_outputs.pop(digest), True
        else:
            tags = {PARENT: parent.info.run_id, STEP: step, "mlflow.source.name": f"tasks.{step}"}
            run, complete = self._create(step, tags, moment), False
        for older in by_outputs.values():
            if older.data.tags.get(SUPERSEDED) != run.info.run_id:
                self.client.set_tag(older.info.run_id, SUPERSEDED, run.info.run_id)
        if complete and SUPERSEDED in run.data.tags:
            self.client.delete_tag(run.info.run_id, SUPERSEDED)
        return run, complete

    def write_step(self, step: str, run: "Run", content: Content, moment: Moment, usage: Sequence[Sample] = ()) -> None:
        """Write the step's run: files and the runs below it first, then one batch that completes it."""
        for path in outputs(step, self.layout):
            self.client.log_artifact(run.info.run_id, str(path))
        self._write_samples(run, content.samples)
        tags = {INPUTS: inputs_digest(step, self.layout), OUTPUTS: outputs_digest(step, self.layout)}
        if content.below:
            below = create_runs(self.address, self.experiment, self._below(run, content, moment))
            tags[NOTE] = f"[Compare the {len(below)} runs below]({compare_link(self.experiment_id, below)})"
        if moment.seconds >= LONG_SECONDS:
            self._write_usage(run, usage)
        points = [("seconds", 0, moment.seconds)] if moment.seconds else []
        self.write(run, Content(content.points + points, content.params, content.tags | tags))

    def _write_samples(self, run: "Run", files: Mapping[str, bytes]) -> None:
        """Files that lie nowhere else, below a folder of the run's artifacts."""
        with tempfile.TemporaryDirectory() as scratch:
            for name, file in files.items():
                (Path(scratch) / name).write_bytes(file)
                self.client.log_artifact(run.info.run_id, str(Path(scratch) / name), FOLDER)

    def _write_usage(self, run: "Run", usage: Sequence[Sample]) -> None:
        """What a long step used of the machine, over its time, where MLflow's page looks for it."""
        from mlflow.entities import Metric

        points = [
            Metric(f"system/{name}", value, round(sample.time * 1000), i)
            for i, sample in enumerate(usage)
            for name, value in sample.values.items()
        ]
        for first in range(0, len(points), MOST_POINTS):
            self.client.log_batch(run.info.run_id, points[first : first + MOST_POINTS])

    def _below(self, run: "Run", content: Content, moment: Moment) -> Iterator[NewRun]:
        """Runs of no length, for nobody knows it; lists of runs are sorted by when they began."""
        tags = self.tags | {PARENT: run.info.run_id}
        for i, (name, below) in enumerate(content.below):
            began = round(moment.started * 1000) + i
            yield NewRun(name, below, tags, began, began)

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
        runs = self._search(
            f"tags.`{STEP}` = '{step}' and tags.`{INPUTS}` = '{inputs_digest(step, self.layout)}'"
            f" and tags.`{OUTPUTS}` = '{outputs_digest(step, self.layout)}'"
        )
        return bool(runs)

    def write_workflow(self, run: "Run", step: str, moment: Moment, known: bool) -> None:
        """Bring the workflow's run up to date after `step`: the settings and the headlines of every step.

        Who started it, from which code and until when is that of the newest step; one that was `known`, its results
        being on record already, changes none of this.

        Results of later steps may lie there from other content. They count when a record proves that they were made
        from what lies there now: DVC will skip their steps.
        """
        position = RECORDED.index(step)
        steps: list[str] = []
        for i, name in enumerate(RECORDED):
            reads_only_these = {*recorded_steps_read_by(name)} <= {*steps}
            if outputs(name, self.layout) and (i <= position or (reads_only_these and self._is_recorded(name))):
                steps.append(name)
        totals = summary(steps, self.layout)
        metrics = dict(totals.metrics) | (self._seconds(run) if totals.metrics else {})
        tags = totals.tags | {"workflow.steps": " ".join(steps), NOTE: note(self.layout, steps)}
        tags |= {} if known else self.tags | self._source()
        content = Content(
            [(name, 0, value) for name, value in metrics.items()], workflow_settings(self.layout, steps), tags
        )
        self.write(run, content)
        if step == "report":
            self.client.log_artifact(run.info.run_id, str(self.layout.results / "report.html"))
        if "validate" in steps and not (run.inputs and run.inputs.dataset_inputs):
            self.client.log_inputs(run.info.run_id, [data_set(self.layout)])
        self._describe_experiment(run, result_line(totals), steps)
        if not known:
            self._extend(run, moment)

    def _seconds(self, run: "Run") -> dict[str, float]:
        """How long each step below `run` took, and all of them: those that DVC skipped took nothing."""
        below = self._search(f"tags.`{PARENT}` = '{run.info.run_id}'")
        taken = {
            each.data.tags[STEP]: each.data.metrics.get("seconds") for each in reversed(below) if STEP in each.data.tags
        }
        known = {f"seconds.{step}": seconds for step in RECORDED if (seconds := taken.get(step)) is not None}
        return {"seconds": sum(known.values())} | known if known else {}

    def _extend(self, run: "Run", moment: Moment) -> None:
        """Let the workflow's run end with its newest step. A pause between two steps, a night say, is no part of it."""
        ended = (run.info.end_time or run.info.start_time) / 1000
        follows = moment.started <= ended + PAUSE_SECONDS
        self.end(run, moment if follows else Moment(ended, ended + moment.seconds))

    def model_metrics(self, model_id: str, workflow: "Run") -> list["Metric"]:
        """The workflow's scores as those of its model on its data set, for the page of models.

        They are older than those of the workflow's run, which PostgreSQL would else move behind its other metrics.
        """
        from mlflow.entities import Metric

        totals = summary(["evaluate"], self.layout)
        data = {"dataset_name": self.layout.problem, "dataset_digest": raw_checksum(self.layout)[:DIGEST_DIGITS]}
        return [
            Metric(name, value, workflow.info.start_time, 0, model_id=model_id, **data)
            for name, value in totals.metrics.items()
            if not name.startswith("chosen.")
        ]

    def _source(self) -> dict[str, str]:
        """The column Source of MLflow's table tells what started the run and for whom."""
        return {"mlflow.source.name": f"{self.tags['workflow.trigger']}, {self.tags['mlflow.user']}"}

    def _describe_experiment(self, run: "Run", result: str, steps: Sequence[str]) -> None:
        """Give the experiment its views, and a description unless somebody has written another one.

        Both are of the newest run with the problem's own settings; until there is one, of any.
        """
        held = self.experiment.tags
        is_standard = not settings_of_its_own(self.layout)
        if not is_standard and OWN_RUN in held:
            return
        question = load_settings(self.layout, "report", ReportSettings).question
        links = {run.info.run_name: run_link(self.experiment_id, run.info.run_id)}
        links |= {name: view_link(self.experiment_id, view) for view, name in VIEWS.items()}
        if not is_standard:
            result = f"{result} (with settings of its own; there is no run with the problem's yet)"
        text = f"{result}. {question}\n\n{' | '.join(f'[{name}]({link})' for name, link in links.items())}"
        checksum = hashlib.sha256(text.encode()).hexdigest()
        tags = {OWN_RUN: run.info.run_id} if is_standard else {}
        if "prepare" in steps:
            tags |= view_tags(Prepared.read(self.layout.result("prepare")).measure)
        if NOTE not in held or held.get(OUR_NOTE) == hashlib.sha256(held[NOTE].encode()).hexdigest():
            tags |= {OUR_NOTE: checksum, NOTE: text}
        for name, value in tags.items():
            if held.get(name) != value:
                self.client.set_experiment_tag(self.experiment_id, name, value)

    def end(self, run: "Run", moment: Moment) -> None:
        self.client.set_terminated(run.info.run_id, end_time=round(moment.ended * 1000))

    def _experiment(self, root: Path) -> "Experiment":
        name = self.layout.problem
        experiment = self.client.get_experiment_by_name(name)
        if experiment is None:
            folder = f"{artifacts_uri(root)}/{quote(name)}"
            return self.client.get_experiment(
                self.client.create_experiment(name, folder, {EXPERIMENT_KIND: TRAINS_MODELS})
            )
        if experiment.lifecycle_stage == "deleted":
            self.client.restore_experiment(experiment.experiment_id)
        return experiment

    def _create(self, name: str, tags: dict[str, str], moment: Moment) -> "Run":
        """A run that is finished from the start: one that begins as running stays so when its recorder is killed."""
        times = round(moment.started * 1000), round(moment.ended * 1000)
        (id_,) = create_runs(self.address, self.experiment, [NewRun(name, Content(), self.tags | tags, *times)])
        return self.client.get_run(id_)

    def _search(self, condition: str) -> list["Run"]:
        return list(self.client.search_runs([self.experiment_id], condition))

    def _delete(self, run: "Run") -> None:
        for each in [*self._search(f"tags.`{PARENT}` = '{run.info.run_id}'"), run]:
            self.client.delete_run(each.info.run_id)

    def _finish_killed_runs(self) -> None:
        """Finish runs that an earlier version, which began them as running, was killed at."""
        for run in self._search("attributes.status = 'RUNNING'"):
            if KEY in run.data.tags or PARENT in run.data.tags:
                self.client.set_terminated(run.info.run_id, "KILLED")


def data_set(layout: Layout) -> "DatasetInput":
    """The raw data as MLflow's data set: its name, checksum, source and columns."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    table = Validation.read(layout.result("validate"))
    columns = [
        {"name": column.name, "type": MLFLOW_TYPES.get(column.type, "string"), "required": not column.missing}
        for column in table.columns
    ]
    return DatasetInput(
        Dataset(
            name=layout.problem,
            digest=raw_checksum(layout)[:DIGEST_DIGITS],
            source_type="local",
            source=json.dumps({"uri": layout.raw.as_posix()}),
            schema=json.dumps({"mlflow_colspec": columns}),
            profile=json.dumps({"num_rows": table.rows}),
        ),
        [InputTag("mlflow.data.context", "training")],
    )
