"""The model card (Mitchell et al. 2019): what the model is for, what it learnt from, how good it is, and its limits."""

from collections.abc import Callable

from src.core.text import count, counted, listing
from src.judging.printer import Printer
from src.report.blocks import Card, CardPart, Table
from src.report.evidence import Evidence
from src.report.sections.verdicts import statement
from src.report.words import (
    OPTIMIZERS,
    ORDERS,
    clause,
    judged_words,
    number,
    protocol_words,
    sentence,
    setting,
    spoken,
    task,
)
from src.results.evaluate import Saved, TestScore
from src.results.verdicts import Estimate
from src.results.wording import MODELS, further_text, schedule_text, scored


def card(evidence: Evidence, printer: Printer) -> Card:
    """The card's parts in their usual order; the report shows them, and `model_card.md` is written from them."""
    return Card(
        [
            _intended_use(evidence),
            _data(evidence),
            _protocol(evidence),
            _model(evidence),
            _performance(evidence, printer),
            _limits(evidence, printer),
        ],
        _code(evidence.problem),
    )


def _intended_use(evidence: Evidence) -> CardPart:
    prepared = evidence.prepared
    return CardPart(
        "Intended use",
        [
            f"It answers one question: {sentence(evidence.settings.question)}",
            f"It takes rows with {counted(len(prepared.features), 'column')} and "
            f"{task(prepared, 's')}. It returns {prepared.problem_type.returns}.",
            "It is meant for rows that come about in the same way as the rows it learnt from. It has not been tested "
            "for other places, times or ways of measuring.",
            sentence(f"Answer of the workflow: {evidence.answer}"),
        ],
    )


def _data(evidence: Evidence) -> CardPart:
    prepared, validation = evidence.prepared, evidence.validate
    items = [
        f"Training data: {counted(prepared.rows, 'row')} of {count(validation.rows)}.",
        f"Sealed test set: {counted(evidence.evaluate.test.rows, 'row')}, {scored(evidence.evaluate.test.opening)}.",
        f"Inputs: {listing([feature.name for feature in prepared.features], 40)}.",
        *(
            [
                f"Training rows per {prepared.problem_type.noun}: "
                + listing([f"{name} {count(rows)}" for name, rows in prepared.classes.items()], 40)
                + "."
            ]
            if prepared.classes
            else []
        ),
        *(f"Data check, {f.severity}: {sentence(f.message)}" for f in validation.findings),
    ]
    return CardPart("Data", items=items)


def _protocol(evidence: Evidence) -> CardPart:
    chosen = evidence.prepared.protocol
    words = protocol_words(chosen, evidence.evaluate.cross_validation.repeats)
    return CardPart(
        "Protocol",
        [
            f"{words} {ORDERS[chosen.order]}",
            f"{judged_words(chosen)} The sealed test set is opened last. Everything fitted to data was learnt from "
            "training rows alone.",
        ],
    )


def _model(evidence: Evidence) -> CardPart:
    """What the saved model is, and where the other one lies."""
    saved = evidence.evaluate.saved
    [other] = MODELS.keys() - {saved}
    return CardPart(
        "Model",
        items=[
            *_DESCRIBED[saved](evidence),
            *_intervals(evidence),
            f"The {MODELS[other]} that it was compared with was fitted to the same rows; it lies in "
            f"results/{evidence.problem}/alternative.",
            *_further_targets(evidence),
        ],
    )


def _further_targets(evidence: Evidence) -> list[str]:
    names = [head.name for head in evidence.evaluate.heads]
    only = f"Only the network predicts the further targets ({listing(names)}), so it is the one that is saved."
    return [only] if names else []


def _shallow(evidence: Evidence) -> list[str]:
    model, every = evidence.evaluate.shallow_model, evidence.prepared.rows
    settings = listing([f"{name} {value}" for name, value in model.settings.items()])
    thinned = f", evenly spaced among all {count(every)}" if model.rows < every else ""
    return [
        f"Shallow model: {spoken(model.name)}, scikit-learn’s {model.estimator}"
        f"{f' with {settings}' if settings else ''}; all other settings are the library’s defaults.",
        f"It reads {counted(model.columns, 'number')} per row, which preprocessing fitted to the training rows makes "
        "of the inputs.",
        f"It was fitted to {counted(model.rows, 'training row')}{thinned}.",
    ]


def _network(evidence: Evidence) -> list[str]:
    chosen = evidence.evaluate.chosen
    row = evidence.candidates[evidence.candidates["chosen"]].iloc[0]
    return [
        f"Network: {chosen.network.words}; {counted(int(row['parameters']), 'trainable parameter')}.",
        f"Training: {OPTIMIZERS.get(chosen.optimizer, chosen.optimizer)}, learning rate "
        f"{setting(chosen.learning_rate)}{schedule_text(chosen)}{further_text(chosen)}, "
        f"{counted(chosen.epochs, 'epoch')}, batches of "
        f"{counted(chosen.batch_size, 'row')}.",
        f"Weight penalties: L1 {setting(chosen.l1)}, L2 {setting(chosen.l2)}.",
        _made(evidence),
    ]


_DESCRIBED: dict[Saved, Callable[[Evidence], list[str]]] = {"network": _network, "shallow": _shallow}


def _made(evidence: Evidence) -> str:
    if evidence.evaluate.final == "fold_ensemble":
        return "The final model is the average of the networks that scored the evaluation folds once."
    return f"The final network was fitted to all {counted(evidence.prepared.rows, 'training row')}."


def _intervals(evidence: Evidence) -> list[str]:
    """What is said of the interval around a predicted value, where there is one."""
    half_widths = evidence.evaluate.half_widths
    if not half_widths:
        return []
    unit = f" {evidence.settings.unit}" if evidence.settings.unit else ""
    several = len(half_widths) > 1
    widths = listing(
        [f"±{number(half)}{unit}{f' for {target}' if several else ''}" for target, half in half_widths.items()]
    )
    return [
        f"Every predicted value has a 95% interval of {widths} (conformal, from the errors on the evaluation folds). "
        "The command flows.predict and the HTTP service give it with every prediction, and so does "
        "model.predict(rows, intervals=True); the function that MLflow loads gives the predictions alone."
    ]


def _performance(evidence: Evidence, printer: Printer) -> CardPart:
    result = evidence.evaluate
    cross, saved = result.cross_validation, result.saved_first
    names = {"network": "Network", "shallow": f"Shallow model ({spoken(evidence.baseline.shallow.name)})"}
    folds = f"{counted(cross.folds, 'fold')}, {counted(cross.repeats, 'repeat')}" if cross.folds > 1 else "one hold-out"

    def row(name: str, score: Estimate | TestScore) -> list[str]:
        return [name, printer.bare(score.value), printer.interval(score.low, score.high)]

    return CardPart(
        "Performance",
        [
            f"The measure is {printer.title}: {clause(printer)}. "
            f"{'Higher' if result.direction == 'maximize' else 'Lower'} is better."
        ],
        [f"{statement(verdict)}. {sentence(verdict.evidence)}" for verdict in result.verdicts],
        Table(
            f"Performance ({printer.heading})",
            ["Estimate", "Value", "95% interval"],
            [
                *(row(f"{names[model]}, cross-validated ({folds})", result.estimates[model]) for model in saved),
                *(
                    row(f"{names[model]}, sealed test ({counted(test.rows, 'row')})", test)
                    for model, test in ((model, result.tests[model]) for model in saved)
                ),
                [f"Common sense ({spoken(evidence.baseline.common_sense.name)})", printer.bare(result.baseline), ""],
            ],
            frozenset({1, 2}),
        ),
    )


def _limits(evidence: Evidence, printer: Printer) -> CardPart:
    test, model = evidence.evaluate.saved_test, MODELS[evidence.evaluate.saved]
    targets = evidence.prepared.targets
    items = [
        "The intervals hold for new rows that come about in the same way. "
        f"With {counted(test.rows, 'test row')} the sealed test alone cannot "
        f"tell apart values from {printer.interval(test.low, test.high)}.",
        "If the world changes after the data was collected, the figures above no longer hold. Score fresh rows "
        f"{'with known answers ' if targets else ''}now and then, and compare.",
        *(["A prediction is not a cause: changing an input of a case need not change its outcome."] if targets else []),
        f"{'Errors' if targets else 'Scores'} were not compared between groups of people. Do that before decisions "
        "about people depend on it.",
        *(
            [sentence(f"The answer of the workflow is not this {model}: {evidence.answer}")]
            if evidence.answer.use != model
            else []
        ),
    ]
    return CardPart("Limits", items=items)


def _code(problem: str) -> str:
    return "\n".join(
        (
            "from pathlib import Path",
            "",
            "import pandas as pd",
            "",
            "from src.saved.saved_model import load_model",
            "",
            f'model = load_model(Path("results/{problem}/model"))',
            'predictions = model.predict(pd.read_csv("new_rows.csv"))',
        )
    )
