"""The answer in one paragraph: what was asked, whether the model is worth using, how good, how sure, what to use."""

from dataclasses import dataclass

from src.report.blocks import Answer, Tile
from src.report.evidence import Evidence
from src.report.words import Printer, counted, listing, spoken, type_words


@dataclass(frozen=True)
class Recommendation:
    headline: str
    reason: str
    tone: str


RECOMMENDATIONS = {
    "network": Recommendation("Yes: use the network.", "It beats common sense, and {against_shallow}.", "good"),
    "shallow model": Recommendation(
        "Yes, but a network is not needed: use the shallow model.",
        "The network beats common sense, but the simpler model scores better still, and is easier to run.",
        "good",
    ),
    "common sense": Recommendation(
        "No: stay with common sense.",
        "What the network learnt does not beat an answer that needs no learning by more than luck could explain.",
        "bad",
    ),
}


def answer(evidence: Evidence, printer: Printer) -> Answer:
    """Put the outcome of `evaluate` into a headline, a paragraph and a strip of numbers."""
    prepared, result, cross = evidence.prepared, evidence.evaluate, evidence.evaluate.cross_validation
    recommendation = RECOMMENDATIONS[result.recommended]
    times = f", repeated {cross.repeats} times," if cross.repeats > 1 else ""
    protocol = f"In cross-validation with {cross.folds} folds{times}" if cross.folds > 1 else "On the held-out rows"
    verdicts = {verdict.name: verdict.holds for verdict in result.verdicts}
    against_shallow = (
        "it beats the best shallow model too"
        if verdicts["beats_shallow_model"]
        else "it scores better than the best shallow model, though not by more than luck could explain"
    )
    sentences = [
        f"A network learnt to predict {listing(prepared.targets)} ({type_words(prepared.type, prepared.targets)}) from "
        f"{counted(len(prepared.features), 'column')} of {counted(prepared.rows, 'training row')}.",
        f"{protocol} the network’s {printer.title} ({printer.clause}) is {printer.value(cross.mean)}, "
        f"with a 95% interval from {printer.interval(cross.low, cross.high)}.",
        f"Common sense, which learns nothing from the inputs, gets {printer.bare(result.baseline)}; the best shallow "
        f"model gets {printer.bare(result.shallow)}.",
        f"The sealed test set, {counted(result.test.rows, 'row')} that no earlier step could read, was scored once: "
        f"{printer.bare(result.test.value)} ({printer.interval(result.test.low, result.test.high)}). "
        + (
            "It agrees with cross-validation."
            if verdicts["test_agrees_with_cross_validation"]
            else "It disagrees with cross-validation: trust neither interval alone."
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
        Tile("Shallow model", printer.bare(result.shallow), printer.unit_words, shallow, "shallow"),
        Tile(
            "Common sense",
            printer.bare(result.baseline),
            printer.unit_words,
            common_sense,
            "common-sense",
        ),
    ]
    lead = recommendation.reason.format(against_shallow=against_shallow)
    return Answer(recommendation.headline, lead, sentences, tiles, recommendation.tone)
