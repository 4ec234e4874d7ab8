"""The baselines: common sense and shallow models."""

from src.judging.printer import Printer
from src.plots import scores as score_plots
from src.plots.style import COMMON_SENSE, SHALLOW
from src.report.blocks import Picture, Pictures, Section, Table, Text
from src.report.embed import inline_svg
from src.report.evidence import Evidence
from src.report.sections.verdicts import findings
from src.report.words import scale_of, spoken


def baselines(evidence: Evidence, printer: Printer, of_evaluation: Printer) -> Section:
    """printer: of the scores on the development folds."""
    baseline, targets = evidence.baseline, evidence.prepared.targets
    references = [
        *((reference, "common sense", COMMON_SENSE, baseline.common_sense) for reference in baseline.common_sense_all),
        *((reference, "shallow model", SHALLOW, baseline.shallow) for reference in baseline.shallow_all),
    ]
    rows = [
        score_plots.Row(spoken(reference.name), reference.development.mean, color, reference.development.scores)
        for reference, _, color, _ in references
    ]
    several = len(baseline.common_sense.development.scores) > 1
    caption = (
        "Every baseline on the development folds"
        + (": the dot is the mean, the small strokes are single folds. " if several else ". ")
        + f"Grey {'needs no learning' if targets else 'is common sense'}, purple is a shallow model."
    )
    repeats = evidence.prepared.protocol.repeats
    fewer = repeats < evidence.evaluate.cross_validation.repeats
    table = Table(
        f"All baselines that were tried ({printer.heading}); the best of each group is marked",
        ["Baseline", "Group", "Development folds", f"Evaluation folds{f', first {repeats} repeats' if fewer else ''}"],
        [
            [spoken(r.name), group, printer.bare(r.development.mean), of_evaluation.bare(r.evaluation.mean)]
            for r, group, _, _ in references
        ],
        frozenset({2, 3}),
        frozenset(index for index, (r, _, _, best) in enumerate(references) if r.name == best.name),
    )
    text = Text(
        "A model is worth having only if it beats what anybody could answer without it. Common sense "
        f"{'ignores the inputs' if targets else 'is the simplest description of the rows'}. A shallow model learns "
        f"from {'them' if targets else 'the inputs'} with a classic method, without a network."
    )
    figure = score_plots.score_rows(rows, scale_of(printer))
    return Section(
        "baselines",
        "The baselines",
        findings(baseline.verdicts),
        [text, Pictures([Picture(inline_svg(figure, "baselines", caption), caption)]), table],
    )
