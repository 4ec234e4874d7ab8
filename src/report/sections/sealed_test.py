"""The sealed test and how often it was opened."""

from src.core.text import count, counted
from src.judging.printer import Printer
from src.models.measures import TABLE
from src.plots import scores as score_plots
from src.plots.style import ACCENT, COMMON_SENSE
from src.plots.style import MODELS as COLORS
from src.report.blocks import Picture, Pictures, Section, Text
from src.report.embed import inline_svg
from src.report.evidence import Evidence
from src.report.sections.verdicts import findings
from src.report.words import scale_of
from src.results.verdicts import SEALED_TEST_VERDICT
from src.results.wording import MODELS, scored


def sealed_test(evidence: Evidence, printer: Printer) -> Section:
    result = evidence.evaluate
    saved, other = result.saved_first
    test = result.saved_test
    rows = []
    for model in result.saved_first:
        estimate, color = result.estimates[model], COLORS[MODELS[model]]
        scores = evidence.fold_scores[model].to_list()
        rows.append(
            score_plots.Row(
                f"{MODELS[model]}, cross-validated", estimate.value, color, scores, estimate.low, estimate.high
            )
        )
    for model, color in zip(result.saved_first, (ACCENT, COLORS[MODELS[other]]), strict=True):
        score = result.tests[model]
        rows.append(score_plots.Row(f"{MODELS[model]}, sealed test", score.value, color, (), score.low, score.high))
    rows.append(score_plots.Row("common sense", result.baseline, COMMON_SENSE))
    strokes = ", the single folds (strokes)" if len(evidence.fold_scores) > 1 else ""
    caption = (
        f"The sealed test beside the cross-validated estimates, with their 95% intervals (bars){strokes}, and common "
        "sense."
    )
    text = Text(
        f"{_made(evidence)}, the sealed test set was {scored(result.test.opening)}: the {MODELS[saved]} gets "
        f"{printer.value(test.value)} on {counted(test.rows, 'row')}, 95% interval "
        f"{printer.interval(test.low, test.high)} "
        f"({'Wilson’s' if TABLE[result.measure].counts_rows else 'by leaving out the test rows in turn'}), and the "
        f"{MODELS[other]} {printer.with_interval(result.tests[other])}. {_looks(result.test.opening)}"
    )
    verdicts = [verdict for verdict in result.verdicts if verdict.name == SEALED_TEST_VERDICT]
    return Section(
        "test",
        "The sealed test",
        findings(verdicts),
        [
            text,
            Pictures(
                [Picture(inline_svg(score_plots.score_rows(rows, scale_of(printer)), "sealed-test", caption), caption)]
            ),
        ],
    )


def _looks(opening: int) -> str:
    """What the number of openings means for the score."""
    if opening == 1:
        return "No earlier evaluation of these rows is on record. The workflow makes no choice by this number."
    before = "one other evaluation" if opening == 2 else f"{count(opening - 1)} other evaluations"
    return (
        f"Before this one, {before} looked at these rows. The workflow makes no choice by this number. If somebody "
        "chose by an earlier score, this one may promise too much."
    )


def _made(evidence: Evidence) -> str:
    """How the final models came about."""
    chosen = evidence.evaluate.chosen
    if evidence.evaluate.final == "fold_ensemble":
        return (
            "After the networks that scored the evaluation folds once had been joined into one model, and the shallow "
            "model had been fitted to all training rows"
        )
    return (
        f"After both models had been fitted anew to all {counted(evidence.prepared.rows, 'training row')}, the network "
        f"for the chosen {counted(chosen.epochs, 'epoch')}"
    )
