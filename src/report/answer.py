"""The answer in one paragraph: what was asked, whether the model is worth using, how good, how sure, what to use."""

from src.core.text import counted
from src.judging.printer import Printer
from src.report.blocks import Answer, Tile
from src.report.evidence import Evidence
from src.report.words import clause, sentence, spoken, task
from src.results.verdicts import AGAINST_SHALLOW, SEALED_TEST_VERDICT
from src.results.wording import scored

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
        "not sure": f"{UNSURE} So take the simpler one, which is surely better than common sense.",
        "worse": "It is surely better than common sense and than the network, whose gain on it is {gain}.",
    },
}


def answer(evidence: Evidence, printer: Printer) -> Answer:
    """Put the outcome of `evaluate` into a headline, a paragraph and a strip of numbers."""
    prepared, result, cross = evidence.prepared, evidence.evaluate, evidence.evaluate.cross_validation
    headline, tone = HEADLINES[evidence.answer.use]
    times = f", repeated {cross.repeats} times," if cross.repeats > 1 else ""
    protocol = f"In cross-validation with {cross.folds} folds{times}" if cross.folds > 1 else "On the held-out rows"
    verdicts = {verdict.name: verdict.holds for verdict in result.verdicts}
    aside = ", which learns nothing from the inputs," if prepared.targets else ""
    sentences = [
        f"A network learnt to {task(prepared)} from "
        f"{counted(len(prepared.features), 'column')} of {counted(prepared.rows, 'training row')}.",
        f"{protocol} the network’s {printer.title} ({clause(printer)}) is {printer.value(cross.mean)}, "
        f"with a 95% interval from {printer.interval(cross.low, cross.high)}.",
        f"Common sense{aside} gets {printer.bare(result.baseline)}; the shallow model "
        f"gets {printer.bare(result.shallow)}.",
        f"The sealed test set, {counted(result.test.rows, 'row')} that no earlier step could read, was "
        f"{scored(result.test.opening)}: the network gets {printer.bare(result.test.value)} "
        f"({printer.interval(result.test.low, result.test.high)}), the shallow model "
        f"{printer.bare(result.shallow_test.value)} "
        f"({printer.interval(result.shallow_test.low, result.shallow_test.high)}). The network’s score "
        + (
            "agrees with cross-validation."
            if verdicts[SEALED_TEST_VERDICT]
            else "disagrees with cross-validation: trust neither interval alone."
        ),
    ]
    shallow, common_sense = (spoken(r.name) for r in (evidence.baseline.shallow, evidence.baseline.common_sense))
    tiles = [
        Tile(
            "Network, cross-validated",
            printer.bare(cross.mean),
            printer.unit_words,
            f"95% interval {printer.interval(cross.low, cross.high)}",
            "network",
        ),
        Tile(
            "Network, sealed test",
            printer.bare(result.test.value),
            printer.unit_words,
            f"95% interval {printer.interval(result.test.low, result.test.high)}",
            "accent",
        ),
        Tile(
            "Shallow model",
            printer.bare(result.shallow),
            printer.unit_words,
            f"{shallow}; sealed test {printer.bare(result.shallow_test.value)}",
            "shallow",
        ),
        Tile(
            "Common sense",
            printer.bare(result.baseline),
            printer.unit_words,
            common_sense,
            "common-sense",
        ),
    ]
    return Answer(headline, reason(evidence, printer), sentences, tiles, tone)


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
    return REASONS[result.recommended][against.outcome].format(gain=gain)
