"""The answer in one paragraph: what was asked, whether the model is worth using, how good, how sure, what to use."""

from src.core.text import counted
from src.judging.printer import Printer
from src.report.blocks import Opening, Tile
from src.report.evidence import Evidence
from src.report.words import clause, sentence, spoken, task
from src.results.verdicts import AGAINST_SHALLOW, SEALED_TEST_VERDICT
from src.results.wording import MODELS, scored

# Headline and tone by what the answer is.
HEADLINES = {
    "network": ("Yes: use the network.", "good"),
    "shallow model": ("Yes, but a network is not needed: use the shallow model.", "good"),
    "common sense": ("No: stay with common sense.", "bad"),
    "nothing": ("No answer: the data are not fit to learn from.", "bad"),
}


UNSURE = "Between the network and the shallow model there is no sure difference: the network gains {gain}."
ONLY_NETWORK = "Of the two only the network is surely better than common sense."
# Why a model is recommended, by how the network compares with the shallow model.
REASONS = {
    "network": {
        "better": "It is surely better than common sense and than the shallow model, than the latter by {gain}.",
        "not sure": f"{UNSURE} {ONLY_NETWORK}",
        "worse": "The shallow model is surely better than the network, whose gain is {gain}. " + ONLY_NETWORK,
    },
    "shallow model": {
        "better": "It is surely better than common sense; of the network, which gains {gain} on it, that is not sure.",
        "not sure": f"{UNSURE} The shallow model, which needs no network, is surely better than common sense.",
        "worse": "It is surely better than common sense and than the network, whose gain on it is {gain}.",
    },
}
# Where rows are in time order.
CHOSEN_HERE = "These folds also chose the models, so such gains are on the optimistic side."


def answer(evidence: Evidence, printer: Printer) -> Opening:
    """Put the outcome of `evaluate` into a headline, a paragraph and a strip of numbers."""
    prepared, result, cross = evidence.prepared, evidence.evaluate, evidence.evaluate.cross_validation
    headline, tone = HEADLINES[evidence.answer.use]
    saved, other = result.saved_first
    estimate, test = result.saved_estimate, result.saved_test
    times = f", repeated {cross.repeats} times," if cross.repeats > 1 else ""
    protocol = f"In cross-validation with {cross.folds} folds{times}" if cross.folds > 1 else "On the held-out rows"
    verdicts = {verdict.name: verdict.holds for verdict in result.verdicts}
    aside = ", which learns nothing from the inputs," if prepared.targets else ""
    sentences = [
        f"A network and a shallow model learnt to {task(prepared)} from "
        f"{counted(len(prepared.features), 'column')} of {counted(prepared.rows, 'training row')}.",
        f"{protocol} the {MODELS[saved]}’s {printer.title} ({clause(printer)}) is {printer.value(estimate.value)}, "
        f"with a 95% interval from {printer.interval(estimate.low, estimate.high)}.",
        f"The {MODELS[other]} gets {printer.with_interval(result.estimates[other])}; common sense{aside} gets "
        f"{printer.bare(result.baseline)}.",
        f"The sealed test set, {counted(test.rows, 'row')} that no earlier step could read, was "
        f"{scored(result.test.opening)}: the {MODELS[saved]} gets {printer.with_interval(test)}, the {MODELS[other]} "
        f"{printer.with_interval(result.tests[other])}. The {MODELS[saved]}’s score "
        + (
            "agrees with cross-validation."
            if verdicts[SEALED_TEST_VERDICT]
            else "disagrees with cross-validation: trust neither interval alone."
        ),
    ]
    called = {"network": "", "shallow": f"{spoken(evidence.baseline.shallow.name)}; "}
    tiles = [
        Tile(
            f"{sentence(MODELS[saved])[:-1]}, cross-validated",
            printer.bare(estimate.value),
            printer.unit_words,
            f"{called[saved]}95% interval {printer.interval(estimate.low, estimate.high)}",
            saved,
        ),
        Tile(
            f"{sentence(MODELS[saved])[:-1]}, sealed test",
            printer.bare(test.value),
            printer.unit_words,
            f"95% interval {printer.interval(test.low, test.high)}",
            "accent",
        ),
        Tile(
            sentence(MODELS[other])[:-1],
            printer.bare(result.estimates[other].value),
            printer.unit_words,
            f"{called[other]}sealed test {printer.bare(result.tests[other].value)}",
            other,
        ),
        Tile(
            "Common sense",
            printer.bare(result.baseline),
            printer.unit_words,
            spoken(evidence.baseline.common_sense.name),
            "common-sense",
        ),
    ]
    return Opening(headline, reason(evidence, printer), sentences, tiles, tone)


def reason(evidence: Evidence, printer: Printer) -> str:
    """Why that is the answer: what is sure, and by how much."""
    result = evidence.evaluate
    if evidence.answer.use == "nothing":
        broken = " ".join(sentence(verdict.evidence) for verdict in evidence.answer.broken)
        return f"No score below says anything about new rows until this is corrected. {broken}"
    if result.recommended == "common sense":
        return "No model is surely better than common sense, which needs no learning."
    compared = {verdict.name: verdict.comparison for verdict in result.verdicts}
    against = compared[AGAINST_SHALLOW]
    assert against is not None
    gain = printer.gain(against.gain, against.model_value, against.reference_value)
    why = REASONS[result.recommended][against.outcome].format(gain=gain)
    return f"{why} {CHOSEN_HERE}" if against.chosen_here else why
