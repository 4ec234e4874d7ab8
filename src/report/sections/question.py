"""What was asked: the question, the data checks, the distribution of the target, the measure and the protocol."""

from src.core.text import count, counted, listing, shares
from src.judging.printer import Printer
from src.plots import data as data_plots
from src.report.blocks import Picture, Pictures, Section, Table, Text
from src.report.embed import inline_svg
from src.report.evidence import Evidence
from src.report.sections.verdicts import findings
from src.report.words import ORDERS, chosen_words, clause, judged_words, protocol_words, sentence, share, spoken, task


def question(evidence: Evidence) -> Section:
    prepared = evidence.prepared
    types: dict[str, list[str]] = {}
    for feature in prepared.features:
        types.setdefault(feature.type, []).append(feature.name)
    facts = [
        ["Asked", evidence.settings.question],
        *([["Target", listing(prepared.targets)]] if prepared.targets else []),
        ["To be predicted", prepared.problem_type.described(len(prepared.targets))]
        if prepared.targets
        else ["What the model does", f"{task(prepared, 's')}"],
        *([["Classes", listing(list(prepared.classes))]] if prepared.problem_type.single_label else []),
        *([["Counts as positive", prepared.positive]] if prepared.positive is not None else []),
        *([["Unit", evidence.settings.unit]] if evidence.settings.unit else []),
        [
            "Rows",
            f"{count(evidence.validate.rows)}, of which {count(prepared.rows)} for training and "
            f"{count(evidence.evaluate.test.rows)} sealed away for the test",
        ],
        [
            "Inputs",
            f"{counted(len(prepared.features), 'column')}: "
            + "; ".join(f"{count(len(names))} {type_} ({listing(names, 6)})" for type_, names in types.items()),
        ],
    ]
    return Section(
        "question",
        "The question",
        [],
        [Table("The question in the terms of the workflow", ["", ""], facts)],
    )


def data_checks(evidence: Evidence) -> Section:
    validation = evidence.validate
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
                ["Severity", "Check", "Column", "What it means"],
                [[f.severity, spoken(f.check), f.column or "", sentence(f.message)] for f in validation.findings],
                prose=True,
            )
        )
    return Section("data", "The data checks", findings(validation.verdicts), blocks)


def balance(evidence: Evidence) -> Section:
    prepared = evidence.prepared
    if prepared.classes:
        largest = max(prepared.classes, key=lambda name: prepared.classes[name])
        smallest = min(prepared.classes, key=lambda name: prepared.classes[name])
        noun = prepared.problem_type.noun
        printed = {name: share(rows / prepared.rows) for name, rows in prepared.classes.items()}
        if prepared.problem_type.single_label:
            printed = dict(zip(prepared.classes, shares(list(prepared.classes.values())), strict=True))
        words = (
            f"The most frequent {noun} is {largest} with {printed[largest]} of the training rows, the rarest "
            f"{smallest} with {printed[smallest]}."
        )
        if prepared.problem_type.target == "flag":
            words += " A row may have several labels or none, so the shares need not add up to 100%."
        else:
            words += f" Always answering {largest} is right that often, without learning anything."
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
    words = "The values to be predicted. A long tail or several peaks would show here, and in the errors too."
    return Section("balance", "Distribution of the target", [], [Text(words), Pictures(pictures)])


def choices(evidence: Evidence, printer: Printer) -> Section:
    chosen = [*evidence.prepared.choices, *evidence.evaluate.choices]
    blocks: list[Text | Pictures | Table] = [
        Text(
            f"The measure of success is {printer.title}: {clause(printer)}. "
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
                f"Before that, {counted(evidence.evaluate.test.rows, 'row')} were sealed away. Only the step evaluate "
                f"may read them, and every time it does is counted. {judged_words(chosen)} "
                "Everything fitted to data, such as means for scaling, is learnt from the training rows of the fold at "
                "hand."
            ),
        ],
    )
