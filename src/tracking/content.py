"""What each step leaves on record, read from its result files. Knows nothing of MLflow.

A step's headline (metrics and tags) stands on the step's run and, joined with those of the other steps, on the
workflow's run: so the names are the same for every problem and runs compare column by column. The details (curves,
folds, candidates) stand on the step's run and the runs below it.
"""

import csv
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from src.files import Layout, read_json
from src.problem import ReportSettings, load_settings
from src.results import Baseline, Candidate, Evaluate, Overfit, Prepared, Regularize, Validation, Verdict

# More than this of one kind goes into the table among the artifacts alone: a few dozen runs are still a list that
# a person can read, and a record takes a second.
MOST_RUNS = 36
MOST_FOLDS = 100
CURVE_POINTS = 50

CURVES = ("training", "validation", "training_loss", "validation_loss")
Point = tuple[str, int, float]


@dataclass(frozen=True)
class Content:
    """One run's record: `points` are (metric, step, value), so that a curve is a metric with many steps."""

    points: list[Point] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    below: list[tuple[str, "Content"]] = field(default_factory=list)


@dataclass(frozen=True)
class Headline:
    metrics: Mapping[str, float]
    tags: dict[str, str]
    verdicts: list[Verdict]


def headline(step: str, layout: Layout) -> Headline:
    """The step's findings in a few numbers and words."""
    found = _HEADLINES[step](layout) if step in _HEADLINES else Headline({}, {}, [])
    verdicts = {f"verdict.{verdict.name}": "yes" if verdict.holds else "no" for verdict in found.verdicts}
    finite = {name: value for name, value in found.metrics.items() if math.isfinite(value)}
    return Headline(finite, found.tags | verdicts, found.verdicts)


def step_content(step: str, layout: Layout) -> Content:
    """Everything that the step's own run records."""
    found = headline(step, layout)
    details = _DETAILS[step](layout) if step in _DETAILS else Content()
    evidence = {f"evidence.{verdict.name}": verdict.evidence for verdict in found.verdicts}
    return Content(
        points=[(name, 0, value) for name, value in found.metrics.items()] + details.points,
        params=flat_settings(read_json(layout.settings(step))) | details.params,
        tags=found.tags | evidence,
        below=details.below,
    )


def workflow_settings(layout: Layout) -> dict[str, str]:
    """All settings of the problem except the engine's, as they identify a workflow run."""
    files = (layout.results / "settings").glob("*.json")
    merged = [flat_settings(read_json(path)) for path in sorted(files) if path.stem != "engine"]
    return {name: value for settings in merged for name, value in settings.items()}


def flat_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings by dotted names; lists and free-form mappings as JSON, unset ones left out."""
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and key != "columns":
            flat |= {f"{key}.{name}": text for name, text in flat_settings(value).items()}
        elif value not in (None, "", [], {}):
            flat[key] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return flat


def note(layout: Layout, steps: Iterable[str]) -> str:
    """The workflow run's description (Markdown): the question, the scores and the verdicts of `steps`."""
    lines = [load_settings(layout, "report", ReportSettings).question, ""]
    steps = list(steps)
    if "evaluate" in steps:
        found = Evaluate.read(layout.result("evaluate"))
        cv, test = found.cross_validation, found.test
        lines += [
            f"| | {found.measure} ({found.direction}) |",
            "|---|---|",
            f"| common sense | {found.baseline:.4g} |",
            f"| shallow model | {found.shallow:.4g} |",
            f"| network, cross-validated | {cv.mean:.4g} ({cv.low:.4g} to {cv.high:.4g}) |",
            f"| network, {test.rows} sealed test rows | {test.value:.4g} ({test.low:.4g} to {test.high:.4g}) |",
            "",
        ]
    for step in steps:
        for verdict in headline(step, layout).verdicts:
            lines.append(f"- {'yes' if verdict.holds else '**no**'}, {verdict.name}: {verdict.evidence}")
    return "\n".join(lines)


def thinned(length: int, most: int = CURVE_POINTS) -> list[int]:
    """At most `most` evenly spread positions of a curve, the first and the last among them."""
    if length <= most:
        return list(range(length))
    return sorted({round(i * (length - 1) / (most - 1)) for i in range(most)})


def _validate(layout: Layout) -> Headline:
    found = Validation.read(layout.result("validate"))
    warnings = sum(finding.severity == "warning" for finding in found.findings)
    metrics = {"data.rows": found.rows, "data.columns": len(found.columns), "data.warnings": warnings}
    return Headline(metrics, {}, found.verdicts)


def _prepare(layout: Layout) -> Headline:
    found = Prepared.read(layout.result("prepare"))
    protocol = found.protocol
    tags = {
        "measure": found.measure,
        "direction": found.direction,
        "protocol": f"{protocol.kind}, {protocol.folds} folds x {protocol.repeats}, {protocol.order}",
    }
    tags |= {f"auto.{choice.setting}": f"{choice.chosen}: {choice.reason}" for choice in found.choices}
    return Headline({"train.rows": found.rows, "features": len(found.features)}, tags, [])


def _baseline(layout: Layout) -> Headline:
    found = Baseline.read(layout.result("baseline"))
    metrics = {"baseline": found.common_sense.evaluation.mean, "shallow": found.shallow.evaluation.mean}
    return Headline(metrics, {"baseline.is": found.common_sense.name, "shallow.is": found.shallow.name}, found.verdicts)


def _overfit(layout: Layout) -> Headline:
    found = Overfit.read(layout.result("overfit"))
    rung = found.rungs[found.chosen]
    metrics = {
        "overfit.parameters": rung.parameters,
        "overfit.turning_epoch": rung.turning_epoch,
        "overfit.best_validation": rung.best_validation,
        "overfit.final_training": rung.final_training,
        "overfit.final_validation": rung.final_validation,
    }
    return Headline(metrics, {"overfit.network": network_text(rung.network)}, found.verdicts)


def _regularize(layout: Layout) -> Headline:
    found = Regularize.read(layout.result("regularize"))
    metrics = {
        "search.candidates": found.candidates,
        "search.best": found.best_score.mean,
        "search.chosen": found.chosen_score.mean,
        "search.standard_error": found.standard_error,
    }
    return Headline(metrics, _candidate(found.chosen), found.verdicts)


def _evaluate(layout: Layout) -> Headline:
    found = Evaluate.read(layout.result("evaluate"))
    cv, test = found.cross_validation, found.test
    metrics = {
        "baseline": found.baseline,
        "shallow": found.shallow,
        "cv.mean": cv.mean,
        "cv.low": cv.low,
        "cv.high": cv.high,
        "test": test.value,
        "test.low": test.low,
        "test.high": test.high,
        "test.rows": test.rows,
    }
    return Headline(metrics, _candidate(found.chosen) | {"recommended": found.recommended}, found.verdicts)


_HEADLINES: dict[str, Callable[[Layout], Headline]] = {
    "validate": _validate,
    "prepare": _prepare,
    "baseline": _baseline,
    "overfit": _overfit,
    "regularize": _regularize,
    "evaluate": _evaluate,
}


def _baseline_details(layout: Layout) -> Content:
    found = Baseline.read(layout.result("baseline"))
    points: list[Point] = []
    for reference in found.common_sense_all + found.shallow_all:
        points.append((f"development.{reference.name}", 0, reference.development.mean))
        points.append((f"evaluation.{reference.name}", 0, reference.evaluation.mean))
    return Content(points)


def _overfit_details(layout: Layout) -> Content:
    by_rung: dict[str, list[dict[str, str]]] = {}
    for row in _rows(layout.results / "overfit_curves.csv"):
        by_rung.setdefault(row["rung"], []).append(row)
    below = []
    for rung, rows in by_rung.items():
        params = {"rung": rung, "network": rows[0]["network"], "parameters": rows[0]["parameters"]}
        below.append((f"rung {rung}: {rows[0]['network']}", Content(_curves(rows), params)))
    return Content(below=below)


def _regularize_details(layout: Layout) -> Content:
    rows = _rows(layout.results / "candidates.csv")
    if len(rows) > MOST_RUNS:
        return Content()
    settings = ("network", "dropout", "l1", "l2", "learning_rate", "optimizer", "batch_size", "epochs")
    below = []
    for row in rows:
        folds = [name for name in row if name.startswith("fold_")][:MOST_FOLDS]
        points = _points((name, 0, row[name]) for name in ("mean", "standard_error", "parameters"))
        points += _points(("fold", i, row[name]) for i, name in enumerate(folds, start=1))
        marks = {name: row[name].lower() for name in ("best", "chosen")}
        below.append((f"candidate {row['candidate']}", Content(points, {name: row[name] for name in settings}, marks)))
    return Content(below=below)


def _evaluate_details(layout: Layout) -> Content:
    folds = _rows(layout.results / "fold_scores.csv")[:MOST_FOLDS]
    columns = ("network", "common_sense", "shallow")
    points = _points((f"fold.{name}", i, row[name]) for i, row in enumerate(folds, start=1) for name in columns)
    by_epoch: dict[str, list[dict[str, str]]] = {}
    for row in _rows(layout.results / "evaluate_curves.csv"):
        by_epoch.setdefault(row["epoch"], []).append(row)
    means = [
        {"epoch": epoch} | {name: repr(_mean(row[name] for row in rows)) for name in CURVES}
        for epoch, rows in by_epoch.items()
    ]
    extra = Evaluate.read(layout.result("evaluate")).extra
    return Content(points + _curves(means) + [(name, 0, value) for name, value in extra.items()])


_DETAILS: dict[str, Callable[[Layout], Content]] = {
    "baseline": _baseline_details,
    "overfit": _overfit_details,
    "regularize": _regularize_details,
    "evaluate": _evaluate_details,
}


def network_text(network: Mapping[str, Any]) -> str:
    return "-".join(str(units) for units in network.get("units", ())) or str(network["kind"])


def _candidate(chosen: Candidate) -> dict[str, str]:
    own = chosen.model_dump(exclude={"network"}) | {"network": network_text(chosen.network)}
    own |= {name: value for name, value in chosen.network.items() if name not in ("kind", "units")}
    return {f"chosen.{name}": str(value) for name, value in own.items()}


def _curves(rows: Sequence[Mapping[str, str]]) -> list[Point]:
    """Curves over epochs, thinned; the tables among the artifacts hold every epoch."""
    kept = [rows[i] for i in thinned(len(rows))]
    return _points((name, int(row["epoch"]), row[name]) for name in CURVES for row in kept)


def _points(values: Iterable[tuple[str, int, str]]) -> list[Point]:
    """Points whose value is a finite number; a table leaves a cell empty where there is none."""
    numbers = [(name, step, float(text)) for name, step, text in values if text]
    return [point for point in numbers if math.isfinite(point[2])]


def _mean(texts: Iterable[str]) -> float:
    numbers = [float(text) for text in texts if text]
    return sum(numbers) / len(numbers) if numbers else math.nan


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
