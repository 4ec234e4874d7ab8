"""Which version of a registered model is the champion: one decision for every way of use, and why.

The champion is the version to use. It never changes hands by the score on the sealed test set, which is for reporting:
the best of many looks at the same rows is too good. A version takes over where it is surely better in cross-validation,
on the same folds of the same rows, or where a person says so. Runs with settings of their own only make challengers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np

from src.core.errors import UserError
from src.core.files import Layout
from src.judging.evaluation import gain_over_folds
from src.judging.printer import printer
from src.models.measures import TABLE
from src.results.answer import Answer, answer_of
from src.results.data import Prepared
from src.results.evaluate import Evaluate, Saved
from src.results.openings import rows_sha256
from src.results.result import Result, read_records
from src.results.verdicts import GATE, SHALLOW_GATE
from src.saved.model_folder import DamagedModelError, check_folder
from src.tables.protocols import read_folds
from src.tables.table import read_schema, read_table
from src.tracking.lookup import STANDING, versions_of
from src.tracking.own_settings import settings_of_its_own
from src.tracking.serving import signature_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

Alias = Literal["champion", "challenger"]
CHAMPION: Alias = "champion"
CHALLENGER: Alias = "challenger"
EVIDENCE = "evidence.json"  # among the files of a version
# Tags of a version that a person chose: who did, and the newest version that this person could choose from.
BY, SEEN = "promotion.by", "promotion.seen"
_GATES: dict[Saved, str] = {"network": GATE, "shallow": SHALLOW_GATE}


class CrossValidated(Result):
    """A version's scores on the evaluation folds: what decides between versions.

    scores: (repeat, fold, score). held_out: the share of rows that a fold holds out. units: independent ones among the
    training rows. folds, rows: SHA-256 of the stored evaluation folds, and of the training rows: their numbers, targets
    (without one their inputs, which a score rests on then) and weights. is_of_use: whether the version is itself surely
    better than common sense; with further targets it is the network, even where another is recommended.
    """

    measure: str
    direction: Literal["maximize", "minimize"]
    scores: list[tuple[int, int, float]]
    held_out: float
    units: int
    folds: str
    rows: str
    is_of_use: bool


def cross_validated(layout: Layout) -> CrossValidated:
    """The evidence for the model that `evaluate` has left on disk."""
    evaluation, prepared = Evaluate.read(layout.result("evaluate")), Prepared.read(layout.result("prepare"))
    schema = read_schema(layout.train)
    table = read_table(layout.train, schema)
    rows = read_records(layout.results / "fold_scores.csv")
    scored = schema.targets or [feature.name for feature in schema.features]
    return CrossValidated(
        measure=evaluation.measure,
        direction=evaluation.direction,
        scores=[(int(row["repeat"]), int(row["fold"]), float(row[evaluation.saved])) for row in rows],
        held_out=read_folds(layout.folds, prepared.rows)["evaluation"].test_share,
        units=int(table.units(np.arange(len(table))).max()) + 1,
        folds=prepared.fold_hashes["evaluation"],
        rows=rows_sha256(layout.train, [*scored, *([schema.weights] if schema.weights else [])]),
        is_of_use=any(verdict.name == _GATES[evaluation.saved] and verdict.holds for verdict in evaluation.verdicts),
    )


@dataclass(frozen=True)
class Champion:
    """The version that holds the title. `obstacle`: why it cannot answer the present problem at all, if so."""

    version: int
    evidence: CrossValidated | None
    obstacle: str | None = None


@dataclass(frozen=True)
class Decision:
    """What a version becomes, and the clause that says why."""

    alias: Alias | None
    why: str


def decide(
    answer: Answer, overrides: Mapping[str, str], evidence: CrossValidated, champion: Champion | None
) -> Decision:
    """What becomes of a version that is not the champion.

    overrides: the settings by which its run differs from the problem's own.
    """
    if not answer.is_a_model:
        return Decision(None, str(answer))
    if not evidence.is_of_use:
        return Decision(None, f"{answer}; the one that was saved is not surely better than common sense")
    if overrides:
        differences = ", ".join(f"{name} {value}" for name, value in overrides.items())
        return Decision(CHALLENGER, f"its run had settings of its own ({differences})")
    if champion is None:
        return Decision(CHAMPION, "the first model that beats common sense")
    if champion.obstacle is not None:
        return Decision(CHAMPION, f"version {champion.version} {champion.obstacle}")
    obstacle = _incomparable(evidence, champion.evidence)
    if champion.evidence is None or obstacle is not None:
        return Decision(CHALLENGER, f"it cannot be compared with version {champion.version}, {obstacle}")
    return _compared(evidence, champion.evidence, champion.version)


def _incomparable(ours: CrossValidated, theirs: CrossValidated | None) -> str | None:
    """Why two versions cannot be compared; None where they can."""
    if theirs is None:
        return "which has no cross-validated scores on record"
    if ours.measure != theirs.measure:
        return f"which was judged by {TABLE[theirs.measure].title}, not by {TABLE[ours.measure].title}"
    if ours.rows != theirs.rows:
        return "which learnt from other rows"
    if ours.folds != theirs.folds:
        return "which was judged on other folds"
    if len(_common(ours, theirs)) < 2:
        return "because a single hold-out leaves a difference without an interval"
    return None


def _common(ours: CrossValidated, theirs: CrossValidated) -> list[tuple[float, float]]:
    """The scores of both on the folds that both have, which may differ in how often they were shuffled anew."""
    known = {(repeat, fold): score for repeat, fold, score in theirs.scores}
    return [(score, known[repeat, fold]) for repeat, fold, score in ours.scores if (repeat, fold) in known]


def _compared(ours: CrossValidated, theirs: CrossValidated, version: int) -> Decision:
    """By the corrected resampled t-test on the folds of both (Nadeau and Bengio 2003), see `src.judging.intervals`."""
    measure, scores_J2 = TABLE[ours.measure], np.array(_common(ours, theirs))
    gains_J = np.array([measure.gain(a, b) for a, b in scores_J2])
    scale = float(np.abs(scores_J2).max())
    gain, _, _ = gain_over_folds(float(gains_J.mean()), gains_J, ours.held_out, measure, ours.units, scale)
    better, means = gain.low > 0, scores_J2.mean(axis=0).tolist()
    printing = printer(measure.name, "", means, [gain])
    numbers = (
        f"{measure.title} {printing.bare(means[0])} against {printing.bare(means[1])}, means over the same "
        f"{len(gains_J)} folds, a gain of {printing.gain(gain, *means)}"
    )
    result = "it is better than" if better else "it is worse than" if gain.high < 0 else "it is not surely better than"
    return Decision(CHAMPION if better else CHALLENGER, f"{result} version {version}: {numbers}")


def settle(client: "MlflowClient", layout: Layout, version: "ModelVersion") -> str:
    """Give the version of the results on disk the alias it deserves; the line that says so and why.

    What a person has decided stands until there is a version that this person could not choose from.
    """
    name, number, answer = layout.problem, int(version.version), answer_of(layout)
    champion_number = _holder(client, name, CHAMPION)
    current = client.get_model_version(name, str(champion_number)) if champion_number is not None else None
    chosen_by = current.tags if current is not None else {}
    if champion_number == number and (answer.is_a_model or BY in chosen_by):
        return f"version {number} of model {name!r} is the champion already"
    if champion_number is not None and champion_number != number and number <= int(chosen_by.get(SEEN, 0)):
        decision = Decision(CHALLENGER, f"{chosen_by[BY]} chose version {champion_number} over it")
    else:
        champion = (
            _champion(layout, current, folder_of(client, current))
            if current is not None and champion_number != number
            else None
        )
        decision = decide(answer, settings_of_its_own(layout), cross_validated(layout), champion)
    return _apply(client, version, decision, champion_number)


def promote(home: Path, problem: str, version: int, by: str, reason: str = "") -> str:
    """Make a version the champion because a person says so; the line that says what was done.

    by: who. Raises UserError for a version that does not exist or has lost its files, and where MLflow fails.
    """
    from src.tracking.database import failures, open_database

    versions = versions_of(problem, home)
    if not versions.places:
        raise UserError(f"{problem} has no model on record: run its workflow first, `dvc repro` or in the Prefect UI")
    if version not in versions.places:
        raise UserError(
            f"{problem} has no version {version}; there are: {', '.join(map(str, sorted(versions.places)))}"
        )
    try:
        with open_database(home) as client:
            model_version = client.get_model_version(problem, str(version))
            if not is_complete(folder_of(client, model_version)):
                raise UserError(f"{problem} version {version} has lost its files; give another one")
            why = f"{by} promoted it{f': {reason}' if reason else ''}"
            line = _apply(client, model_version, Decision(CHAMPION, why), _holder(client, problem, CHAMPION))
            client.set_model_version_tag(problem, str(version), BY, by)
            client.set_model_version_tag(problem, str(version), SEEN, str(max(versions.places)))
    except failures() as error:
        fault = str(getattr(error, "orig", error)).splitlines()[0]
        raise UserError(f"version {version} of {problem} was not promoted, MLflow failed: {fault}") from None
    before = versions.standings.get(version, "")
    return line + (f" (before, {before})" if before and not before.startswith(CHAMPION) else "")


def _holder(client: "MlflowClient", name: str, alias: Alias) -> int | None:
    held = client.get_registered_model(name).aliases.get(alias)
    return None if held is None else int(held)


def folder_of(client: "MlflowClient", version: "ModelVersion") -> Path:
    """Where the files of a version lie, or would lie."""
    return Path(url2pathname(urlsplit(client.get_model_version_download_uri(version.name, version.version)).path))


def is_complete(folder: Path) -> bool:
    """Whether the files of a version are there, and those of its model unchanged."""
    try:
        check_folder(folder / "artifacts" / "model")
    except DamagedModelError:
        return False
    return (folder / "MLmodel").exists()


def _apply(client: "MlflowClient", version: "ModelVersion", decision: Decision, held: int | None) -> str:
    """Set the alias and say on the version what it is; the line for the log. `held`: the champion before."""
    name, number = version.name, int(version.version)
    label = f"version {number} of model {name!r}"
    if decision.alias == CHAMPION:
        _crown(client, name, number, held)
    elif held == number:
        client.delete_registered_model_alias(name, CHAMPION)
    if decision.alias == CHALLENGER:
        client.set_registered_model_alias(name, CHALLENGER, str(number))
    client.set_model_version_tag(name, str(number), STANDING, f"{decision.alias or 'not promoted'}: {decision.why}")
    stays = f", version {held} stays champion" if held is not None and held != number else ""
    match decision.alias:
        case "champion":
            return f"{label} is the champion now: {decision.why}"
        case "challenger":
            way = f"`make promote problem={name} version={number}` makes it the champion"
            return f"{label} is a challenger{stays}: {decision.why}; {way}"
        case None:
            return f"{label} is not promoted{stays}: {decision.why}"


def _crown(client: "MlflowClient", name: str, number: int, held: int | None) -> None:
    client.set_registered_model_alias(name, CHAMPION, str(number))
    if _holder(client, name, CHALLENGER) == number:
        client.delete_registered_model_alias(name, CHALLENGER)
    for tag in {BY, SEEN} & client.get_model_version(name, str(number)).tags.keys():
        client.delete_model_version_tag(name, str(number), tag)
    if held is not None and held != number:
        before = client.get_model_version(name, str(held)).tags.get(STANDING, CHAMPION)
        client.set_model_version_tag(name, str(held), STANDING, f"until version {number} came, {before}")


def _champion(layout: Layout, version: "ModelVersion", folder: Path) -> Champion:
    try:
        evidence = CrossValidated.read(folder / EVIDENCE)
    except UserError:  # not there, or damaged
        evidence = None
    return Champion(int(version.version), evidence, _inapplicable(folder, layout))


def _inapplicable(folder: Path, layout: Layout) -> str | None:
    """Why a registered model cannot answer the present problem at all; None where it can."""
    from mlflow.models import Model

    if not is_complete(folder):
        return f"has lost its files, or they are damaged ({folder})"
    theirs, ours = Model.load(str(folder)).signature, signature_of(read_schema(layout.train))
    if theirs is None or theirs.inputs is None or theirs.outputs is None:
        return "has no signature"
    if _signed(theirs, "outputs") != _signed(ours, "outputs"):
        return "predicts something else than the problem now asks for"
    unknown = sorted(name for name, _ in _signed(theirs, "inputs") - _signed(ours, "inputs"))
    return f"needs columns that are gone or have another type now: {', '.join(unknown)}" if unknown else None


def _signed(signature: "ModelSignature", side: str) -> set[tuple[str, str]]:
    return {(column["name"], column["type"]) for column in getattr(signature, side).to_dict()}
