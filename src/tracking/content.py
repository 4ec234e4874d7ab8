"""What each step records, read from its result files. This module does not depend on MLflow.

A step's headline (metrics and tags) is part of the step's run. The workflow's run sums them up: in words as tags and,
once `evaluate` is done, in numbers, which MLflow's table of runs shows as columns. The names are the same for every
problem. The name of a score includes its measure, because MLflow draws metrics of one name on one axis, where
accuracies and errors do not belong together. The details are in the step's run and its child runs: one for each rung of
the ladder, candidate of the search and fold of the evaluation. All use the same names, so that runs can be compared.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from src.core.files import Layout
from src.judging.printer import Scores, printer_of
from src.problem.load import load_settings
from src.problem.steps import ReportSettings
from src.results.answer import answer_of
from src.results.baseline import Baseline
from src.results.data import Prepared, Protocol, Validation
from src.results.evaluate import Evaluate
from src.results.networks import Candidate, Overfit, Regularize
from src.results.result import read_records
from src.results.verdicts import Choice, Verdict
from src.results.wording import LOSSES, candidate_text
from src.tracking.samples import files_of
from src.tracking.settings import step_settings

# Only the best candidates of a larger search become runs; the table among the artifacts holds all. MLflow shows a
# hundred runs on one page and can still compare them. Five hundred would take 500 requests, for an unreadable plot.
MOST_RUNS = 100
MOST_FOLDS = 100
CURVE_POINTS = 50

# Columns of the tables of curves.
CURVES = ("training", "validation", "training_loss", "validation_loss")

# Tags that are columns of the table of runs.
CROSS_VALIDATED, SEALED_TEST, COMMON_SENSE, CHOSEN = "cross-validated", "sealed test", "common sense", "chosen"
ANSWER, MEASURE = "answer", "measure"
_SCORES = (COMMON_SENSE, "shallow model", CROSS_VALIDATED, SEALED_TEST)
RUN_TYPE = "workflow.run_type"
Point = tuple[str, int, float]
Row = Mapping[str, str]


@dataclass(frozen=True)
class Content:
    """One run's record: `points` are (metric, step, value), so a curve is a metric with many steps.

    MLflow shows metrics in the order in which they were first written. When it compares runs it plots the first one.
    samples: files with what a model drew or wrote, by their names.
    """

    points: list[Point] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    below: list[tuple[str, "Content"]] = field(default_factory=list)
    samples: dict[str, bytes] = field(default_factory=dict)


class Headline(NamedTuple):
    metrics: Mapping[str, float]
    tags: dict[str, str]
    verdicts: list[Verdict]


def headline(step: str, layout: Layout) -> Headline:
    """The step's findings in a few numbers and words."""
    metrics, tags, verdicts = _HEADLINES[step](layout) if step in _HEADLINES else Headline({}, {}, [])
    finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
    tags |= {f"verdict.{verdict.name}": "yes" if verdict.holds else "no" for verdict in verdicts}
    return Headline(finite, tags, verdicts)


def step_content(step: str, layout: Layout) -> Content:
    """Everything that the step's own run records."""
    metrics, tags, verdicts = headline(step, layout)
    details = _DETAILS[step](layout) if step in _DETAILS else Content()
    return Content(
        points=[(name, 0, value) for name, value in metrics.items()] + details.points,
        params=step_settings(step, layout) | details.params,
        tags=tags | {f"evidence.{verdict.name}": verdict.evidence for verdict in verdicts},
        below=details.below,
        samples=details.samples,
    )


def summary(steps: Iterable[str], layout: Layout) -> Headline:
    """The findings of `steps`, for the workflow's run. No metrics before `evaluate`: the measure comes first."""
    headlines = {step: headline(step, layout) for step in steps}
    tags = {name: value for each in headlines.values() for name, value in each.tags.items()}
    verdicts = [verdict for each in headlines.values() for verdict in each.verdicts]
    shown = {"problem": layout.problem, "verdicts": verdicts_text(verdicts)}
    ordered = [headlines[step].metrics for step in _IN_SUMMARY if step in headlines] if "evaluate" in headlines else []
    return Headline({name: value for metrics in ordered for name, value in metrics.items()}, shown | tags, verdicts)


def verdicts_text(verdicts: Sequence[Verdict]) -> str:
    """How many verdicts hold, and which do not."""
    failing = [verdict.name.replace("_", " ") for verdict in verdicts if not verdict.holds]
    held = f"{len(verdicts) - len(failing)} of {len(verdicts)} hold"
    return f"{held}, not: {', '.join(failing)}" if failing else held


def note(layout: Layout, steps: Iterable[str]) -> str:
    """The description of the workflow's run (Markdown): the result in one line, the scores and the verdicts."""
    steps = list(steps)
    totals = summary(steps, layout)
    lines = [f"**{load_settings(layout, 'report', ReportSettings).question}** {result_line(totals)}", ""]
    rows = [(name, totals.tags[name]) for name in _SCORES if name in totals.tags]
    if rows:
        lines += [f"| | {totals.tags[MEASURE]} |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows), ""]
    for verdict in totals.verdicts:
        lines.append(f"- {'yes' if verdict.holds else '**no**'}, {verdict.name}: {verdict.evidence}")
    return "\n".join(lines)


def result_line(totals: Headline) -> str:
    """The summary in one paragraph: the answer, then the scores, each with its model, and the verdicts."""
    tags = totals.tags
    if ANSWER not in tags:
        return f"not evaluated yet; verdicts: {tags['verdicts']}"
    answer, measure, verdicts = tags[ANSWER], tags[MEASURE].split()[0], tags["verdicts"].split(",")[0]
    scores = f"Cross-validated {measure}: {tags[CROSS_VALIDATED]}, common sense {tags[COMMON_SENSE].split()[0]}"
    return f"{answer[0].upper()}{answer[1:]}. {scores}; sealed test: {tags[SEALED_TEST]}; verdicts: {verdicts}"


def thinned(length: int, most: int = CURVE_POINTS) -> list[int]:
    """At most `most` evenly spread positions of a curve, the first and the last among them."""
    if length <= most:
        return list(range(length))
    return sorted({round(i * (length - 1) / (most - 1)) for i in range(most)})


def _validate(layout: Layout) -> Headline:
    validation = Validation.read(layout.result("validate"))
    warnings = sum(finding.severity == "warning" for finding in validation.findings)
    metrics = {"data.rows": validation.rows, "data.columns": len(validation.columns), "data.warnings": warnings}
    return Headline(metrics, {}, validation.verdicts)


def _prepare(layout: Layout) -> Headline:
    prepared = Prepared.read(layout.result("prepare"))
    protocol = prepared.protocol
    repeats = f"{protocol.repeats}" + (f" to {protocol.most_repeats}" if protocol.most_repeats is not None else "")
    tags = {
        MEASURE: _measure(prepared),
        "protocol": _protocol(protocol, repeats),
    }
    tags |= _automatic(prepared.choices)
    return Headline({"train.rows": prepared.rows, "features": len(prepared.features)}, tags, [])


def _measure(results: Prepared | Baseline | Evaluate) -> str:
    return f"{results.measure} ({results.direction})"


def _protocol(protocol: Protocol, repeats: str) -> str:
    """In words, with as many repeats as are planned or, once `evaluate` is done, as there were."""
    return f"{protocol.method}, {protocol.folds} folds x {repeats}, {protocol.order}"


def _automatic(choices: Sequence[Choice]) -> dict[str, str]:
    return {f"auto.{choice.setting}": f"{choice.chosen}: {choice.reason}" for choice in choices}


def _baseline(layout: Layout) -> Headline:
    baseline = Baseline.read(layout.result("baseline"))
    common_sense, shallow, text = baseline.common_sense, baseline.shallow, printer_of(baseline).bare
    tags = {
        MEASURE: _measure(baseline),
        COMMON_SENSE: f"{text(common_sense.evaluation.mean)} ({common_sense.name})",
        "shallow model": f"{text(shallow.evaluation.mean)} ({shallow.name})",
    }
    metrics = {
        f"common_sense.{baseline.measure}": common_sense.evaluation.mean,
        f"shallow.{baseline.measure}": shallow.evaluation.mean,
    }
    return Headline(metrics, tags, baseline.verdicts)


def _overfit(layout: Layout) -> Headline:
    overfit = Overfit.read(layout.result("overfit"))
    rung = overfit.rungs[overfit.chosen]
    metrics = {
        "overfit.parameters": rung.parameters,
        "overfit.turning_epoch": rung.turning_epoch,
        f"overfit.{overfit.measure}.best_validation": rung.best_validation,
        f"overfit.{overfit.measure}.final_training": rung.final_training,
        f"overfit.{overfit.measure}.final_validation": rung.final_validation,
    }
    return Headline(metrics, {"overfit.network": rung.network.text}, overfit.verdicts)


def _regularize(layout: Layout) -> Headline:
    search = Regularize.read(layout.result("regularize"))
    metrics = {
        f"search.{search.measure}": search.chosen_score.mean,
        f"search.{search.measure}.best": search.best_score.mean,
        f"search.{search.measure}.standard_error": search.standard_error,
        "search.candidates": search.candidates,
    }
    return Headline(metrics | chosen_metrics(search.chosen), {CHOSEN: candidate_text(search.chosen)}, search.verdicts)


def _evaluate(layout: Layout) -> Headline:
    evaluation, references = Evaluate.read(layout.result("evaluate")), Baseline.read(layout.result("baseline"))
    cv, test, measure = evaluation.cross_validation, evaluation.test, evaluation.measure
    text, scores = printer_of(evaluation).bare, Scores.of(evaluation)
    protocol = Prepared.read(layout.result("prepare")).protocol
    metrics = {
        f"cv.{measure}": cv.mean,
        f"cv.{measure}.low": cv.low,
        f"cv.{measure}.high": cv.high,
        f"test.{measure}": test.value,
        f"test.{measure}.low": test.low,
        f"test.{measure}.high": test.high,
        "test.rows": test.rows,
        "test.opening": test.opening,
        f"common_sense.{measure}": evaluation.baseline,
        f"shallow.{measure}": evaluation.shallow,
        f"shallow.test.{measure}": evaluation.shallow_test.value,
    }
    tags = {
        MEASURE: _measure(evaluation),
        COMMON_SENSE: f"{text(evaluation.baseline)} ({references.common_sense.name})",
        "shallow model": f"{text(evaluation.shallow)} ({references.shallow.name})",
        CROSS_VALIDATED: scores.cross_validated,
        SEALED_TEST: scores.sealed_test,
        CHOSEN: candidate_text(evaluation.chosen),
        ANSWER: str(answer_of(layout)),
        "protocol": _protocol(protocol, str(cv.repeats)),
    }
    tags |= _automatic(evaluation.choices)
    return Headline(metrics | chosen_metrics(evaluation.chosen), tags, evaluation.verdicts)


_HEADLINES: dict[str, Callable[[Layout], Headline]] = {
    "validate": _validate,
    "prepare": _prepare,
    "baseline": _baseline,
    "overfit": _overfit,
    "regularize": _regularize,
    "evaluate": _evaluate,
}


# The steps whose metrics the workflow's run shows; the others show them in their own runs only.
_IN_SUMMARY = ("evaluate", "regularize", "prepare", "validate")


def _baseline_details(layout: Layout) -> Content:
    baseline = Baseline.read(layout.result("baseline"))
    points: list[Point] = []
    for reference in baseline.common_sense_all + baseline.shallow_all:
        points.append((f"development.{baseline.measure}.{reference.name}", 0, reference.development.mean))
        points.append((f"evaluation.{baseline.measure}.{reference.name}", 0, reference.evaluation.mean))
    return Content(points)


def _overfit_details(layout: Layout) -> Content:
    below, names = [], curve_names(layout)
    for rung, rows in _grouped(read_records(layout.results / "overfit_curves.csv"), "rung").items():
        params = {"rung": rung, "network": rows[0]["network"], "parameters": rows[0]["parameters"]}
        below.append((f"rung {rung}: {rows[0]['network']}", Content(_curves(rows, names), params, {RUN_TYPE: "rung"})))
    return Content(below=below)


# Columns of candidates.csv that are not settings of the candidate.
_OUTCOMES = ("candidate", "dropped", "mean", "standard_error", "difference_error", "best", "chosen")


def _regularize_details(layout: Layout) -> Content:
    rows = read_records(layout.results / "candidates.csv")
    search = Regularize.read(layout.result("regularize"))
    measure = search.measure
    if len(rows) > MOST_RUNS:
        sign = -1 if search.direction == "maximize" else 1
        marked = {row["candidate"] for row in rows if "true" in (row["best"].lower(), row["chosen"].lower())}
        rows.sort(key=lambda row: (row["candidate"] not in marked, sign * float(row["mean"] or math.inf * sign)))
        rows = sorted(rows[:MOST_RUNS], key=lambda row: int(row["candidate"]))
    below = []
    for row in rows:
        folds = [name for name in row if name.startswith("fold_")]
        settings = {name: row[name] for name in row if name not in (*_OUTCOMES, *folds)}
        points = _points([(measure, 0, row["mean"]), (f"{measure}.standard_error", 0, row["standard_error"])])
        points += _points((f"fold.{measure}", i, row[name]) for i, name in enumerate(folds[:MOST_FOLDS], start=1))
        tags = {RUN_TYPE: "candidate"} | {name: row[name].lower() for name in ("dropped", "best", "chosen")}
        below.append((f"candidate {row['candidate']}", Content(points, settings, tags)))
    return Content(below=below)


def _evaluate_details(layout: Layout) -> Content:
    folds = read_records(layout.results / "fold_scores.csv")[:MOST_FOLDS]
    evaluation = Evaluate.read(layout.result("evaluate"))
    names = curve_names(layout, evaluation.chosen.loss)
    columns = {"network": "fold", "common_sense": "fold.common_sense", "shallow": "fold.shallow"}
    points = _points(
        (f"{name}.{evaluation.measure}", i, row[column])
        for i, row in enumerate(folds, start=1)
        for column, name in columns.items()
    )
    curves = read_records(layout.results / "evaluate_curves.csv")
    means = [
        {"epoch": epoch} | {name: repr(_mean(row[name] for row in rows)) for name in CURVES}
        for epoch, rows in _grouped(curves, "epoch").items()
    ]
    points += _curves(means, names)
    points += [(_further_name(name), 0, value) for name, value in evaluation.extra.items()]
    below = list(_fold_runs(folds, curves, evaluation.measure, names))
    return Content(points, below=below, samples=files_of(evaluation))


def _further_name(extra: str) -> str:
    """The metric of another measure: named like the one that the problem asks for."""
    return extra.replace("cross_validation_", "cv.", 1).replace("test_", "test.", 1)


def _fold_runs(
    folds: Sequence[Row], curves: Sequence[Row], measure: str, names: Mapping[str, str]
) -> Iterator[tuple[str, Content]]:
    """One run for each fold of the final evaluation, with its score, those of the references and its curves."""
    by_fold = _grouped(curves, "repeat", "fold")
    for row in folds:
        repeat, fold = int(row["repeat"]) + 1, int(row["fold"]) + 1
        points = _points([(measure, 0, row["network"])])
        points += _points((f"{name}.{measure}", 0, row[name]) for name in ("common_sense", "shallow"))
        points += _curves(by_fold.get((row["repeat"], row["fold"]), ()), names)
        params = {"repeat": str(repeat), "fold": str(fold)}
        yield f"repeat {repeat}, fold {fold}", Content(points, params, {RUN_TYPE: "fold"})


_DETAILS: dict[str, Callable[[Layout], Content]] = {
    "baseline": _baseline_details,
    "overfit": _overfit_details,
    "regularize": _regularize_details,
    "evaluate": _evaluate_details,
}


def chosen_metrics(chosen: Candidate) -> dict[str, float]:
    """The chosen candidate in numbers. They are metrics, because the search found them; workflow runs plot them."""
    settings = chosen.model_dump(exclude={"network"}) | {
        name: value for name, value in chosen.network.settings.items() if name != "units"
    }
    numbers = {f"chosen.{name}": value for name, value in settings.items() if isinstance(value, int | float)}
    return numbers | {"chosen.hidden_units": sum(chosen.network.units)}


def curve_names(layout: Layout, loss: str = "auto") -> dict[str, str]:
    """The names of the metrics in the columns of a table of curves. loss: of the networks."""
    prepared = Prepared.read(layout.result("prepare"))
    measure = prepared.searched_by
    loss = prepared.problem_type.loss if loss == "auto" else LOSSES[loss].lower().replace(" ", "_")
    names = (f"training.{measure}", f"validation.{measure}", f"training.{loss}", f"validation.{loss}")
    return dict(zip(CURVES, names, strict=True))


def _curves(rows: Sequence[Row], names: Mapping[str, str]) -> list[Point]:
    """Curves over epochs, thinned. The tables among the artifacts hold every epoch."""
    kept = [rows[i] for i in thinned(len(rows))]
    return _points((name, int(row["epoch"]), row[column]) for column, name in names.items() for row in kept)


def _points(values: Iterable[tuple[str, int, str]]) -> list[Point]:
    """The points with a finite value; an empty cell of a table has none."""
    numbers = [(name, step, float(text)) for name, step, text in values if text]
    return [point for point in numbers if math.isfinite(point[2])]


def _mean(texts: Iterable[str]) -> float:
    numbers = [float(text) for text in texts if text]
    return sum(numbers) / len(numbers) if numbers else math.nan


def _grouped(rows: Iterable[Row], *keys: str) -> dict[Any, list[Row]]:
    """The rows grouped by their values of `keys`: a string for one key, a tuple for several."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        values = tuple(row[key] for key in keys)
        groups.setdefault(values if len(keys) > 1 else values[0], []).append(row)
    return groups
