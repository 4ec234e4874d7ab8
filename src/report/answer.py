"""The answer in one paragraph: what was asked, whether the model is worth using, how good, how sure, what to use."""

from dataclasses import dataclass

from src.report.blocks import Answer, Tile
from src.report.evidence import Evidence
from src.report.words import TYPES, Printer, counted, listing


@dataclass(frozen=True)
class Recommendation:
    headline: str
    reason: str
    tone: str


RECOMMENDATIONS = {
    "network": Recommendation(
        "Yes: use the network.",
        "It beats common sense and the best shallow model, so what it learnt is worth its size.",
        "good",
    ),
    "shallow model": Recommendation(
        "Yes, but a network is not needed: use the shallow model.",
        "The simpler model does at least about as well and is easier to run and to explain.",
        "good",
    ),
    "common sense": Recommendation(
        "No: stay with common sense.",
        "Nothing that was learnt beats an answer that needs no learning, so no model here is worth its cost.",
        "bad",
    ),
}


def answer(evidence: Evidence, printer: Printer) -> Answer:
    """Put the outcome of `evaluate` into a headline, a paragraph and a strip of numbers."""
    result, cross = evidence.evaluate, evidence.evaluate.cross_validation
    recommendation = RECOMMENDATIONS[result.recommended]
    times = f", repeated {cross.repeats} times" if cross.repeats > 1 else ""
    protocol = f"{cross.folds}-fold cross-validation{times}" if cross.folds > 1 else "the held-out rows"
    agrees = result.test.low <= cross.mean <= result.test.high
    sentences = [
        f"To answer this, {TYPES[evidence.prepared.type]} was predicted for {listing(evidence.prepared.targets)} from "
        f"{counted(len(evidence.prepared.features), 'column')}.",
        f"In {protocol}, the network’s {printer.title} ({printer.clause}) is {printer.value(cross.mean)}, "
        f"with a 95% interval from {printer.interval(cross.low, cross.high)}.",
        f"Common sense, which learns nothing from the inputs, gets {printer.bare(result.baseline)}; the best shallow "
        f"model gets {printer.bare(result.shallow)}.",
        f"The sealed test set, {counted(result.test.rows, 'row')} that no earlier step could read, was scored once: "
        f"{printer.bare(result.test.value)} ({printer.interval(result.test.low, result.test.high)}). "
        + (
            "It agrees with cross-validation."
            if agrees
            else "Cross-validation’s estimate lies outside that interval, so trust it less than its own interval says."
        ),
        recommendation.reason,
    ]
    shallow = evidence.baseline.shallow.name
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
            evidence.baseline.common_sense.name,
            "common-sense",
        ),
    ]
    return Answer(recommendation.headline, sentences, tiles, recommendation.tone)
