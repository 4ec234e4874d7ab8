"""Scaling up until the network overfits."""

from collections.abc import Sequence

from src.core.text import count, listing
from src.judging.printer import Printer
from src.plots import training as training_plots
from src.report import figures
from src.report.blocks import Picture, Pictures, Section, Table, Text
from src.report.embed import inline_svg
from src.report.evidence import Evidence
from src.report.sections.verdicts import findings
from src.report.words import scale_of
from src.results.networks import Overfit, Rung
from src.search.climbing import FEWEST_RUNGS, crosses, is_enough


def ladder(evidence: Evidence, printer: Printer) -> Section:
    result, curves = evidence.overfit, evidence.overfit_curves
    rungs, chosen = result.rungs, result.rungs[result.chosen]
    by_rung = [curves[curves["rung"] == rung] for rung in sorted(curves["rung"].unique())]
    scale = scale_of(printer)
    ladder_caption = (
        "The capacity ladder, rung by rung. Where training goes on improving and validation does "
        "not, the network learns its training rows by heart."
    )
    curve_caption = (
        f"The chosen rung from epoch to epoch (an epoch is one pass over the training rows). The line marks its "
        f"turning point, epoch {count(chosen.turning_epoch)}, where the validation loss was lowest."
    )
    loss_caption = (
        "The loss of the same rung, the quantity that training minimizes. After the turning point it rises "
        "on validation rows while it goes on falling on training rows: that is overfitting."
        if chosen.overfits
        else "The loss of the same rung, the quantity that training minimizes; lower is better."
    )
    ladder_figure = training_plots.capacity_ladder(
        [r.parameters for r in rungs],
        [r.final_training for r in rungs],
        [r.final_validation for r in rungs],
        [r.best_validation for r in rungs],
        evidence.searched_sense,
        result.chosen,
        scale,
    )
    pictures = [
        Picture(inline_svg(ladder_figure, "ladder", ladder_caption), ladder_caption),
        Picture(inline_svg(figures.learning_curve(evidence, printer), "turning", curve_caption), curve_caption),
        Picture(inline_svg(figures.loss_curve(evidence), "turning-loss", loss_caption), loss_caption),
    ]
    if len(rungs) > 1:
        rung_caption = (
            "Every rung on the same axes. The vertical line is the epoch where the validation loss was lowest. The "
            "wider the gap to its right, the more of what the network learnt holds for its training rows only."
        )
        rung_figure = training_plots.rung_curves(
            [r.network.text for r in rungs],
            [part["epoch"].to_numpy() for part in by_rung],
            [part["training"].to_numpy() for part in by_rung],
            [part["validation"].to_numpy() for part in by_rung],
            [r.turning_epoch for r in rungs],
            result.chosen,
            scale,
        )
        pictures.insert(1, Picture(inline_svg(rung_figure, "rungs", rung_caption), rung_caption))
    text = Text(
        "The right capacity lies between underfitting and overfitting, and to find the border one has to cross it. "
        f"So the smallest network came first, and each rung was a larger one. {rule(rungs, result.chosen)}"
    )
    return Section(
        "overfit",
        "Scaling up until it overfits",
        findings(result.verdicts),
        [text, Pictures(pictures), rungs_table(result, printer)],
    )


def rungs_table(overfit: Overfit, printer: Printer) -> Table:
    return Table(
        f"The rungs ({printer.heading}); the chosen one is marked",
        [
            "Hidden units",
            "Parameters",
            "Turning epoch",
            "Validation, turning epoch",
            "Validation, last epoch",
            "Training, last epoch",
            "Overfits",
            "Ahead of common sense",
            "Training saturated",
        ],
        [
            [
                r.network.text,
                count(r.parameters),
                count(r.turning_epoch),
                printer.bare(r.best_validation),
                printer.bare(r.final_validation),
                printer.bare(r.final_training),
                *("yes" if holds else "no" for holds in (r.overfits, r.beats_baseline, r.saturated)),
            ]
            for r in overfit.rungs
        ],
        frozenset({1, 2, 3, 4, 5}),
        frozenset({overfit.chosen}),
    )


def rule(rungs: Sequence[Rung], chosen: int) -> str:
    """Where the climb ended and which rung was chosen, by the parts of the rule that are columns of `rungs_table`."""
    last, name = (rungs[place].network.text for place in (-1, chosen))
    ended = (
        f"It ended on {last}, where all three hold."
        if is_enough(rungs[-1])
        else f"All three hold on no rung of this ladder; it ended with its last one, {last}."
    )
    proved = [rung.network.text for rung in rungs if crosses(rung)]
    others = f" ({listing(proved)} do)" if len(proved) > 1 else ""
    choice = (
        f"The largest rung that overfits and is ahead of common sense is chosen{others}: {name}. The search tries it "
        "and smaller ones with less freedom."
        if proved
        else f"No rung both overfits and is ahead of common sense, so {name} is chosen, whose validation measure at "
        "its turning point is the best."
    )
    return (
        f"After the first {FEWEST_RUNGS} the climb ends on a rung that overfits, is ahead of common sense at its "
        "turning point, and whose training measure has saturated. Saturated means nearly perfect, or hardly better "
        f"than on the rung before. {ended} {choice}"
    )
