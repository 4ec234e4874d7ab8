"""The chosen network on the evaluation folds, by the number of its training rows, and its errors."""

from src.core.text import count, counted
from src.judging.printer import Printer, printer_of
from src.judging.printer import printer as printer_for
from src.models.measures import TABLE
from src.plots import scores as score_plots
from src.plots import training as training_plots
from src.plots.style import Scale
from src.report.blocks import Picture, Pictures, Section, Table, Text
from src.report.embed import inline_svg
from src.report.evidence import Evidence
from src.report.honesty import behind, read_honesty
from src.report.outcomes import outcomes
from src.report.sections.verdicts import DATA_VERDICT, findings
from src.report.words import clause, scale_of, sentence, share, spoken
from src.results.evaluate import CrossValidation, Nested
from src.results.verdicts import SEALED_TEST_VERDICT
from src.results.wording import MODELS


def evaluation(evidence: Evidence, printer: Printer) -> Section:
    scores, cross = evidence.fold_scores, evidence.evaluate.cross_validation
    single = len(scores) == 1
    caption = (
        "The same held-out rows scored by all three."
        if single
        else f"The same {counted(len(scores), 'evaluation fold')} scored by all three: each thin line is one fold, the "
        "diamonds are the values over all folds. Lines that all slope the same way speak louder than the difference of "
        "two diamonds."
    )
    figure = score_plots.paired_folds(
        scores["common_sense"].to_numpy(float),
        scores["shallow"].to_numpy(float),
        scores["network"].to_numpy(float),
        [evidence.evaluate.baseline, evidence.evaluate.shallow, cross.mean],
        scale_of(printer),
    )
    pictures = [Picture(inline_svg(figure, "folds", caption), caption)]
    curves = evidence.evaluate_curves
    if len(curves):
        training = curves.pivot(index=["repeat", "fold"], columns="epoch", values="training")
        validation = curves.pivot(index=["repeat", "fold"], columns="epoch", values="validation")
        curve_caption = (
            "The chosen network on the evaluation folds. The number of epochs was fixed beforehand by the search; "
            "these curves only show that it was a sensible one."
        )
        curve_figure = training_plots.fold_curves(
            training.columns.to_numpy(), training.to_numpy(), validation.to_numpy(), _scale_of_curves(evidence, printer)
        )
        pictures.append(Picture(inline_svg(curve_figure, "fold-curves", curve_caption), curve_caption))
    names = {"network": "Network", "shallow": f"Shallow model ({spoken(evidence.baseline.shallow.name)})"}
    estimates = evidence.evaluate.estimates
    table = Table(
        f"On the evaluation folds ({printer.heading})",
        ["", "Value", "95% interval"],
        [
            *(
                [names[model], printer.bare(estimate.value), printer.interval(estimate.low, estimate.high)]
                for model, estimate in ((model, estimates[model]) for model in evidence.evaluate.saved_first)
            ),
            [
                f"Common sense ({spoken(evidence.baseline.common_sense.name)})",
                printer.bare(evidence.evaluate.baseline),
                "",
            ],
        ],
        frozenset({1, 2}),
        frozenset({0}),
    )
    in_time = evidence.prepared.protocol.order == "temporal"
    fresh = "a fresh fold" if single else "fresh folds"
    chosen_by = f"the {'fold' if single else 'folds'} that chose them"
    judged_on = chosen_by if in_time else f"{fresh} that had no part in choosing them"
    text = f"Now the chosen network and shallow model are judged, on {judged_on}. {_interval_words(cross, single)}"
    if not single:
        text += f" {_joined_words(evidence.evaluate.measure)}"
    nested = evidence.evaluate.nested
    optimism = _optimism(nested, printer) if nested else _unmeasured_optimism(in_time, single)
    more = [*_other_measures(evidence), *_further_targets(evidence), *_probe(evidence, printer)]
    blocks: list[Text | Pictures | Table] = [Text(text), optimism, table, Pictures(pictures), *more]
    elsewhere = (SEALED_TEST_VERDICT, DATA_VERDICT)
    verdicts = [verdict for verdict in evidence.evaluate.verdicts if verdict.name not in elsewhere]
    title = "Evaluation, on rows that came later" if in_time else f"Evaluation on {fresh}"
    return Section("evaluation", title, findings(verdicts), blocks)


def _scale_of_curves(evidence: Evidence, printer: Printer) -> Scale:
    """Curves show what the search goes by."""
    searched = evidence.regularize
    if searched.measure == evidence.evaluate.measure:
        return scale_of(printer)
    return scale_of(printer_of(searched, evidence.settings.unit))


def _joined_words(measure: str) -> str:
    """How the folds' scores become one value."""
    if TABLE[measure].ranks_rows:
        return (
            "This measure ranks rows, and the predictions of different networks are on different scales, so each value "
            "is the mean over the folds."
        )
    if TABLE[measure].by_fold:
        return "The clusters of different folds have nothing in common, so each value is the mean over the folds."
    return "Each value is that of all held-out rows together, and with several repeats the mean over them."


# An interval that is more times as wide as the rows alone would make it is explained.
MOST_WIDENED = 5
_WIDE = (
    " The network’s interval is {times:.0f} times as wide as one that rests on the rows alone. On some halves of the "
    "rows the network does far worse than on others, so do not rely on its score with fewer rows."
)


def _interval_words(estimate: CrossValidation, single: bool) -> str:
    """What the interval's width rests on."""
    if estimate.half_samples:
        return (
            "The width of the network’s interval comes from cross-validation inside halves of the rows "
            f"({estimate.half_samples} of them, in pairs without a row in common). It shows how much such values "
            "differ from one set of rows to another. The shallow model’s interval rests on the held-out rows, and "
            "allows for the fact that the folds share most of their training rows (after Nadeau and Bengio)."
            + (_WIDE.format(times=estimate.widened) if estimate.widened > MOST_WIDENED else "")
        )
    if single:
        return (
            "The intervals rest on the held-out rows, and allow for what other training rows would have changed "
            "(after Nadeau and Bengio)."
        )
    return (
        "The intervals allow for the fact that the folds share most of their training rows (after Nadeau and Bengio)."
    )


def _optimism(nested: Nested, printer: Printer) -> Text:
    worth = "more" if nested.optimism > 0 else "less"
    return Text(
        "The search ran again inside each of these folds, and its choices were scored on the held-out rows. The plain "
        "protocol makes a single choice on all rows and scores it on these folds. It would have said "
        f"{printer.value(nested.plain)}, which is {worth} optimistic by {printer.difference(abs(nested.optimism))}."
    )


def _unmeasured_optimism(in_time: bool, single: bool) -> Text:
    optimism = read_honesty().optimism
    if in_time:
        return Text(
            f"The value is that of the search’s own choice on the search’s own {'fold' if single else 'folds'}. On "
            "problems whose truth is known, though none in time order, such a value was "
            f"{behind(optimism.search)} on average. The sealed test lies after all of these rows."
        )
    return Text(
        f"{'The fold is fresh, but its' if single else 'The folds are fresh, but their'} rows are among those on which "
        "the network was chosen. What that was worth on problems whose truth is known: the value on fresh folds was "
        f"{behind(optimism.evaluation_folds)} on average, that of the search’s own best candidate "
        f"{behind(optimism.search)}, that of nested cross-validation {behind(optimism.nested)}. Here it was not "
        "measured; the setting protocol: nested does so."
    )


def _other_measures(evidence: Evidence) -> list[Table]:
    """What `evaluate` measured besides, cross-validated and on the sealed test set."""
    extra = evidence.evaluate.extra
    names = [name for name in TABLE if f"cross_validation_{name}" in extra and f"test_{name}" in extra]
    rows = []
    for name in names:
        values = extra[f"cross_validation_{name}"], extra[f"test_{name}"]
        measured = printer_for(name, evidence.settings.unit, values)
        rows.append([measured.heading, *(measured.bare(value) for value in values), sentence(clause(measured))])
    header = ["Measure", "Cross-validated", "Sealed test", "What it says"]
    return (
        [Table(f"Other measures of the {MODELS[evidence.evaluate.saved]}", header, rows, frozenset({1, 2}), prose=True)]
        if rows
        else []
    )


def _further_targets(evidence: Evidence) -> list[Table]:
    """What the network's other heads are worth."""
    rows = []
    for head in evidence.evaluate.heads:
        folds, test = head.cross_validation, head.test
        values = head.common_sense, folds.value, *([test.value] if test else [])
        measured = printer_for(head.measure, "", values, [folds, *([test] if test else [])])
        tested = [measured.bare(test.value), measured.interval(test.low, test.high)] if test else ["no row has it", ""]
        common, score = measured.bare(head.common_sense), measured.bare(folds.value)
        cells = [f"{head.weight:g}", measured.heading, common, score, measured.interval(folds.low, folds.high)]
        rows.append([head.name, *cells, *tested])
    header = [
        "Target",
        "Weight of its loss",
        "Measure",
        "Common sense",
        "Network",
        "95% interval",
        "Sealed test",
        "95% interval",
    ]
    title = "Further targets of the same network, on the rows that have them"
    return [Table(title, header, rows, frozenset({1, 3, 4, 5, 6, 7}))] if rows else []


def _probe(evidence: Evidence, printer: Printer) -> list[Text | Table]:
    """What a linear model makes of the network before it has learnt from a target."""
    probe = evidence.evaluate.probe
    if probe is None:
        return []
    intro = Text(
        "A linear probe asks what pretraining alone has found. The layers of the chosen network are frozen before they "
        "have learnt from any target. A linear model (logistic for classes, ridge for values) learns from what its "
        "last layer would read, on the training rows of each fold, and is scored on the others. No sealed row takes "
        "part. Where the intervals overlap, the difference may be luck."
    )
    lines = {f"pretrained ({probe.method})": probe.pretrained, "random initial weights": probe.random}
    cells = [[name, printer.bare(e.value), printer.interval(e.low, e.high)] for name, e in lines.items()]
    header = ["Frozen network", "Value", "95% interval"]
    return [
        intro,
        Table(f"A linear probe on the evaluation folds ({printer.heading})", header, cells, frozenset({1, 2})),
    ]


def sample_sizes(evidence: Evidence, printer: Printer) -> Section:
    """Would more data help?"""
    points = evidence.evaluate.sample_sizes
    verdicts = [verdict for verdict in evidence.evaluate.verdicts if verdict.name == DATA_VERDICT]
    chosen = "the latest ones" if evidence.prepared.protocol.order == "temporal" else "drawn evenly"
    text = (
        f"The chosen network was also trained on smaller shares of each fold’s training rows, {chosen}, with "
        "everything fitted to that share alone, and scored on the same held-out rows. With fewer rows an epoch has "
        "fewer steps, so each share was trained twice: for as many epochs as all rows, and for as many steps, but at "
        "most four times the epochs. The better of the two counts. These are single networks, not the average of "
        "several."
    )
    if verdicts:
        text += (
            " The last doubling brought more than luck could explain, so more rows of the same kind would probably "
            "help. How much they would bring cannot be read off the curve: such curves flatten."
            if verdicts[0].holds
            else " The last doubling brought no more than luck could explain. More rows of the same kind may still "
            "bring a little that these folds cannot show; better inputs may bring more."
        )
    caption = "The measure over the number of training rows, each point twice the rows of the one before" + (
        ": the line joins the values over all folds, the faint dots are single folds."
        if len(points[0].scores) > 1
        else "."
    )
    figure = score_plots.sample_sizes(
        [point.rows for point in points],
        [point.value for point in points],
        [point.scores for point in points],
        scale_of(printer),
    )
    table = Table(
        f"One network, by its number of training rows ({printer.heading})",
        ["Training rows", "Share", "Value", "Trained for"],
        [
            [
                count(point.rows),
                share(point.share),
                printer.bare(point.value),
                "the chosen epochs" if point.share == 1 else f"the {point.pace}",
            ]
            for point in points
        ],
        frozenset({0, 1, 2}),
    )
    pictures = Pictures([Picture(inline_svg(figure, "sample-sizes", caption), caption)])
    return Section("data-size", "Would more data help?", findings(verdicts), [Text(text), pictures, table])


def errors(evidence: Evidence) -> Section:
    title = "Errors and calibration" if evidence.prepared.targets else "Rows out of fold"
    return Section("errors", title, [], outcomes(evidence))
