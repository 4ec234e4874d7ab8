"""The report as a reader gets it: complete, true to the files, safe, and the same every time."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from src.core.files import Layout
from src.judging.evaluation import verdict_of
from src.report.evidence import Evidence, read_evidence
from src.report.honesty import read_honesty
from src.report.page import render_page
from src.report.sections.columns import columns as columns_section
from src.results.baseline import FoldScores
from src.results.data import ColumnSummary, Finding, Validation
from src.results.verdicts import Choice, Estimate
from tests.report.examples import TYPES, example
from tests.report.written_results import write_results

Results = Callable[[str], Layout]

SECTIONS = (
    "question",
    "table",
    "data",
    "balance",
    "choices",
    "protocol",
    "baselines",
    "overfit",
    "search",
    "evaluation",
    "data-size",
    "errors",
    "test",
    "verdicts",
    "card",
)
AGES = {"lowest": "0", "middle": "30", "highest": "99", "histogram": [0, 20, 10]}
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Document(HTMLParser):
    """Tags with their attributes, the visible text, and whether every element is closed where it should be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def attributes(self, *names: str) -> list[str]:
        return [value or "" for _, attributes in self.tags for name, value in attributes.items() if name in names]


@pytest.fixture(scope="session")
def pages(results: Results) -> Callable[[str], str]:
    made: dict[str, str] = {}

    def of(kind: str) -> str:
        if kind not in made:
            made[kind] = render_page(read_evidence(results(kind)))
        return made[kind]

    return of


@pytest.mark.parametrize("kind", TYPES)
def test_every_section_is_there_in_the_order_of_the_workflow(pages: Callable[[str], str], kind: str) -> None:
    document = Document(pages(kind))
    sections = [attributes["id"] for tag, attributes in document.tags if tag == "section"]
    without = set() if example(kind).targets else {"balance"}
    assert sections == ["answer", *(name for name in SECTIONS if name not in without)]
    assert document.open == []


@pytest.mark.parametrize("kind", TYPES)
def test_the_page_loads_nothing_and_runs_nothing(pages: Callable[[str], str], kind: str) -> None:
    document = Document(pages(kind))
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in document.tags}
    for address in document.attributes("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
        assert address.startswith(("#", "data:image/png;base64,")), address
    assert all(address.startswith("#") for address in re.findall(r"url\(['\"]?([^)]*)", pages(kind)))
    assert "@import" not in pages(kind)
    assert not [name for _, attributes in document.tags for name in attributes if name.startswith("on")]


def test_the_page_forbids_itself_to_load_anything(pages: Callable[[str], str]) -> None:
    policy = next(a["content"] for t, a in Document(pages("binary")).tags if "http-equiv" in a)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize("kind", TYPES)
def test_identifiers_are_unique_and_every_inner_link_arrives(pages: Callable[[str], str], kind: str) -> None:
    document = Document(pages(kind))
    identifiers = document.attributes("id")
    assert len(identifiers) == len(set(identifiers))
    links = [link[1:] for link in document.attributes("href", "xlink:href") if link.startswith("#")]
    links += re.findall(r"url\(#([^)]*)\)", pages(kind))
    links += " ".join(document.attributes("aria-labelledby")).split()
    assert links
    assert set(links) <= set(identifiers)


@pytest.mark.parametrize("kind", TYPES)
def test_no_missing_number_reaches_the_reader(pages: Callable[[str], str], kind: str) -> None:
    assert not re.search(r"\b(nan|None|inf|NaT|null)\b", Document(pages(kind)).text)


@pytest.mark.parametrize("kind", TYPES)
def test_every_figure_is_described_and_every_table_has_headers(pages: Callable[[str], str], kind: str) -> None:
    tags = Document(pages(kind)).tags
    count = {name: sum(tag == name for tag, _ in tags) for name in ("svg", "figure", "figcaption", "table", "caption")}
    assert count["svg"] == count["figure"] == count["figcaption"] >= 10
    assert count["table"] == count["caption"] > 0
    assert all(a.get("role") == "img" and a.get("aria-label") for tag, a in tags if tag == "svg")
    assert all(a.get("scope") in ("row", "col") for tag, a in tags if tag == "th")
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_colours_leave_the_figures_to_the_page(pages: Callable[[str], str]) -> None:
    """Every colour of a figure is a variable of the page (so that dark and print work), or black or none."""
    figures = re.findall(r"<svg.*?</svg>", pages("binary") + pages("regression"), re.DOTALL)
    assert {color.lower() for figure in figures for color in re.findall(r"#[0-9a-fA-F]{6}\b", figure)} <= {"#000000"}


def test_the_same_results_give_the_same_bytes(pages: Callable[[str], str], results: Results) -> None:
    assert render_page(read_evidence(results("binary"))) == pages("binary")


def test_the_answer_states_the_values_of_the_files(pages: Callable[[str], str], results: Results) -> None:
    evaluated = read_evidence(results("binary")).evaluate
    answer = Document(re.search(r'<section id="answer".*?</section>', pages("binary"), re.DOTALL)[0]).text  # type: ignore[index]
    cross, test = evaluated.cross_validation, evaluated.test
    for value in (cross.mean, cross.low, cross.high, test.value, test.low, test.high, evaluated.baseline):
        assert f"{value:.1%}" in answer
    assert f"{test.rows} rows" in answer


def test_a_value_that_changes_in_a_file_changes_on_the_page(results: Results) -> None:
    evidence = read_evidence(results("regression"))
    cross = evidence.evaluate.cross_validation.model_copy(update={"mean": 34.5678})
    changed = replace(evidence, evaluate=evidence.evaluate.model_copy(update={"cross_validation": cross}))
    assert "34.6 points" in Document(render_page(changed)).text
    assert "34.6" not in Document(render_page(evidence)).text


def test_tables_show_every_rung_baseline_and_candidate(pages: Callable[[str], str], results: Results) -> None:
    evidence, text = read_evidence(results("binary")), Document(pages("binary")).text
    for rung in evidence.overfit.rungs:
        assert f"{rung.parameters:,} {rung.turning_epoch} {rung.best_validation:.1%}" in text
    for reference in (*evidence.baseline.common_sense_all, *evidence.baseline.shallow_all):
        assert f"{reference.development.mean:.1%} {reference.evaluation.mean:.1%}" in text
    for _, row in evidence.candidates.iterrows():
        assert f"{row['epochs']} {row['trained_epochs']} {row['mean']:.1%}" in text


def test_every_verdict_and_automatic_choice_is_printed_with_its_reason(
    pages: Callable[[str], str], results: Results
) -> None:
    evidence, text = read_evidence(results("multiclass")), Document(pages("multiclass")).text.casefold()
    steps = (evidence.validate, evidence.baseline, evidence.overfit, evidence.regularize, evidence.evaluate)
    for verdict in (verdict for step in steps for verdict in step.verdicts):
        assert text.count(verdict.evidence.casefold()) >= 2, verdict.name
    for choice in (*evidence.prepared.choices, *evidence.evaluate.choices):
        assert choice.reason.casefold() in text


@pytest.mark.parametrize(
    ("holds", "words"), [(True, "would probably help"), (False, "no more than luck could explain")]
)
def test_the_curve_over_the_number_of_rows_is_shown_with_what_it_says(
    results: Results, holds: bool, words: str
) -> None:
    evidence = read_evidence(results("binary"))
    verdicts = [v.model_copy(update={"holds": holds}) for v in evidence.evaluate.verdicts]
    evaluated = evidence.evaluate.model_copy(update={"verdicts": verdicts})
    page = render_page(replace(evidence, evaluate=evaluated))
    section = re.search(r'<section id="data-size".*?</section>', page, re.DOTALL)[0]  # type: ignore[index]
    text = Document(section).text
    assert words in text
    for point in evaluated.sample_sizes:
        assert f"{point.rows:,} {point.share:.1%} {point.value:.1%}" in text
    without = evaluated.model_copy(update={"sample_sizes": evaluated.sample_sizes[-1:]})
    assert 'id="data-size"' not in render_page(replace(evidence, evaluate=without))


def test_predicted_values_are_said_to_have_intervals_and_how_often_they_held_on_the_test(results: Results) -> None:
    evidence = read_evidence(results("regression"))
    test = evidence.sealed_test
    for target, half in evidence.evaluate.half_widths.items():
        within = ((test[f"actual__{target}"] - test[f"predicted__{target}"]).abs() <= half).mean()
        assert f"it held {within:.1%} of {len(test)} rows" in Document(render_page(evidence)).text


def test_the_page_says_how_often_such_verdicts_were_right_and_warns_of_optimism(results: Results) -> None:
    found, text = read_honesty(), Document(render_page(read_evidence(results("binary")))).text
    assert f"beat common sense in {found.false_claims:.1%} of the problems" in text
    assert f"held the true value in {found.coverage_cross_validation:.1%}" in text
    assert f"that of the sealed test in {found.coverage_test:.1%}" in text
    for optimism in (found.optimism.search, found.optimism.evaluation_folds, found.optimism.nested):
        assert f"{abs(optimism):.2f} standard errors too {'good' if optimism > 0 else 'bad'}" in text


def test_a_model_of_the_folds_networks_is_said_to_be_one(results: Results) -> None:
    evidence = read_evidence(results("binary"))
    assert "fitted anew to all" in render_page(evidence)
    evaluated = evidence.evaluate.model_copy(update={"final": "fold_ensemble"})
    page = render_page(replace(evidence, evaluate=evaluated))
    assert "fitted anew to all" not in page
    assert "the average of the networks that scored the evaluation folds once" in page


def test_a_verdict_that_does_not_hold_says_so_in_words_and_mark(results: Results) -> None:
    evidence = read_evidence(results("binary"))
    gate, *others = evidence.evaluate.verdicts
    open_gate = gate.comparison.model_copy(update={"gain": Estimate(value=0.01, low=-0.01, high=0.03)})
    verdicts = [verdict_of(gate.name, open_gate), *others]
    evaluated = evidence.evaluate.model_copy(update={"verdicts": verdicts, "recommended": "common sense"})
    page = render_page(replace(evidence, evaluate=evaluated))
    assert "does not hold: ✗ No sure difference between the network and common sense." in re.sub(
        r"✗ does not hold:", "does not hold: ✗", Document(page).text
    )
    assert "No: stay with common sense." in page
    assert '<li class="fails">' in page


@pytest.mark.parametrize(
    ("recommended", "words"),
    [
        ("network", "Yes: use the network."),
        ("shallow model", "use the shallow model."),
        ("common sense", "No: stay with common sense."),
    ],
)
def test_the_headline_follows_the_recommendation(results: Results, recommended: str, words: str) -> None:
    evidence = read_evidence(results("binary"))
    evaluated = evidence.evaluate.model_copy(update={"recommended": recommended})
    assert words in render_page(replace(evidence, evaluate=evaluated))


HOSTILE = "<script>alert('1')</script> & $x_{1}$ \"q\" | `c`"


def test_names_from_the_data_are_shown_and_never_run(tmp_path: Path) -> None:
    given = replace(
        example("multiclass"),
        question=f"Is {HOSTILE} safe?",
        features=[f"{HOSTILE} {index}" for index in range(13)],
        targets=["<img src=x onerror=alert(1)>"],
    )
    given.y[given.y == "Barolo"] = "<b>$\\frac"
    page = render_page(read_evidence(write_results(tmp_path, given)))
    document = Document(page)
    assert not {"script", "img", "b"} & {tag for tag, _ in document.tags}
    assert HOSTILE in document.text
    assert "<img src=x onerror=alert(1)>" in document.text
    assert document.text.count("<b>$\\frac") > 3


def test_long_names_and_other_scripts_fit_the_figures(tmp_path: Path) -> None:
    given = example("multiclass")
    y = np.where(
        given.y == "Barolo", "Weißer Burgunder aus der Lage am alten Weinberg am Rhein", given.y.astype("<U80")
    )
    y = np.where(y == "Barbera", "白酒", y)
    page = render_page(read_evidence(write_results(tmp_path, replace(given, y=y))))
    assert "白酒" in page
    assert "Weißer Burgunder aus der Lage am alten Weinberg am Rhein" in page


def nothing_optional(evidence: Evidence) -> Evidence:
    """No findings, no choices, nothing else measured, no unit, no positive class named."""
    return replace(
        evidence,
        settings=evidence.settings.model_copy(update={"unit": ""}),
        validate=evidence.validate.model_copy(update={"findings": []}),
        prepared=evidence.prepared.model_copy(update={"choices": [], "positive": None}),
        evaluate=evidence.evaluate.model_copy(update={"extra": {}}),
    )


def smallest(evidence: Evidence) -> Evidence:
    """A hold-out, one rung, one candidate."""
    first = evidence.overfit.rungs[0]
    alone = evidence.candidates.iloc[:1].assign(best=True, chosen=True)
    score = FoldScores(mean=0.5, scores=[0.5])
    protocol = evidence.prepared.protocol.model_copy(update={"method": "hold_out", "folds": 1, "repeats": 1})
    cross = evidence.evaluate.cross_validation.model_copy(update={"folds": 1, "repeats": 1, "scores": [0.5]})
    return replace(
        evidence,
        prepared=evidence.prepared.model_copy(update={"protocol": protocol}),
        overfit=evidence.overfit.model_copy(update={"rungs": [first], "chosen": 0}),
        overfit_curves=evidence.overfit_curves[evidence.overfit_curves["rung"] == 0],
        candidates=alone[[name for name in alone.columns if not re.fullmatch(r"fold_[2-9]", name)]],
        regularize=evidence.regularize.model_copy(
            update={"candidates": 1, "finalists": 1, "best_score": score, "standard_error": 0.0}
        ),
        evaluate=evidence.evaluate.model_copy(update={"cross_validation": cross}),
        fold_scores=evidence.fold_scores.iloc[:1],
        evaluate_curves=evidence.evaluate_curves[
            (evidence.evaluate_curves["repeat"] == 0) & (evidence.evaluate_curves["fold"] == 0)
        ],
    )


def one_class_in_the_test(evidence: Evidence) -> Evidence:
    """A sealed test set without a single positive row."""
    rows = evidence.predictions
    return replace(evidence, predictions=rows[(rows["split"] != "test") | (rows["actual"] == "benign")])


def certain_and_constant(evidence: Evidence) -> Evidence:
    """A network that says the same of every row."""
    same = {"probability__malignant": 0.0, "probability__benign": 1.0, "predicted": "benign"}
    return replace(evidence, predictions=evidence.predictions.assign(**same))


@pytest.mark.parametrize("spoil", [nothing_optional, smallest, one_class_in_the_test, certain_and_constant])
def test_thin_results_still_make_a_whole_page(results: Results, spoil: Callable[[Evidence], Evidence]) -> None:
    page = render_page(spoil(read_evidence(results("binary"))))
    document = Document(page)
    assert document.open == []
    assert not re.search(r"\b(nan|None|inf)\b", document.text)


def test_a_search_past_the_table_still_shows_the_chosen_candidate(results: Results) -> None:
    import pandas as pd

    evidence = read_evidence(results("binary"))
    chosen = evidence.candidates[evidence.candidates["chosen"]].assign(mean=0.1, fold_1=0.1, fold_2=0.1)
    others = evidence.candidates.iloc[[4] * 60].assign(chosen=False, best=[True] + [False] * 59)
    table = pd.concat([others, chosen], ignore_index=True).assign(candidate=range(61))
    text = Document(render_page(replace(evidence, candidates=table))).text
    assert "The top candidates of 61" in text
    assert "chosen #60" in text


def test_numbers_of_measures_chosen_automatically_are_spoken(results: Results) -> None:
    evidence = read_evidence(results("binary"))
    choices = [Choice(setting="measure", chosen="roc_auc", reason="because")]
    page = render_page(replace(evidence, prepared=evidence.prepared.model_copy(update={"choices": choices})))
    assert "area under the ROC curve" in page


def test_many_points_become_one_picture(results: Results) -> None:
    import pandas as pd

    evidence = read_evidence(results("unit_interval_regression"))
    many = pd.concat([evidence.predictions] * 12, ignore_index=True)
    page = render_page(replace(evidence, predictions=many))
    assert "data:image/png;base64," in page
    assert len(page) < 1_000_000


def test_a_copy_elsewhere_gives_the_same_page(results: Results, tmp_path: Path, pages: Callable[[str], str]) -> None:
    here = results("binary")
    shutil.copytree(here.root, tmp_path / "elsewhere")
    page = render_page(read_evidence(Layout(here.problem, tmp_path / "elsewhere")))
    assert page == pages("binary")
    assert str(tmp_path) not in page


def test_of_rows_in_time_order_nothing_is_called_fresh_or_dealt_out(results: Results):
    evidence = read_evidence(results("regression"))
    protocol = evidence.prepared.protocol.model_copy(update={"method": "k_fold", "order": "temporal"})
    page = render_page(replace(evidence, prepared=evidence.prepared.model_copy(update={"protocol": protocol})))
    assert "rolling origin" in page
    assert "judge them, too" in page
    assert "on the folds that chose them" in page
    for wrong in ("split into", "other folds than those", "fresh folds"):
        assert wrong not in page


@pytest.mark.parametrize(("times", "explained"), [(15.2, True), (1.5, False)])
def test_an_interval_far_wider_than_the_rows_make_it_is_explained(results: Results, times: float, explained: bool):
    evidence = read_evidence(results("regression"))
    cross = evidence.evaluate.cross_validation.model_copy(update={"widened": times})
    evaluated = evidence.evaluate.model_copy(update={"cross_validation": cross})
    page = render_page(replace(evidence, evaluate=evaluated))
    assert ("15 times as wide as one that rests on the rows alone" in page) == explained


def test_differences_of_shares_are_in_percentage_points(results: Results):
    table = re.search(r"<th[^>]*>Behind the best \[percentage points\]", render_page(read_evidence(results("binary"))))
    assert table is not None


def test_of_a_single_fold_nothing_is_said_of_several(results: Results):
    evidence = smallest(read_evidence(results("binary")))
    points = [of.model_copy(update={"scores": of.scores[:1]}) for of in evidence.evaluate.sample_sizes]
    cross = evidence.evaluate.cross_validation.model_copy(update={"half_samples": 0})
    evaluated = evidence.evaluate.model_copy(update={"sample_sizes": points, "cross_validation": cross})
    page = render_page(replace(evidence, evaluate=evaluated))
    assert "Evaluation on a fresh fold" in page
    assert "allow for what other training rows would have changed" in page
    for wrong in ("fresh folds that", "The folds are", "folds share", "each thin line is one fold", "(strokes)"):
        assert wrong not in page


def test_what_a_check_found_is_counted_in_its_sentence_alone(pages: Callable[[str], str]) -> None:
    """A check counts rows, values or columns; a leaking column was one "row" in a table with such a heading."""
    found = re.search(r"What the checks found.*?</thead>", pages("binary"), re.DOTALL)
    assert found is not None
    assert re.findall(r"<th[^>]*>([^<]*)</th>", found[0]) == ["Severity", "Check", "Column", "What it means"]


def test_your_table_tells_of_each_column_its_use_gaps_values_and_what_was_found(results: Results) -> None:
    evidence = read_evidence(results("binary"))
    spelled = "'city': values that differ only in case or spaces count as different categories: 'Ulm' (3), 'ulm' (2)"
    columns = [
        ColumnSummary(name="age", type="numeric", role="feature", missing=30, distinct=80, **AGES),
        ColumnSummary(name="city", type="categorical", role="feature", missing=0, distinct=5, common=[("Ulm", 3)]),
        ColumnSummary(name="ticket", type="categorical", role="drop", missing=0, distinct=300, examples=["A", "B<2>"]),
        ColumnSummary(
            name="lived", type="boolean", role="target", missing=0, distinct=2, common=[("no", 9), ("yes", 3)]
        ),
    ]
    finding = Finding(check="spellings", severity="warning", column="city", count=2, rows=[4], message=spelled)
    validation = Validation(rows=300, columns=columns, passed=[], findings=[finding], verdicts=[])
    section = columns_section(replace(evidence, validate=validation))
    assert [list(row) for row in section.blocks[1].rows] == [
        ["age", "input", "numeric", "30 (10.0%)", "80", "0 to 99, median 30", "▁█▅", ""],
        ["city", "input", "categorical", "none", "5", "Ulm (3), 4 more", "", f"{spelled}."],
        [
            "ticket",
            "not used",
            "categorical",
            "none",
            "300",
            "“A”, “B<2>”",
            "",
            "Named under drop in the problem file.",
        ],
        ["lived", "target", "boolean", "none", "2", "no (9), yes (3)", "", ""],
    ]
    assert section.blocks[1].marked == {3}


def test_a_wide_table_shows_the_columns_with_findings_and_counts_the_others(results: Results) -> None:
    evidence = read_evidence(results("binary"))
    column = evidence.validate.columns[0]
    columns = [column.model_copy(update={"name": f"c{place}"}) for place in range(150)]
    last = Finding(check="spellings", severity="warning", column="c149", count=2, rows=[4], message="odd")
    validation = evidence.validate.model_copy(update={"columns": columns, "findings": [last]})
    text, table = columns_section(replace(evidence, validate=validation)).blocks
    assert "50 columns more are in validation.html" in text.text
    assert [row[0] for row in table.rows] == [f"c{place}" for place in range(99)] + ["c149"]
