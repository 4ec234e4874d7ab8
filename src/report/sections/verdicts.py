"""Verdicts as statements, and all of them in one table."""

from collections.abc import Sequence

from src.core.text import count, counted
from src.report.blocks import Finding, Section, Table, Text
from src.report.evidence import Evidence
from src.report.honesty import read_honesty
from src.report.words import VERDICTS, Statement, sentence, share, spoken
from src.results.verdicts import Verdict

# The verdict of `evaluate` on more rows, which has a section of its own.
DATA_VERDICT = "more_data_would_help"


def all_verdicts(evidence: Evidence) -> Section:
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
                    for step, verdict in evidence.verdicts
                ],
                prose=True,
            ),
        ],
    )


def trust() -> Text:
    """How often this workflow is right, where that can be known."""
    honesty = read_honesty()
    return Text(
        f"How far to trust such verdicts was measured on {counted(honesty.problems_without_signal, 'problem')} without "
        f"any signal and {count(honesty.problems_with_signal)} with a known one, by the command "
        "python -m benchmarks.honesty. Where there was nothing to learn, a network was said to beat common sense in "
        f"{share(honesty.false_claims)} of the problems ({share(honesty.allowed_claims)} would be allowed). The 95% "
        "interval of the cross-validated measure held the true value in "
        f"{share(honesty.coverage_cross_validation)}, that of the sealed test in {share(honesty.coverage_test)}."
    )


def statement(verdict: Verdict) -> str:
    """The verdict as a statement that is true whichever way it went."""
    name = sentence(spoken(verdict.name)).rstrip(".")
    wording = VERDICTS.get(verdict.name, Statement(name, f"{name}: does not hold", f"{name}: no sure difference"))
    if verdict.holds:
        return wording.holds
    return wording.unsure if verdict.comparison and verdict.comparison.outcome == "not sure" else wording.fails


def findings(verdicts: Sequence[Verdict]) -> list[Finding]:
    return [Finding(verdict.holds, statement(verdict), sentence(verdict.evidence)) for verdict in verdicts]
