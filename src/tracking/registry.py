"""The model registry: one registered model per problem, a version per trained model, and the alias `champion`.

The champion is the version to use. It changes hands only when the challenger passes the gate (`beats_common_sense`)
and scores better than the champion on the same sealed test rows.
"""

import json
import logging
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from src.files import Layout, read_text
from src.hashes import file_sha256, folder_sha256
from src.measures import TABLE
from src.problem.load import load_settings
from src.problem.steps import ReportSettings
from src.results import Evaluate
from src.tables import read_schema, read_table
from src.tracking.identity import KEY, digest
from src.tracking.serving import probability_columns, save_servable, signature_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

    from src.tracking.runs import Recorder

logger = logging.getLogger("workflow")

DESCRIPTION_LENGTH = 5000
CHAMPION, GATE = "champion", "beats_common_sense"
IDENTITY, MEASURE, TEST, TEST_ROWS = "workflow.model", "measure", "test", "test.rows.sha256"


class CannotScoreError(Exception):
    """A champion that fails on the present test rows; the message says how."""


@dataclass(frozen=True)
class Evidence:
    """What decides between two versions: the measure's value on the sealed test rows of that hash."""

    measure: str
    value: float
    test_rows: str

    @classmethod
    def of_version(cls, version: "ModelVersion") -> "Evidence | None":
        """The evidence a version was registered with; None for one that was registered by hand."""
        tags = version.tags
        return cls(tags[MEASURE], float(tags[TEST]), tags[TEST_ROWS]) if IDENTITY in tags else None


def register(recorder: "Recorder", workflow: "Run", run: "Run") -> None:
    """Register the model of `evaluate` unless it is registered already, and settle who is champion.

    The version names the workflow's run as its source, which leads to the data, the settings and the code; the model
    shows on the step's run as well.
    """
    from mlflow.entities import LoggedModelOutput

    layout, client = recorder.layout, recorder.client
    needed = (layout.model, layout.test / "table.parquet", layout.train / "schema.json")
    missing = [str(path) for path in needed if not path.exists()]
    if missing:
        logger.warning("warning: the model was not registered, %s is missing: run `dvc pull`", ", ".join(missing))
        return
    found = Evaluate.read(layout.result("evaluate"))
    evidence = evidence_on_disk(layout)
    gate = any(verdict.name == GATE and verdict.holds for verdict in found.verdicts)
    identity = model_identity(layout, evidence)
    tags = {
        IDENTITY: identity,
        KEY: recorder.key,
        MEASURE: evidence.measure,
        "direction": found.direction,
        TEST: repr(evidence.value),
        TEST_ROWS: evidence.test_rows,
        f"verdict.{GATE}": "yes" if gate else "no",
        "recommended": found.recommended,
    }
    version = _registered(client, layout.problem, identity) or _new_version(recorder, workflow, tags)
    model_id = str(version.source).removeprefix("models:/")
    for each in (workflow, run):
        shown = {output.model_id for output in each.outputs.model_outputs} if each.outputs else set()
        if model_id not in shown:
            client.log_outputs(each.info.run_id, [LoggedModelOutput(model_id, step=0)])
    moves, why = _settle(client, layout, version, evidence, gate)
    if moves:
        client.set_registered_model_alias(layout.problem, CHAMPION, version.version)
    logger.info("MLflow: %s", why)


def describe(recorder: "Recorder") -> None:
    """Give the version of the present model its card, and the registered model the question it answers.

    A description that somebody has written stays. MLflow's is too short for every card; the whole one is in the report.
    """
    layout, client = recorder.layout, recorder.client
    if not layout.model.exists() or not (layout.test / "table.parquet").exists():
        return
    version = _registered(client, layout.problem, model_identity(layout, evidence_on_disk(layout)))
    if version is None:
        return
    if not version.description:
        card = read_text(layout.results / "model_card.md")
        client.update_model_version(layout.problem, version.version, shortened(card))
    if not client.get_registered_model(layout.problem).description:
        question = load_settings(layout, "report", ReportSettings).question
        client.update_registered_model(layout.problem, question)


def shortened(card: str) -> str:
    """The card's beginning, as far as a description goes, to the end of a line."""
    if len(card) <= DESCRIPTION_LENGTH:
        return card
    end = "\n\n(The whole card is model_card.md of the step report.)"
    return card[: card.rindex("\n", 0, DESCRIPTION_LENGTH - len(end))] + end


def evidence_on_disk(layout: Layout) -> Evidence:
    found = Evaluate.read(layout.result("evaluate"))
    return Evidence(found.measure, found.test.value, file_sha256(layout.test / "table.parquet"))


def model_identity(layout: Layout, evidence: Evidence) -> str:
    return digest([], folder_sha256(layout.model), evidence.test_rows, evidence.measure)


def _registered(client: "MlflowClient", name: str, identity: str) -> "ModelVersion | None":
    """The version that is this very model; None where there is none, or it has lost its files."""
    found = client.search_model_versions(f"name = '{name}' and tags.`{IDENTITY}` = '{identity}'")
    return next((version for version in found if _is_complete(_folder(client, version))), None)


def _folder(client: "MlflowClient", version: "ModelVersion") -> Path:
    return Path(url2pathname(urlsplit(client.get_model_version_download_uri(version.name, version.version)).path))


def _is_complete(folder: Path) -> bool:
    return (folder / "MLmodel").exists()


def _new_version(recorder: "Recorder", workflow: "Run", tags: dict[str, str]) -> "ModelVersion":
    from mlflow.entities import LoggedModelStatus
    from mlflow.models import Model

    client, name, run_id = recorder.client, recorder.layout.problem, workflow.info.run_id
    same = f"tags.`{IDENTITY}` = '{tags[IDENTITY]}'"
    for cut_short in client.search_logged_models([recorder.experiment_id], same):
        client.delete_logged_model(cut_short.model_id)
    logged = client.create_logged_model(recorder.experiment_id, name, run_id, tags=tags)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        model = Model(artifact_path=name, run_id=run_id, model_id=logged.model_id)
        save_servable(folder, recorder.layout, model)
        client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    client.log_batch(run_id, recorder.model_metrics(logged.model_id, workflow))
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    version = client.create_model_version(
        name, f"models:/{logged.model_id}", run_id, tags=tags, model_id=logged.model_id, await_creation_for=0
    )
    known_as = json.dumps([{"name": name, "version": int(version.version)}])
    client.set_logged_model_tags(logged.model_id, {"mlflow.modelVersions": known_as})
    return version


def _settle(
    client: "MlflowClient", layout: Layout, version: "ModelVersion", evidence: Evidence, gate: bool
) -> tuple[bool, str]:
    """Whether `version` becomes the champion, and the one line that says why."""
    name, number = layout.problem, int(version.version)
    held = {alias: int(holder) for alias, holder in client.get_registered_model(name).aliases.items()}.get(CHAMPION)
    this = f"version {number} of model {name!r}"
    if held == number:
        return False, f"{this} is the champion already"
    if not gate:
        return False, f"{this} does not beat common sense, so it cannot be champion{_holder(held)}"
    if held is None:
        return True, f"{this} is the first champion"
    champion = client.get_model_version(name, str(held))
    known = Evidence.of_version(champion)
    same_rows = known is not None and (known.test_rows, known.measure) == (evidence.test_rows, evidence.measure)
    if known is not None and same_rows:
        score, how = known.value, "on the same test rows"
    else:
        folder = _folder(client, champion)
        obstacle = _inapplicable(folder, layout)
        if obstacle is not None:
            return True, f"{this} is the champion now: version {held} {obstacle}"
        try:
            score = score_on_test(folder, evidence.measure, layout)
        except CannotScoreError as error:
            return False, f"version {held} stays champion, though it fails on the present test rows: {error}"
        how = "on the present test rows, some of which it may have been trained on"
    numbers = f"{evidence.measure} {evidence.value:.4g} against {score:.4g} {how}"
    if TABLE[evidence.measure].better(evidence.value, score):
        return True, f"{this} is the champion now, better than version {held}: {numbers}"
    return False, f"version {held} stays champion, {this} is not better: {numbers}"


def _holder(held: int | None) -> str:
    return "; there is none yet" if held is None else f"; version {held} stays"


def _inapplicable(folder: Path, layout: Layout) -> str | None:
    """Why a registered model cannot answer the present problem at all; None where it can."""
    from mlflow.models import Model

    if not _is_complete(folder):
        return f"has lost its files ({folder})"
    theirs, ours = Model.load(str(folder)).signature, signature_of(read_schema(layout.train))
    if theirs is None or theirs.inputs is None or theirs.outputs is None:
        return "has no signature"
    if _columns(theirs, "outputs") != _columns(ours, "outputs"):
        return "predicts something else than the problem now asks for"
    unknown = sorted(name for name, _ in _columns(theirs, "inputs") - _columns(ours, "inputs"))
    return f"needs columns that are gone or of another kind now: {', '.join(unknown)}" if unknown else None


def _columns(signature: "ModelSignature", side: str) -> set[tuple[str, str]]:
    return {(column["name"], column["type"]) for column in getattr(signature, side).to_dict()}


def score_on_test(folder: Path, measure: str, layout: Layout) -> float:
    """The measure of a registered model on the present sealed test rows.

    It runs in a process of its own with the code it was registered with. Raises CannotScoreError.
    """
    import pandas as pd

    schema = read_schema(layout.train)
    table, raw = read_table(layout.test, schema), pd.read_parquet(layout.test / "table.parquet")
    with tempfile.TemporaryDirectory() as scratch:
        rows, predictions = Path(scratch) / "rows.parquet", Path(scratch) / "predictions.parquet"
        raw.to_parquet(rows)
        script = Path(__file__).with_name("score.py")
        command = [sys.executable, "-P", str(script), str(folder), str(rows), str(predictions)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=scratch)
        if done.returncode != 0:
            raise CannotScoreError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no message")
        predicted = pd.read_parquet(predictions)
    p_NK = predicted[probability_columns(schema)].to_numpy("float64")[table.asked_at(raw)]
    return TABLE[measure].value(table.y_NT, p_NK, table.w_N)
