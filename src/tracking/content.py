"""What each step leaves on record, read from its result files. Knows nothing of MLflow.

A step's headline (metrics and tags) stands on the step's run. The workflow's run sums them up: in words as tags, and
once `evaluate` is done in numbers, which MLflow's table of runs shows as columns. The names are the same for every
problem. The name of a score says its measure: MLflow draws what has one name on one axis, and accuracies beside errors
would say nothing. The details stand on the step's run and the runs below it, one for each rung of the ladder, candidate
of the search and fold of the evaluation. Their names are alike, so that selected ones compare.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from src.core.files import Layout
from src.judging.printer import printer_of
from src.problem.load import load_settings
from src.problem.steps import ReportSettings
from src.results.baseline import Baseline
from src.results.data import Prepared, Protocol, Validation
from src.results.evaluate import Evaluate
from src.results.networks import Candidate, Overfit, Regularize
from src.results.result import read_records
from src.results.verdicts import Choice, Verdict
from src.results.wording import candidate_text
from src.tracking.settings import step_settings

# Of a larger search only the best become runs; the table among the artifacts holds all. MLflow shows a hundred runs on
# one page and still compares them at once. Five hundred would take 500 requests, for a plot that nobody can read.
MOST_RUNS = 100
MOST_FOLDS = 100
CURVE_POINTS = 50

# Columns of the tables of curves.
CURVES = ("training", "validation", "training_loss", "validation_loss")

# Tags that are columns of the table of runs.
CROSS_VALIDATED, SEALED_TEST, COMMON_SENSE, CHOSEN = "cross-validated", "sealed test", "common sense", "chosen"
_SCORES = (COMMON_SENSE, "shallow model", CROSS_VALIDATED, SEALED_TEST)
KIND = "workflow.kind"
Point = tuple[str, int, float]
Row = Mapping[str, str]


@dataclass(frozen=True)
class Content:
    """One run's record: `points` are (metric, step, value), so that a curve is a metric with many steps.

    MLflow shows metrics in the order in which they were first written and plots the first one when runs are compared.
    """

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
        params=step_settings(step, layout) | details.params,
        tags=found.tags | evidence,
        below=details.below,
    )


def summary(steps: Iterable[str], layout: Layout) -> Headline:
    """What `steps` found, for the workflow's run. No metrics before `evaluate`: the measure has to be the first one."""
    found = {step: headline(step, layout) for step in steps}
    tags = {name: value for each in found.values() for name, value in each.tags.items()}
    verdicts = [verdict for each in found.values() for verdict in each.verdicts]
    shown = {"problem": layout.problem, "verdicts": verdicts_text(verdicts)}
    ordered = [found[step].metrics for step in _IN_SUMMARY if step in found] if "evaluate" in found else []
    return Headline({name: value for metrics in ordered for name, value in metrics.items()}, shown | tags, verdicts)


def verdicts_text(verdicts: Sequence[Verdict]) -> str:
    """How many hold, and which do not."""
    failing = [verdict.name.replace("_", " ") for verdict in verdicts if not verdict.holds]
    held = f"{len(verdicts) - len(failing)} of {len(verdicts)} hold"
    return f"{held}, not: {', '.join(failing)}" if failing else held


def note(layout: Layout, steps: Iterable[str]) -> str:
    """The workflow run's description (Markdown): the result in one line, then the scores and verdicts of `steps`."""
    steps = list(steps)
    found = summary(steps, layout)
    lines = [f"**{load_settings(layout, 'report', ReportSettings).question}** {result_line(found)}", ""]
    rows = [(name, found.tags[name]) for name in _SCORES if name in found.tags]
    if rows:
        lines += [f"| | {found.tags['measure']} |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows), ""]
    for verdict in found.verdicts:
        lines.append(f"- {'yes' if verdict.holds else '**no**'}, {verdict.name}: {verdict.evidence}")
    return "\n".join(lines)


def result_line(found: Headline) -> str:
    """The summary in one line: the measure, cross-validated and on the sealed test set, beside common sense."""
    tags = found.tags
    if CROSS_VALIDATED not in tags:
        return f"not evaluated yet; verdicts: {tags['verdicts']}"
    baseline, verdicts = tags[COMMON_SENSE].split()[0], tags["verdicts"].split(",")[0]
    scores = f"{tags[CROSS_VALIDATED]}, common sense {baseline}, sealed test {tags[SEALED_TEST].split()[0]}"
    return f"{scores}; verdicts: {verdicts}"


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
        "measure": f"{found.measure} ({found.direction})",
        "protocol": f"{protocol.kind}, {protocol.folds} folds x {_repeats(protocol)}, {protocol.order}",
    }
    tags |= _automatic(found.choices)
    return Headline({"train.rows": found.rows, "features": len(found.features)}, tags, [])


def _repeats(protocol: Protocol) -> str:
    return f"{protocol.repeats}" + (f" to {protocol.most_repeats}" if protocol.most_repeats is not None else "")


def _automatic(choices: Sequence[Choice]) -> dict[str, str]:
    return {f"auto.{choice.setting}": f"{choice.chosen}: {choice.reason}" for choice in choices}


def _baseline(layout: Layout) -> Headline:
    found = Baseline.read(layout.result("baseline"))
    common_sense, shallow, text = found.common_sense, found.shallow, printer_of(found).bare
    tags = {
        COMMON_SENSE: f"{text(common_sense.evaluation.mean)} ({common_sense.name})",
        "shallow model": f"{text(shallow.evaluation.mean)} ({shallow.name})",
    }
    metrics = {
        f"common_sense.{found.measure}": common_sense.evaluation.mean,
        f"shallow.{found.measure}": shallow.evaluation.mean,
    }
    return Headline(metrics, tags, found.verdicts)


def _overfit(layout: Layout) -> Headline:
    found = Overfit.read(layout.result("overfit"))
    rung = found.rungs[found.chosen]
    metrics = {
        "overfit.parameters": rung.parameters,
        "overfit.turning_epoch": rung.turning_epoch,
        f"overfit.{found.measure}.best_validation": rung.best_validation,
        f"overfit.{found.measure}.final_training": rung.final_training,
        f"overfit.{found.measure}.final_validation": rung.final_validation,
    }
    return Headline(metrics, {"overfit.network": rung.network.text}, found.verdicts)


def _regularize(layout: Layout) -> Headline:
    found = Regularize.read(layout.result("regularize"))
    metrics = {
        f"search.{found.measure}": found.chosen_score.mean,
        f"search.{found.measure}.best": found.best_score.mean,
        f"search.{found.measure}.standard_error": found.standard_error,
        "search.candidates": found.candidates,
    }
    return Headline(metrics | chosen_metrics(found.chosen), {CHOSEN: candidate_text(found.chosen)}, found.verdicts)


def _evaluate(layout: Layout) -> Headline:
    found, references = Evaluate.read(layout.result("evaluate")), Baseline.read(layout.result("baseline"))
    cv, test, measure = found.cross_validation, found.test, found.measure
    text, interval = printer_of(found).bare, printer_of(found).interval
    metrics = {
        f"cv.{measure}": cv.mean,
        f"cv.{measure}.low": cv.low,
        f"cv.{measure}.high": cv.high,
        f"test.{measure}": test.value,
        f"test.{measure}.low": test.low,
        f"test.{measure}.high": test.high,
        "test.rows": test.rows,
        "test.opening": test.opening,
        f"common_sense.{measure}": found.baseline,
        f"shallow.{measure}": found.shallow,
        f"shallow.test.{measure}": found.shallow_test.value,
    }
    tags = {
        COMMON_SENSE: f"{text(found.baseline)} ({references.common_sense.name})",
        "shallow model": f"{text(found.shallow)} ({references.shallow.name})",
        CROSS_VALIDATED: f"{found.measure} {text(cv.mean)} ({interval(cv.low, cv.high)})",
        SEALED_TEST: f"{text(test.value)} ({interval(test.low, test.high)})",
        CHOSEN: candidate_text(found.chosen),
        "recommended": found.recommended,
    }
    tags |= _automatic(found.choices)
    return Headline(metrics | chosen_metrics(found.chosen), tags, found.verdicts)


_HEADLINES: dict[str, Callable[[Layout], Headline]] = {
    "validate": _validate,
    "prepare": _prepare,
    "baseline": _baseline,
    "overfit": _overfit,
    "regularize": _regularize,
    "evaluate": _evaluate,
}


# Whose metrics the workflow's run shows; those of the others stand on their steps' runs.
_IN_SUMMARY = ("evaluate", "regularize", "prepare", "validate")


def _baseline_details(layout: Layout) -> Content:
    found = Baseline.read(layout.result("baseline"))
    points: list[Point] = []
    for reference in found.common_sense_all + found.shallow_all:
        points.append((f"development.{found.measure}.{reference.name}", 0, reference.development.mean))
        points.append((f"evaluation.{found.measure}.{reference.name}", 0, reference.evaluation.mean))
    return Content(points)


def _overfit_details(layout: Layout) -> Content:
    below, names = [], curve_names(layout)
    for rung, rows in _grouped(read_records(layout.results / "overfit_curves.csv"), "rung").items():
        params = {"rung": rung, "network": rows[0]["network"], "parameters": rows[0]["parameters"]}
        below.append((f"rung {rung}: {rows[0]['network']}", Content(_curves(rows, names), params, {KIND: "rung"})))
    return Content(below=below)


# Columns of candidates.csv that are no settings of the candidate.
_FOUND = ("candidate", "dropped", "mean", "standard_error", "difference_error", "best", "chosen")


def _regularize_details(layout: Layout) -> Content:
    rows = read_records(layout.results / "candidates.csv")
    found = Regularize.read(layout.result("regularize"))
    measure = found.measure
    if len(rows) > MOST_RUNS:
        sign = -1 if found.direction == "maximize" else 1
        marked = {row["candidate"] for row in rows if "true" in (row["best"].lower(), row["chosen"].lower())}
        rows.sort(key=lambda row: (row["candidate"] not in marked, sign * float(row["mean"] or math.inf * sign)))
        rows = sorted(rows[:MOST_RUNS], key=lambda row: int(row["candidate"]))
    below = []
    for row in rows:
        folds = [name for name in row if name.startswith("fold_")]
        settings = {name: row[name] for name in row if name not in (*_FOUND, *folds)}
        points = _points([(measure, 0, row["mean"]), (f"{measure}.standard_error", 0, row["standard_error"])])
        points += _points((f"fold.{measure}", i, row[name]) for i, name in enumerate(folds[:MOST_FOLDS], start=1))
        tags = {KIND: "candidate"} | {name: row[name].lower() for name in ("dropped", "best", "chosen")}
        below.append((f"candidate {row['candidate']}", Content(points, settings, tags)))
    return Content(below=below)


def _evaluate_details(layout: Layout) -> Content:
    folds = read_records(layout.results / "fold_scores.csv")[:MOST_FOLDS]
    found, names = Evaluate.read(layout.result("evaluate")), curve_names(layout)
    columns = {"network": "fold", "common_sense": "fold.common_sense", "shallow": "fold.shallow"}
    points = _points(
        (f"{name}.{found.measure}", i, row[column])
        for i, row in enumerate(folds, start=1)
        for column, name in columns.items()
    )
    curves = read_records(layout.results / "evaluate_curves.csv")
    means = [
        {"epoch": epoch} | {name: repr(_mean(row[name] for row in rows)) for name in CURVES}
        for epoch, rows in _grouped(curves, "epoch").items()
    ]
    points += _curves(means, names)
    points += [(_further_name(name), 0, value) for name, value in found.extra.items()]
    return Content(points, below=list(_fold_runs(folds, curves, found.measure, names)))


def _further_name(extra: str) -> str:
    """The metric of another measure: named like the one that the problem asks for."""
    return extra.replace("cross_validation_", "cv.", 1).replace("test_", "test.", 1)


def _fold_runs(
    folds: Sequence[Row], curves: Sequence[Row], measure: str, names: Mapping[str, str]
) -> Iterator[tuple[str, Content]]:
    """One run for each fold of the final evaluation, its score beside those of the references and its curves."""
    by_fold = _grouped(curves, "repeat", "fold")
    for row in folds:
        repeat, fold = int(row["repeat"]) + 1, int(row["fold"]) + 1
        points = _points([(measure, 0, row["network"])])
        points += _points((f"{name}.{measure}", 0, row[name]) for name in ("common_sense", "shallow"))
        points += _curves(by_fold.get((row["repeat"], row["fold"]), ()), names)
        where = {"repeat": str(repeat), "fold": str(fold)}
        yield f"repeat {repeat}, fold {fold}", Content(points, where, {KIND: "fold"})


_DETAILS: dict[str, Callable[[Layout], Content]] = {
    "baseline": _baseline_details,
    "overfit": _overfit_details,
    "regularize": _regularize_details,
    "evaluate": _evaluate_details,
}


def chosen_metrics(chosen: Candidate) -> dict[str, float]:
    """The chosen candidate in numbers: metrics, since they are found, not given; plots of workflow runs have them."""
    own = chosen.model_dump(exclude={"network"}) | {
        name: value for name, value in chosen.network.settings.items() if name != "units"
    }
    numbers = {f"chosen.{name}": value for name, value in own.items() if isinstance(value, int | float)}
    return numbers | {"chosen.hidden_units": sum(chosen.network.units)}


def curve_names(layout: Layout) -> dict[str, str]:
    """The metrics that the columns of a table of curves are."""
    prepared = Prepared.read(layout.result("prepare"))
    measure, loss = prepared.measure, prepared.problem_type.loss
    names = (f"training.{measure}", f"validation.{measure}", f"training.{loss}", f"validation.{loss}")
    return dict(zip(CURVES, names, strict=True))


def _curves(rows: Sequence[Row], names: Mapping[str, str]) -> list[Point]:
    """Curves over epochs, thinned; the tables among the artifacts hold every epoch."""
    kept = [rows[i] for i in thinned(len(rows))]
    return _points((name, int(row["epoch"]), row[column]) for column, name in names.items() for row in kept)


def _points(values: Iterable[tuple[str, int, str]]) -> list[Point]:
    """Points whose value is a finite number; a table leaves a cell empty where there is none."""
    numbers = [(name, step, float(text)) for name, step, text in values if text]
    return [point for point in numbers if math.isfinite(point[2])]


def _mean(texts: Iterable[str]) -> float:
    numbers = [float(text) for text in texts if text]
    return sum(numbers) / len(numbers) if numbers else math.nan


def _grouped(rows: Iterable[Row], *keys: str) -> dict[Any, list[Row]]:
    """The rows by their values of `keys`: a text for one key, a tuple for several."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        values = tuple(row[key] for key in keys)
        groups.setdefault(values if len(keys) > 1 else values[0], []).append(row)
    return groups
