"""The sealed test and how often it was opened."""

from src.core.text import count, counted
from src.judging.printer import Printer
from src.models.measures import TABLE
from src.plots import scores as score_plots
from src.plots.style import ACCENT, COMMON_SENSE, NETWORK, SHALLOW
from src.report.blocks import Picture, Pictures, Section, Text
from src.report.embed import inline_svg
from src.report.evidence import Evidence
from src.report.sections.verdicts import findings
from src.report.words import scale_of
from src.results.verdicts import SEALED_TEST_VERDICT
from src.results.wording import scored


def sealed_test(evidence: Evidence, printer: Printer) -> Section:
    result = evidence.evaluate
    cross, test, plain = result.cross_validation, result.test, result.shallow_test
    rows = [
        score_plots.Row("network, cross-validated", cross.mean, NETWORK, cross.scores, cross.low, cross.high),
        score_plots.Row("network, sealed test", test.value, ACCENT, (), test.low, test.high),
        score_plots.Row("shallow model, cross-validated", result.shallow, SHALLOW),
        score_plots.Row("shallow model, sealed test", plain.value, SHALLOW, (), plain.low, plain.high),
        score_plots.Row("common sense", result.baseline, COMMON_SENSE),
    ]
    strokes = ", the single folds (strokes)" if len(cross.scores) > 1 else ""
    caption = (
        f"The sealed test beside the cross-validated estimate, with their 95% intervals (bars){strokes} and the "
        "baselines."
    )
    text = Text(
        f"{_made(evidence)}, the sealed test set was {scored(test.opening)}: "
        f"{printer.value(test.value)} on {counted(test.rows, 'row')}, 95% interval "
        f"{printer.interval(test.low, test.high)} "
        f"({'Wilson’s' if TABLE[result.measure].counts_rows else 'by leaving out the test rows in turn'}). "
        f"The shallow model, fitted to the training rows as well, gets {printer.value(plain.value)} on them "
        f"({printer.interval(plain.low, plain.high)}). {_looks(test.opening)}"
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
    """How the final model came about."""
    chosen = evidence.evaluate.chosen
    if evidence.evaluate.final == "fold_ensemble":
        return "After the networks that scored the evaluation folds once had been joined into one model"
    return (
        f"After the network had been fitted anew to all {counted(evidence.prepared.rows, 'training row')} for the "
        f"chosen {counted(chosen.epochs, 'epoch')}"
    )
