"""The model card in Markdown says what the model is for, how good it is and where it ends."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from src.core.files import Layout
from src.report.evidence import read_evidence
from src.report.page import render_card, render_page
from tests.report.examples import TYPES, example
from tests.report.written_results import write_results

Results = Callable[[str], Layout]
PARTS = ["Intended use", "Data", "Protocol", "Model", "Performance", "Limits", "How to load it"]


@pytest.mark.parametrize("kind", TYPES)
def test_the_card_has_all_its_parts(results: Results, kind: str) -> None:
    card = render_card(read_evidence(results(kind)))
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == PARTS
    assert not re.search(r"\b(nan|None|inf)\b", card)


def test_the_card_states_sizes_scores_and_intervals(results: Results) -> None:
    evidence = read_evidence(results("binary"))
    card, cross, test = (
        render_card(evidence),
        evidence.evaluate.cross_validation,
        evidence.evaluate.test,
    )
    assert f"Training data: {evidence.prepared.rows} rows of {evidence.validate.rows}." in card
    assert f"| {cross.mean:.1%} | {cross.low:.1%} to {cross.high:.1%} |" in card
    assert f"| {test.value:.1%} | {test.low:.1%} to {test.high:.1%} |" in card
    assert evidence.settings.question in card


def test_tables_are_tables(results: Results) -> None:
    lines = render_card(read_evidence(results("binary"))).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 7
    assert {line.count("|") for line in table} == {4}
    start = lines.index(table[0])
    assert lines[start : start + 7] == table
    assert lines[start - 1] == ""


def test_the_card_of_a_shallow_model_describes_it_and_says_where_the_network_lies(results: Results) -> None:
    evidence = read_evidence(results("binary"))
    evaluated = evidence.evaluate.model_copy(update={"recommended": "shallow model"})
    card = render_card(replace(evidence, evaluate=evaluated))
    model = card.split("## Model\n")[1].split("\n## ")[0]
    assert "Shallow model: linear, scikit-learn’s LogisticRegression with max\\_iter 1000" in model
    assert "It reads 4 numbers per row" in model
    assert f"it lies in results/{evidence.problem}/alternative" in model
    assert "Training: " not in model
    estimate = evaluated.shallow_estimate
    first = next(line for line in card.splitlines() if line.startswith("| Shallow model"))
    assert first.endswith(f"| {estimate.value:.1%} | {estimate.low:.1%} to {estimate.high:.1%} |")
    assert "by a network" not in card.split("## Protocol\n")[1].split("\n## ")[0]
    assert "The answer of the workflow is not this" not in card


def test_a_model_that_is_not_recommended_says_so_among_its_limits(results: Results) -> None:
    evidence = read_evidence(results("binary"))
    evaluated = evidence.evaluate.model_copy(update={"recommended": "common sense"})
    limits = render_card(replace(evidence, evaluate=evaluated)).split("## Limits")[1]
    assert "is not this shallow model: " in limits


def test_names_from_the_data_stay_literal_in_markdown(tmp_path: Path) -> None:
    given = replace(example("binary"), targets=["a|b <script> *c* [d](e) `f`\n# g"])
    card = render_card(read_evidence(write_results(tmp_path, given)))
    assert "a\\|b &lt;script&gt; \\*c\\* \\[d\\](e) \\`f\\` # g" in card
    assert "<script>" not in card


def test_the_card_on_the_page_is_the_card_in_the_file(results: Results) -> None:
    evidence = read_evidence(results("multiclass"))
    page = render_page(evidence)
    for title in PARTS:
        assert f"<h3>{title}</h3>" in page
    assert f"results/{evidence.problem}/model" in page
    assert f"results/{evidence.problem}/model" in render_card(evidence)
