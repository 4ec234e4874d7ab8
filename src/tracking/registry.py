"""The model registry: one registered model per problem, one version per trained model with its evidence.

`src.tracking.promotion` decides which version to use.
"""

import json
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from src.core.files import Layout, read_text
from src.core.hashes import folder_sha256
from src.judging.printer import Scores
from src.problem.load import load_settings
from src.problem.steps import ReportSettings
from src.results.answer import answer_of
from src.results.evaluate import Evaluate
from src.results.wording import MODELS
from src.tracking.content import ANSWER, CROSS_VALIDATED, SEALED_TEST
from src.tracking.identity import KEY, digest
from src.tracking.lookup import STANDING
from src.tracking.promotion import EVIDENCE, CrossValidated, cross_validated, folder_of, is_complete, settle
from src.tracking.serving import save_servable

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

    from src.tracking.runs import Recorder

logger = logging.getLogger("workflow")

DESCRIPTION_LENGTH = 5000
IDENTITY = "workflow.model"


def register(recorder: "Recorder", workflow: "Run", run: "Run") -> None:
    """Register the model of `evaluate` unless it is registered already, and decide what it becomes.

    The version names the workflow's run as its source, which leads to the data, the settings and the code. The step's
    run shows the model, too.
    """
    from mlflow.entities import LoggedModelOutput

    layout, client = recorder.layout, recorder.client
    missing = [str(path) for path in _needed(layout) if not path.exists()]
    if missing:
        logger.warning(
            "warning: the model was not registered, %s is missing: run `dvc pull`, then `python -m src.tracking %s`",
            ", ".join(missing),
            layout.problem,
        )
        return
    evaluation, evidence = Evaluate.read(layout.result("evaluate")), cross_validated(layout)
    identity, scores = model_identity(layout, evaluation, evidence), Scores.of(evaluation)
    tags = {
        IDENTITY: identity,
        KEY: recorder.key,
        "measure": evaluation.measure,
        "direction": evaluation.direction,
        "model": MODELS[evaluation.saved],
        CROSS_VALIDATED: scores.cross_validated,
        SEALED_TEST: scores.sealed_test,
        ANSWER: str(answer_of(layout)),
    }
    version = _registered(client, layout.problem, identity) or _new_version(recorder, workflow, tags, evidence)
    model_id = str(version.source).removeprefix("models:/")
    for each in (workflow, run):
        shown = {output.model_id for output in each.outputs.model_outputs} if each.outputs else set()
        if model_id not in shown:
            client.log_outputs(each.info.run_id, [LoggedModelOutput(model_id, step=0)])
    logger.info("MLflow: %s", settle(client, layout, version))


def describe(recorder: "Recorder") -> None:
    """Give the version of the present model its card, and the registered model the question it answers.

    A description that somebody wrote stays. MLflow limits its length; the report holds the whole card.
    """
    layout, client = recorder.layout, recorder.client
    if not all(path.exists() for path in _needed(layout)):
        return
    identity = model_identity(layout, Evaluate.read(layout.result("evaluate")), cross_validated(layout))
    version = _registered(client, layout.problem, identity)
    if version is None:
        return
    before = version.tags.get(STANDING)
    decision = settle(client, layout, version)
    if client.get_model_version(layout.problem, version.version).tags.get(STANDING) != before:
        logger.info("MLflow: %s", decision)
    if not version.description:
        card = read_text(layout.results / "model_card.md")
        client.update_model_version(layout.problem, version.version, shortened(card))
    if not client.get_registered_model(layout.problem).description:
        question = load_settings(layout, "report", ReportSettings).question
        client.update_registered_model(layout.problem, question)


def shortened(card: str) -> str:
    """The first lines of the card that fit into a description."""
    if len(card) <= DESCRIPTION_LENGTH:
        return card
    end = "\n\n(The whole card is model_card.md of the step report.)"
    return card[: card.rindex("\n", 0, DESCRIPTION_LENGTH - len(end))] + end


def _needed(layout: Layout) -> tuple[Path, ...]:
    return layout.model, layout.train / "schema.json", layout.train / "table.parquet", layout.folds


def model_identity(layout: Layout, evaluation: Evaluate, evidence: CrossValidated) -> str:
    """The identity of a version: the model's files, the evidence, and the score on the sealed test set."""
    return digest([], folder_sha256(layout.model), evidence.model_dump_json(), repr(evaluation.saved_test.value))


def _registered(client: "MlflowClient", name: str, identity: str) -> "ModelVersion | None":
    """The version with this identity; None if there is none or it has lost its files."""
    versions = client.search_model_versions(f"name = '{name}' and tags.`{IDENTITY}` = '{identity}'")
    return next((version for version in versions if is_complete(folder_of(client, version))), None)


def _new_version(
    recorder: "Recorder", workflow: "Run", tags: dict[str, str], evidence: CrossValidated
) -> "ModelVersion":
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
        evidence.write(folder / EVIDENCE)
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
