"""Regularizing and tuning."""

import pandas as pd

from src.core.text import count, counted, listing
from src.judging.printer import Printer
from src.report import figures
from src.report.blocks import Picture, Pictures, Section, Table, Text
from src.report.diagnostics import behind_best
from src.report.embed import inline_svg
from src.report.evidence import Evidence
from src.report.sections.verdicts import findings
from src.report.words import setting
from src.results.networks import Regularize
from src.results.wording import further_text, schedule_text

MOST_LISTED = 15
# Settings of a network that the search tries with some kinds of input.
OPTIONS = {
    "augmentation": "Augmentation",
    "recurrent_dropout": "Recurrent dropout",
    "word_dropout": "Word dropout",
    "frozen": "Frozen vectors",
}


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
            "Scores vary from fold to fold, so the very best candidate may just have been lucky, and its score is too "
            "good to be quoted. Therefore the one-standard-error rule takes the simplest candidate that is behind the "
            "best by at most one standard error of the difference between the two "
            + (
                "(from how much that difference varies between folds)."
                if len(result.best_score.scores) > 1
                else "(from a jackknife over the held-out rows, as there is only one fold)."
            )
        ),
        Text(
            f"Chosen: {result.chosen.network.words}; L1 {setting(result.chosen.l1)}, "
            f"L2 {setting(result.chosen.l2)}, learning rate {setting(result.chosen.learning_rate)}"
            f"{schedule_text(result.chosen)}{further_text(result.chosen)}, "
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
        "Whatever reaches the dashed line (filled dots) is within one standard error of the best; the simplest of them "
        "is chosen."
    )
    figure = figures.one_standard_error(evidence, printer)
    pictures.append(Picture(inline_svg(figure, "one-standard-error", caption), caption))
    blocks += [Pictures(pictures), _candidate_table(evidence, printer, best, chosen)]
    return Section("search", "Regularizing and tuning", findings(result.verdicts), blocks)


def _halving(result: Regularize, table: pd.DataFrame) -> str:
    """What successive halving did, in words."""
    if result.finalists == result.candidates:
        return "No candidate was dropped on the way."
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
    points = " [percentage points]" if printer.form == "share" else ""
    marks = {index: "dropped" for index in shown if table["dropped"][index]}
    behind, errors = behind_best(table, best, evidence.regularize.direction == "maximize")
    marks |= {best: "best", chosen: "chosen"} if best != chosen else {chosen: "best, chosen"}
    return Table(
        ("All candidates" if len(shown) == len(table) else f"The top candidates of {count(len(table))}")
        + f", best first ({printer.heading})",
        [
            "#",
            "Hidden units",
            "Parameters",
            "Dropout",
            "L1",
            "L2",
            "Learning rate",
            "Epochs",
            "Trained",
            "Mean",
            f"Behind the best{points}",
            f"± standard error{points}",
            *(OPTIONS[name] for name in options),
            "",
        ],
        [
            [
                str(table["candidate"][index]),
                str(table["network"][index]),
                count(int(table["parameters"][index])),
                *(setting(float(table[column][index])) for column in numeric),
                count(int(table["epochs"][index])),
                count(int(table["trained_epochs"][index])),
                printer.bare(float(table["mean"][index])),
                printer.bare(float(behind[index])).rstrip("%"),
                printer.bare(float(errors[index])).rstrip("%"),
                *(str(table[name][index]) for name in options),
                marks.get(index, ""),
            ]
            for index in shown
        ],
        frozenset({0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}),
        frozenset(place for place, index in enumerate(shown) if index == chosen),
    )
