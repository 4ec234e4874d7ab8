"""The sections of the report, in the order of the workflow: evidence in; text, figures and tables out."""

from collections.abc import Sequence

import pandas as pd

from src.measures import TABLE
from src.plots import data as data_plots
from src.plots import scores as score_plots
from src.plots import training as training_plots
from src.plots.style import ACCENT, COMMON_SENSE, NETWORK, SHALLOW
from src.report import figures
from src.report.blocks import Finding, Picture, Pictures, Section, Table, Text
from src.report.diagnostics import behind_best
from src.report.embed import inline_svg
from src.report.evidence import Evidence
from src.report.honesty import behind, read_honesty
from src.report.outcomes import outcomes
from src.report.words import (
    MEANINGS,
    ORDERS,
    VERDICTS,
    Printer,
    chosen_words,
    count,
    counted,
    judged_words,
    listing,
    network_shape,
    network_words,
    protocol_words,
    sentence,
    setting,
    share,
    spoken,
    type_words,
)
from src.report.words import printer as printer_of
from src.results import Nested, Regularize, Verdict

MOST_LISTED = 15
# Settings of a network that the search tries with some kinds of input.
OPTIONS = ("augmentation",)
SEALED_TEST_VERDICT, DATA_VERDICT = "test_agrees_with_cross_validation", "more_data_would_help"


def sections(evidence: Evidence, printer: Printer) -> list[Section]:
    """All sections but the answer and the model card, which the page sets apart."""
    return [
        question(evidence),
        data_checks(evidence),
        balance(evidence),
        choices(evidence, printer),
        protocol(evidence),
        baselines(evidence, printer),
        ladder(evidence, printer),
        search(evidence, printer),
        evaluation(evidence, printer),
        *([sample_sizes(evidence, printer)] if len(evidence.evaluate.sample_sizes) > 1 else []),
        errors(evidence),
        sealed_test(evidence, printer),
        all_verdicts(evidence),
    ]


def question(evidence: Evidence) -> Section:
    prepared = evidence.prepared
    kinds: dict[str, list[str]] = {}
    for feature in prepared.features:
        kinds.setdefault(feature.kind, []).append(feature.name)
    facts = [
        ["Asked", evidence.settings.question],
        ["Target", listing(prepared.targets)],
        ["To be predicted", type_words(prepared.type, prepared.targets)],
        *([["Classes", listing(list(prepared.classes))]] if prepared.type in ("binary", "multiclass") else []),
        *([["Counts as positive", prepared.positive]] if prepared.positive is not None else []),
        *([["Unit", evidence.settings.unit]] if evidence.settings.unit else []),
        ["Rows", f"{count(evidence.validation.rows)}, of which {count(prepared.rows)} for training and "
         f"{count(evidence.evaluate.test.rows)} sealed away for the test"],
        ["Inputs", f"{counted(len(prepared.features), 'column')}: "
         + "; ".join(f"{count(len(names))} {kind} ({listing(names, 6)})" for kind, names in kinds.items())],
    ]  # fmt: skip
    return Section(
        "question",
        "The question",
        [],
        [Table("The question in the terms of the workflow", ["", ""], facts)],
    )


def data_checks(evidence: Evidence) -> Section:
    validation = evidence.validation
    errors = sum(finding.severity == "error" for finding in validation.findings)
    blocks: list[Text | Pictures | Table] = [
        Text(
            f"Before anything was learnt, the table of {counted(validation.rows, 'row')} and "
            f"{counted(len(validation.columns), 'column')} went through "
            f"{counted(len(validation.passed) + len(validation.findings), 'check')}: "
            f"{counted(len(validation.passed), 'check')} found nothing, {counted(errors, 'error')} and "
            f"{counted(len(validation.findings) - errors, 'warning')} were raised."
            + (" A warning does not stop the workflow, but it deserves a look." if validation.findings else "")
        )
    ]
    if validation.findings:
        blocks.append(
            Table(
                "What the checks found",
                ["Severity", "Check", "Column", "Rows", "What it means"],
                [
                    [f.severity, spoken(f.check), f.column or "", count(f.count), sentence(f.message)]
                    for f in validation.findings
                ],
                frozenset({3}),
                prose=True,
            )
        )
    return Section("data", "The data checks", findings(validation.verdicts), blocks)


def balance(evidence: Evidence) -> Section:
    prepared = evidence.prepared
    if prepared.classes:
        largest = max(prepared.classes, key=lambda name: prepared.classes[name])
        smallest = min(prepared.classes, key=lambda name: prepared.classes[name])
        noun = "label" if prepared.type == "multilabel" else "class"
        words = (
            f"The most frequent {noun} is {largest} with {share(prepared.classes[largest] / prepared.rows)} of the "
            f"training rows, the rarest {smallest} with {share(prepared.classes[smallest] / prepared.rows)}."
        )
        if prepared.type == "multilabel":
            words += " A row may have several labels or none, so the shares need not add up to 100%."
        else:
            words += f" Whoever always answers {largest} is right that often without learning anything."
        picture = Picture(
            inline_svg(data_plots.class_balance(prepared.classes, prepared.rows), "balance", words),
            f"Training rows of each {noun}.",
        )
        return Section("balance", "Class balance", [], [Text(words), Pictures([picture])])
    pictures = []
    for index, target in enumerate(prepared.targets):
        values = evidence.out_of_fold[f"actual__{target}"].to_numpy(float)
        rows = counted(len(values), "training row" if len(values) == prepared.rows else "held-out training row")
        caption = f"Distribution of {target} in {rows}; the line is the median."
        figure = data_plots.target_distribution(values, target)
        pictures.append(Picture(inline_svg(figure, f"target-{index}", caption), caption))
    words = (
        "The values to be predicted. A long tail or several humps would show here, and would show in the errors too."
    )
    return Section("balance", "Distribution of the target", [], [Text(words), Pictures(pictures)])


def choices(evidence: Evidence, printer: Printer) -> Section:
    chosen = [*evidence.prepared.choices, *evidence.evaluate.choices]
    blocks: list[Text | Pictures | Table] = [
        Text(
            f"The measure of success is {printer.title}: {printer.clause}. "
            f"{'Higher' if evidence.prepared.direction == 'maximize' else 'Lower'} is better."
        )
    ]
    if chosen:
        blocks += [
            Text("Where a setting says auto, a stated rule chooses. These are the choices and their reasons."),
            Table(
                "Chosen automatically",
                ["Setting", "Choice", "Reason"],
                [[spoken(c.setting), chosen_words(c.chosen), sentence(c.reason)] for c in chosen],
                prose=True,
            ),
        ]
    else:
        blocks.append(Text("Nothing was left to choose: the problem file sets everything itself."))
    return Section("choices", "The measure, and other choices", [], blocks)


def protocol(evidence: Evidence) -> Section:
    chosen = evidence.prepared.protocol
    words = protocol_words(chosen, evidence.evaluate.cross_validation.repeats)
    return Section(
        "protocol",
        "The protocol",
        [],
        [
            Text(f"{words} {ORDERS[chosen.order]}"),
            Text(
                f"Before that, {counted(evidence.evaluate.test.rows, 'row')} were sealed away. Nothing but the last "
                f"step may read them, and it scores them once. {judged_words(chosen)} "
                "Everything fitted to data, such as means for scaling, is learnt from the training rows of the fold at "
                "hand."
            ),
        ],
    )


def baselines(evidence: Evidence, printer: Printer) -> Section:
    baseline = evidence.baseline
    references = [
        *((reference, "common sense", COMMON_SENSE, baseline.common_sense) for reference in baseline.common_sense_all),
        *((reference, "shallow model", SHALLOW, baseline.shallow) for reference in baseline.shallow_all),
    ]
    rows = [
        score_plots.Row(spoken(reference.name), reference.development.mean, color, reference.development.scores)
        for reference, _, color, _ in references
    ]
    caption = (
        "Every baseline on the development folds: the dot is the mean, the small strokes are single folds. "
        "Grey needs no learning, purple is a shallow model."
    )
    repeats = evidence.prepared.protocol.repeats
    fewer = repeats < evidence.evaluate.cross_validation.repeats
    table = Table(
        f"All baselines that were tried ({printer.heading}); the best of each kind is marked",
        ["Baseline", "Kind", "Development folds", f"Evaluation folds{f', first {repeats} repeats' if fewer else ''}"],
        [
            [spoken(r.name), kind, printer.bare(r.development.mean), printer.bare(r.evaluation.mean)]
            for r, kind, _, _ in references
        ],
        frozenset({2, 3}),
        frozenset(index for index, (r, _, _, best) in enumerate(references) if r.name == best.name),
    )
    text = Text(
        "A model is worth having only if it beats what anybody could answer without it. Common sense ignores the "
        "inputs. A shallow model learns from them with a classic method that is no network."
    )
    figure = score_plots.score_rows(rows, printer.scale)
    return Section(
        "baselines",
        "The baselines",
        findings(baseline.verdicts),
        [text, Pictures([Picture(inline_svg(figure, "baselines", caption), caption)]), table],
    )


def ladder(evidence: Evidence, printer: Printer) -> Section:
    result, curves = evidence.overfit, evidence.overfit_curves
    rungs, chosen = result.rungs, result.rungs[result.chosen]
    by_rung = [curves[curves["rung"] == rung] for rung in sorted(curves["rung"].unique())]
    scale = printer.scale
    ladder_caption = (
        "The capacity ladder: each rung is a larger network. Where training goes on improving and validation does "
        "not, the network learns its training rows by heart."
    )
    of_chosen = by_rung[result.chosen]
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
        evidence.baseline.common_sense.development.mean,
        result.chosen,
        scale,
    )
    loss_figure = training_plots.learning_curves(
        of_chosen["epoch"].to_numpy(),
        of_chosen["training_loss"].to_numpy(),
        of_chosen["validation_loss"].to_numpy(),
        type(scale)("loss", higher_is_better=False),
        chosen.turning_epoch,
    )
    pictures = [
        Picture(inline_svg(ladder_figure, "ladder", ladder_caption), ladder_caption),
        Picture(inline_svg(figures.learning_curve(evidence, printer), "turning", curve_caption), curve_caption),
        Picture(inline_svg(loss_figure, "turning-loss", loss_caption), loss_caption),
    ]
    if len(rungs) > 1:
        rung_caption = (
            "Every rung on the same axes. The vertical line is the epoch where the validation loss was lowest. The "
            "wider the gap to its right, the more of what the network learnt holds for its training rows only."
        )
        rung_figure = training_plots.rung_curves(
            [network_shape(r.network) for r in rungs],
            [part["epoch"].to_numpy() for part in by_rung],
            [part["training"].to_numpy() for part in by_rung],
            [part["validation"].to_numpy() for part in by_rung],
            [r.turning_epoch for r in rungs],
            result.chosen,
            scale,
        )
        pictures.insert(1, Picture(inline_svg(rung_figure, "rungs", rung_caption), rung_caption))
    table = Table(
        f"The rungs ({printer.heading}); the chosen one is marked",
        [
            "Hidden units",
            "Parameters",
            "Turning epoch",
            "Validation, turning epoch",
            "Validation, last epoch",
            "Training, last epoch",
            "Beats common sense",
            "Overfits",
        ],
        [
            [
                network_shape(r.network),
                count(r.parameters),
                count(r.turning_epoch),
                printer.bare(r.best_validation),
                printer.bare(r.final_validation),
                printer.bare(r.final_training),
                "yes" if r.beats_baseline else "no",
                "yes" if r.overfits else "no",
            ]
            for r in rungs
        ],
        frozenset({1, 2, 3, 4, 5}),
        frozenset({result.chosen}),
    )
    text = Text(
        "The right capacity lies between underfitting and overfitting, and to find the border one has to cross it. "
        "So the smallest network came first, and each rung doubled its width until the network overfitted."
    )
    return Section(
        "overfit",
        "Scaling up until it overfits",
        findings(result.verdicts),
        [text, Pictures(pictures), table],
    )


def search(evidence: Evidence, printer: Printer) -> Section:
    result, table = evidence.regularize, evidence.candidates.reset_index(drop=True)
    best, chosen = int(table["best"].to_numpy().argmax()), int(table["chosen"].to_numpy().argmax())
    standing = f"It scored {printer.value(result.chosen_score.mean)} on the development folds"
    standing += (
        ", the best of all."
        if best == chosen
        else f", the best candidate {printer.bare(result.best_score.mean)}; the standard error of their difference is "
        f"{printer.difference(result.standard_error)}."
    )
    blocks: list[Text | Pictures | Table] = [
        Text(
            f"{counted(result.candidates, 'candidate')} were trained on the development folds with different dropout, "
            "weight penalties (L1, L2), capacity, learning rate and number of epochs. " + _halving(result, table)
        ),
        Text(
            "Scores of folds waver, so the very best candidate may just have been lucky, and its score is too good to "
            "be quoted. The one-standard-error rule therefore takes the simplest candidate that is not behind the best "
            "by more than one standard error of the difference between the two "
            + (
                "(how much that difference wavers from fold to fold)."
                if len(result.best_score.scores) > 1
                else "(by a jackknife over the rows held out, as there is only one fold)."
            )
        ),
        Text(
            f"Chosen: {network_words(result.chosen.network)}; L1 {setting(result.chosen.l1)}, "
            f"L2 {setting(result.chosen.l2)}, learning rate {setting(result.chosen.learning_rate)}, "
            f"{counted(result.chosen.epochs, 'epoch')} of {result.chosen.optimizer} with batches of "
            f"{counted(result.chosen.batch_size, 'row')}. {standing}"
        ),
    ]
    varying = figures.varying_settings(evidence)
    same = [
        f"{words} {table[column].iloc[0]}"
        for column, words in figures.SETTINGS.items()
        if column in table.columns and words not in varying
    ]
    pictures = []
    if varying:
        caption = (
            "Each line is one candidate, from its settings down to its score; better scores are darker and end further "
            "right."
            + (" Dotted ones were dropped, with the score they had by then." if table["dropped"].any() else "")
            + (f" The same for all: {listing(same)}." if same else "")
        )
        pictures.append(Picture(inline_svg(figures.search(evidence, printer), "search", caption), caption))
    caption = (
        "How far each candidate left at the end is behind the best, with one standard error of that difference to "
        "either side. "
        "Whatever reaches the dashed line (filled dots) is as good as the best, as far as these folds can tell; the "
        "simplest of them is chosen."
    )
    figure = figures.one_standard_error(evidence, printer)
    pictures.append(Picture(inline_svg(figure, "one-standard-error", caption), caption))
    blocks += [Pictures(pictures), _candidate_table(evidence, printer, best, chosen)]
    return Section("search", "Regularizing and tuning", findings(result.verdicts), blocks)


def _halving(result: Regularize, table: pd.DataFrame) -> str:
    """What successive halving did, in words."""
    if result.finalists == result.candidates:
        return "No one was dropped on the way."
    stops = table.loc[table["dropped"], "trained_epochs"].value_counts().sort_index()
    drops = listing([f"{count(int(number))} after epoch {epoch}" for epoch, number in stops.items()])
    saved = 1 - result.epochs / result.epochs_without_halving
    return (
        f"Those that were behind others of the same network were dropped early (successive halving): {drops}; "
        f"{counted(result.finalists, 'candidate')} were left at the end, and only they could be chosen. A candidate "
        "whose best epoch lay in the first half of its training was not trained further. The "
        f"{count(result.trainings)} trainings took {count(result.epochs)} epochs, {saved:.0%} fewer than all of them."
    )


def _candidate_table(evidence: Evidence, printer: Printer, best: int, chosen: int) -> Table:
    table = evidence.candidates.reset_index(drop=True)
    order = list(table.sort_values("mean", ascending=evidence.regularize.direction == "minimize", kind="stable").index)
    shown = order[:MOST_LISTED]
    if chosen not in shown:
        shown.append(chosen)
    numeric = ("dropout", "l1", "l2", "learning_rate")
    options = [name for name in OPTIONS if name in table]
    marks = {index: "dropped" for index in shown if table["dropped"][index]}
    behind, errors = behind_best(table, best, evidence.regularize.direction == "maximize")
    marks |= {best: "best", chosen: "chosen"} if best != chosen else {chosen: "best, chosen"}
    return Table(
        ("All candidates" if len(shown) == len(table) else f"The top candidates of {count(len(table))}")
        + f", best first ({printer.heading})",
        ["#", "Hidden units", "Parameters", "Dropout", "L1", "L2", "Learning rate", "Epochs", "Trained", "Mean",
         "Behind the best", "± standard error", *(name.capitalize() for name in options), ""],
        [
            [
                str(table["candidate"][index]),
                str(table["network"][index]),
                count(int(table["parameters"][index])),
                *(setting(float(table[column][index])) for column in numeric),
                count(int(table["epochs"][index])),
                count(int(table["trained_epochs"][index])),
                printer.bare(float(table["mean"][index])),
                printer.bare(float(behind[index])),
                printer.bare(float(errors[index])),
                *(str(table[name][index]) for name in options),
                marks.get(index, ""),
            ]
            for index in shown
        ],
        frozenset({0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}),
        frozenset(place for place, index in enumerate(shown) if index == chosen),
    )  # fmt: skip


def evaluation(evidence: Evidence, printer: Printer) -> Section:
    scores, cross = evidence.fold_scores, evidence.evaluate.cross_validation
    caption = (
        f"The same {counted(len(scores), 'evaluation fold')} scored by all three: each thin line is one fold, the "
        "diamonds are means. Lines that all slope the same way speak louder than the difference of two means."
    )
    figure = score_plots.paired_folds(
        scores["common_sense"].to_numpy(float),
        scores["shallow"].to_numpy(float),
        scores["network"].to_numpy(float),
        printer.scale,
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
            training.columns.to_numpy(), training.to_numpy(), validation.to_numpy(), printer.scale
        )
        pictures.append(Picture(inline_svg(curve_figure, "fold-curves", curve_caption), curve_caption))
    table = Table(
        f"On the evaluation folds ({printer.heading})",
        ["", "Value", "95% interval"],
        [
            ["Network", printer.bare(cross.mean), printer.interval(cross.low, cross.high)],
            [f"Shallow model ({spoken(evidence.baseline.shallow.name)})", printer.bare(evidence.evaluate.shallow), ""],
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
    folds = "the folds that it was chosen by" if in_time else "fresh folds that had no part in choosing it"
    text = Text(
        f"Now the chosen network is judged, on {folds}. The interval allows for the fact that the folds share most of "
        "their training rows (after Nadeau and Bengio). Each value is that of all held-out rows together, and with "
        "several repeats the mean over them."
    )
    nested = evidence.evaluate.nested
    optimism = _optimism(nested, printer) if nested else _unmeasured_optimism(in_time)
    blocks: list[Text | Pictures | Table] = [text, optimism, table, Pictures(pictures), *_other_measures(evidence)]
    elsewhere = (SEALED_TEST_VERDICT, DATA_VERDICT)
    verdicts = [verdict for verdict in evidence.evaluate.verdicts if verdict.name not in elsewhere]
    title = "Evaluation, on rows that came later" if in_time else "Evaluation on fresh folds"
    return Section("evaluation", title, findings(verdicts), blocks)


def _optimism(nested: Nested, printer: Printer) -> Text:
    worth = "too good by" if nested.optimism > 0 else "not too good; it is worse by"
    return Text(
        "The search was run once more inside each of these folds, and what it chose there was scored on the rows held "
        "out. A single choice made on all rows and scored on these folds, as the plain protocol does, would have said "
        f"{printer.value(nested.plain)}, which is {worth} {printer.bare(abs(nested.optimism))}."
    )


def _unmeasured_optimism(in_time: bool) -> Text:
    optimism = read_honesty().optimism
    if in_time:
        return Text(
            "The value is that of the search’s own choice on the search’s own folds. On problems whose truth is known, "
            f"though none in time order, such a value was {behind(optimism.search)} on average. The sealed test lies "
            "after all of these rows."
        )
    return Text(
        "The folds are fresh, but their rows are those on which the network was chosen. What that was worth on "
        "problems whose truth is known: the value on fresh folds was "
        f"{behind(optimism.evaluation_folds)} on average, that of the search’s own best candidate "
        f"{behind(optimism.search)}, that of nested cross-validation {behind(optimism.nested)}. Here it was not "
        "measured; the setting protocol: nested does so."
    )


def trust() -> Text:
    """How often this workflow is right, where that can be known."""
    found = read_honesty()
    return Text(
        f"How far to trust such verdicts was measured on {counted(found.problems_without_signal, 'problem')} without "
        f"any signal and {count(found.problems_with_signal)} with a known one, by the command "
        "python -m benchmarks.honesty. Where there was nothing to learn, a network was said to beat common sense in "
        f"{share(found.false_claims)} of the problems (5% would be allowed). The 95% interval of the cross-validated "
        f"measure held the true value in {share(found.coverage_cross_validation)}, that of the sealed test in "
        f"{share(found.coverage_test)}."
    )


def sample_sizes(evidence: Evidence, printer: Printer) -> Section:
    """Would more data help?"""
    points = evidence.evaluate.sample_sizes
    verdicts = [verdict for verdict in evidence.evaluate.verdicts if verdict.name == DATA_VERDICT]
    which = "the latest ones" if evidence.prepared.protocol.order == "temporal" else "drawn evenly"
    text = (
        f"The chosen network was also trained on smaller shares of each fold’s training rows, {which}, with everything "
        "fitted to that share alone, and scored on the same held-out rows. With fewer rows an epoch has fewer steps, "
        "so each share was trained for as many epochs as all rows and for as many steps (but no more than four times "
        "the epochs), and the better of the two counts. These are single networks, not the average of several."
    )
    if verdicts:
        text += (
            " The last doubling brought more than luck could explain, so more rows of the same kind would probably "
            "help. How much they would bring cannot be read off the curve: such curves flatten."
            if verdicts[0].holds
            else " The last doubling brought no more than luck could explain. More rows of the same kind may still "
            "bring a little that these folds cannot show; better inputs may bring more."
        )
    caption = (
        "The measure over the number of training rows, each point twice the rows of the one before: the line joins "
        "the means, the faint dots are single folds."
    )
    figure = score_plots.sample_sizes(
        [point.rows for point in points],
        [point.value for point in points],
        [point.scores for point in points],
        printer.scale,
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


def _other_measures(evidence: Evidence) -> list[Table]:
    """What `evaluate` measured besides, cross-validated and on the sealed test set."""
    extra = evidence.evaluate.extra
    names = [name for name in MEANINGS if f"cross_validation_{name}" in extra and f"test_{name}" in extra]
    rows = []
    for name in names:
        values = extra[f"cross_validation_{name}"], extra[f"test_{name}"]
        measured = printer_of(name, evidence.settings.unit, values)
        rows.append([measured.heading, *(measured.bare(value) for value in values), sentence(measured.clause)])
    header = ["Measure", "Cross-validated", "Sealed test", "What it says"]
    return [Table("Other measures of the same network", header, rows, frozenset({1, 2}), prose=True)] if rows else []


def errors(evidence: Evidence) -> Section:
    return Section("errors", "Errors and calibration", [], outcomes(evidence))


def sealed_test(evidence: Evidence, printer: Printer) -> Section:
    result = evidence.evaluate
    cross, test = result.cross_validation, result.test
    rows = [
        score_plots.Row("network, cross-validated", cross.mean, NETWORK, cross.scores, cross.low, cross.high),
        score_plots.Row("network, sealed test", test.value, ACCENT, (), test.low, test.high),
        score_plots.Row("shallow model", result.shallow, SHALLOW),
        score_plots.Row("common sense", result.baseline, COMMON_SENSE),
    ]
    caption = (
        "The sealed test beside the cross-validated estimate, with their 95% intervals (bars), the single folds "
        "(strokes) and the baselines’ means."
    )
    text = Text(
        f"{_made(evidence)}, the sealed test set was opened and scored once: "
        f"{printer.value(test.value)} on {counted(test.rows, 'row')}, 95% interval "
        f"{printer.interval(test.low, test.high)} "
        f"({'Wilson’s' if TABLE[result.measure].counts_rows else 'by leaving out the test rows in turn'}). No choice "
        "was made after seeing this number."
    )
    verdicts = [verdict for verdict in result.verdicts if verdict.name == SEALED_TEST_VERDICT]
    return Section(
        "test",
        "The sealed test",
        findings(verdicts),
        [
            text,
            Pictures(
                [Picture(inline_svg(score_plots.score_rows(rows, printer.scale), "sealed-test", caption), caption)]
            ),
        ],
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


def all_verdicts(evidence: Evidence) -> Section:
    steps = [
        ("validate", evidence.validation.verdicts),
        ("baseline", evidence.baseline.verdicts),
        ("overfit", evidence.overfit.verdicts),
        ("regularize", evidence.regularize.verdicts),
        ("evaluate", evidence.evaluate.verdicts),
    ]
    return Section(
        "verdicts",
        "All verdicts",
        [],
        [
            trust(),
            Table(
                "What each step found",
                ["Step", "Verdict", "Holds", "Evidence"],
                [
                    [step, statement(verdict), "yes" if verdict.holds else "no", sentence(verdict.evidence)]
                    for step, verdicts in steps
                    for verdict in verdicts
                ],
                prose=True,
            ),
        ],
    )


def statement(verdict: Verdict) -> str:
    """The verdict as a statement that is true whichever way it went."""
    if verdict.name in VERDICTS:
        return VERDICTS[verdict.name][0 if verdict.holds else 1]
    return sentence(spoken(verdict.name)).rstrip(".") + ("" if verdict.holds else ": does not hold")


def findings(verdicts: Sequence[Verdict]) -> list[Finding]:
    return [Finding(verdict.holds, statement(verdict), sentence(verdict.evidence)) for verdict in verdicts]
