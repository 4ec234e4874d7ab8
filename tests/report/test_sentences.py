"""No headline, verdict or summary says more than its interval, whatever the numbers are."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.core.files import Layout
from src.judging.evaluation import recommended, verdict_of
from src.judging.printer import printer_of, worded
from src.report.answer import answer
from src.report.card import card
from src.report.evidence import Evidence, read_evidence
from src.report.sections.verdicts import statement
from src.report.words import VERDICTS
from src.results.evaluate import Evaluate
from src.results.verdicts import AGAINST_SHALLOW, GATE, SHALLOW_GATE, Comparison, Estimate, Verdict
from tasks.summary import summary

Results = Callable[[str], Layout]
CLAIMS = re.compile(r"\b(better|worse|beats?|helps?|help|still|more|makes)\b")
COMPARING = sorted(name for name, said in VERDICTS.items() if said.unsure)
NAMES = {GATE: ("network", "sense"), AGAINST_SHALLOW: ("network", "shallow"), SHALLOW_GATE: ("shallow", "sense")}


@st.composite
def scores(draw: st.DrawFn) -> dict[str, Any]:
    """Values of the three models, of the sealed test, and half widths of all intervals."""
    values = {name: draw(st.floats(0.3, 0.99)) for name in ("network", "shallow", "sense", "test")}
    if draw(st.booleans()):
        values["shallow"] = values["network"] + draw(st.sampled_from([0.0, 1e-4, -0.004]))
    halves = {name: draw(st.floats(1e-4, 0.2)) for name in (*COMPARING, "cross", "test", "plain")}
    return {"values": values, "halves": halves}


def evaluated(evidence: Evidence, drawn: dict[str, Any]) -> Evaluate:
    """The result with the drawn numbers, put into words as the step `evaluate` does."""
    base, values, halves = evidence.evaluate, drawn["values"], drawn["halves"]
    sign = 1 if base.direction == "maximize" else -1
    verdicts = []
    for name in COMPARING:
        model, reference = NAMES.get(name, ("network", "shallow"))
        gain = sign * (values[model] - values[reference])
        comparison = Comparison(
            measure=base.measure,
            where="the evaluation folds",
            model=model,
            reference=reference,
            model_value=values[model],
            reference_value=values[reference],
            gain=Estimate(value=gain, low=gain - halves[name], high=gain + halves[name]),
            p_value=0.5,
            method="a test",
        )
        verdicts.append(verdict_of(name, comparison))
    agrees = [verdict for verdict in base.verdicts if verdict.comparison is None]
    cross, test = base.cross_validation, base.test
    changes = {
        "baseline": values["sense"],
        "shallow": values["shallow"],
        "shallow_estimate": Estimate(**_around(values["shallow"], halves["plain"], "value")),
        "cross_validation": cross.model_copy(update=_around(values["network"], halves["cross"], "mean")),
        "test": test.model_copy(update=_around(values["test"], halves["test"], "value")),
        "recommended": recommended({verdict.name: verdict.holds for verdict in verdicts}),
        "verdicts": [*verdicts, *agrees],
    }
    return worded(base.model_copy(update=changes))


def _around(value: float, half: float, name: str) -> dict[str, float]:
    return {name: value, "low": value - half, "high": value + half}


@given(drawn=scores(), kind=st.sampled_from(["binary", "regression"]))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_sentence_claims_a_difference_that_is_not_sure_and_numbers_read_alike(results: Results, drawn, kind):
    evidence = read_evidence(results(kind))
    found = evaluated(evidence, drawn)
    evidence = replace(evidence, evaluate=found)
    printer = printer_of(found, evidence.settings.unit)
    told = answer(evidence, printer)
    first, test, second, sense = (tile.value for tile in told.tiles)
    shown = dict(zip(found.saved_first, (first, second), strict=True)) | {"sense": sense}
    estimate = found.saved_estimate
    assert f"95% interval {printer.interval(estimate.low, estimate.high)}" in told.tiles[0].note
    assert "simpler one" not in " ".join([told.lead, *map(statement, found.verdicts)])
    holds = {verdict.name: verdict.holds for verdict in found.verdicts}
    for verdict in found.verdicts:
        of = verdict.comparison
        if of is None:
            continue
        sure = of.gain.low > 0 or of.gain.high < 0
        assert verdict.holds == (of.gain.low > 0)
        assert bool(CLAIMS.search(statement(verdict).split(":")[0])) == sure
        assert bool(CLAIMS.search(verdict.evidence)) == sure
        assert f"{of.model} {shown[of.model]}, {of.reference} {shown[of.reference]};" in verdict.evidence
    assert all(re.search(rf"\b{re.escape(value)}(?!\d)", " ".join(told.sentences)) for value in (first, second))
    assert test in " ".join(told.sentences)
    if "network." in told.headline and "not needed" not in told.headline:
        assert holds[GATE]
    if "use the shallow model" in told.headline:
        assert holds[SHALLOW_GATE]
        assert not (holds[GATE] and holds[AGAINST_SHALLOW])
    if re.search(r"surely better than common sense and than the best shallow", told.lead):
        assert holds[GATE]
        assert holds[AGAINST_SHALLOW]
    against = next(verdict.comparison for verdict in found.verdicts if verdict.name == AGAINST_SHALLOW)
    if found.recommended != "common sense":
        assert ("no sure difference" in told.lead) == (against.outcome == "not sure")
    if "no sure difference" not in told.lead and "common sense and than the network" not in told.lead:
        assert found.recommended == "common sense" or against.outcome != "not sure"
    performance = next(part for part in card(evidence, printer).parts if part.title == "Performance")
    assert {first, test, second, sense} <= {cell for row in performance.table.rows for cell in row}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("summaries")


@given(drawn=scores())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_summary_on_the_terminal_says_yes_where_a_difference_is_sure(results: Results, room: Path, drawn):
    evidence = read_evidence(results("binary"))
    found, layout = evaluated(evidence, drawn), Layout("drawn", room)
    found.write(layout.result("evaluate"))
    page = summary([layout])
    flat = re.sub(r"\s+", " ", page)
    text = printer_of(found).bare
    assert re.search(rf"drawn +{re.escape(text(found.baseline))} +{re.escape(text(found.shallow))} \[", page)
    for verdict in found.verdicts:
        word = "yes" if verdict.holds else "no"
        assert f"{word} {verdict.name.replace('_', ' ')}: {verdict.evidence}".replace("  ", " ") in flat
        assert verdict.comparison is None or verdict.holds == ("surely better" in verdict.evidence)


@pytest.mark.parametrize("name", COMPARING)
def test_what_is_said_of_an_open_comparison_claims_nothing(name: str):
    assert not CLAIMS.search(VERDICTS[name].unsure.split(":")[0])
    assert VERDICTS[name].unsure.startswith("No sure difference between ")


def test_a_verdict_without_words_of_its_own_says_that_no_difference_is_sure():
    open_gain = Estimate(value=0.1, low=-0.1, high=0.3)
    of = Comparison(
        measure="mae",
        where="the evaluation folds",
        model="network",
        reference="common sense",
        model_value=1.0,
        reference_value=1.1,
        gain=open_gain,
        p_value=0.3,
        method="a test",
    )
    said = statement(verdict_of("head_age_beats_common_sense", of))
    assert said == "Head age beats common sense: no sure difference"
    assert statement(Verdict(name="odd_thing", holds=False, evidence="x")) == "Odd thing: does not hold"
