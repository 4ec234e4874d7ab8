"""A quantity is printed with the same digits in the summary, the verdicts, the report, the model card and MLflow."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from src.core.files import Layout
from src.judging.printer import Printer, printer_of, worded
from src.report.evidence import read_evidence
from src.report.page import render_card, render_page
from src.results.baseline import Baseline
from src.results.evaluate import Evaluate
from src.results.networks import Overfit, Regularize
from src.tracking.content import headline
from tasks.summary import summary
from tests.report.examples import TYPES
from tests.workspaces import ROOT

STEPS = {"baseline": Baseline, "overfit": Overfit, "regularize": Regularize, "evaluate": Evaluate}
DEFAULT_PROBLEMS = yaml.safe_load((ROOT / "params.yaml").read_text())["problems"]


def otherwise_printed(value: float, text: str, printer: Printer) -> Iterator[str]:
    """The numbers in a text that are this value with other digits than the printer's."""
    share = printer.form == "share"
    shown = value * 100 if share else value
    for number in re.findall(r"(?<![\w.,−-])\d+\.\d+%" if share else r"(?<![\w.,−-])\d+\.\d+(?![\w%])", text):
        digits = len(number.rstrip("%").partition(".")[2])
        if digits != printer.decimals and float(number.rstrip("%")) == round(shown, digits):
            yield number


def quantities(layout: Layout) -> dict[str, float]:
    found, baseline = (STEPS[step].read(layout.result(step)) for step in ("evaluate", "baseline"))
    return {
        "network": found.cross_validation.mean,
        "low": found.cross_validation.low,
        "high": found.cross_validation.high,
        "shallow model": found.shallow,
        "common sense": found.baseline,
        "sealed test": found.test.value,
        "shallow model, sealed test": found.shallow_test.value,
        "common sense, development": baseline.common_sense.development.mean,
        "shallow model, development": baseline.shallow.development.mean,
    }


def texts(layout: Layout) -> Iterator[tuple[str, str]]:
    evidence = read_evidence(layout)
    yield "summary", summary([layout])
    page = re.sub(r"<(svg|style).*?</\1>", "", render_page(evidence), flags=re.DOTALL)
    yield "report", re.sub(r"<[^>]*>", " ", page)
    yield "model card", render_card(evidence)
    for step in STEPS:
        told = headline(step, layout)
        yield f"MLflow, {step}", "\n".join([*told.tags.values(), *(verdict.evidence for verdict in told.verdicts)])


@pytest.mark.parametrize("problem", DEFAULT_PROBLEMS)
def test_every_step_of_a_default_problem_prints_the_measure_with_the_same_digits(problem: str):
    layout = Layout(problem, ROOT)
    assert len({printer_of(result.read(layout.result(step))).decimals for step, result in STEPS.items()}) == 1


@pytest.mark.parametrize("type_", TYPES)
def test_no_page_prints_a_quantity_with_other_digits(results: Callable[[str], Layout], tmp_path: Path, type_: str):
    shutil.copytree(results(type_).root, tmp_path, dirs_exist_ok=True)
    layout = Layout(results(type_).problem, tmp_path)
    for step, result in STEPS.items():
        worded(result.read(layout.result(step))).write(layout.result(step))
    printer = printer_of(Evaluate.read(layout.result("evaluate")))
    known = quantities(layout)
    wrong = [
        (page, name, number)
        for page, text in texts(layout)
        for name, value in known.items()
        for number in otherwise_printed(value, text, printer)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "found"),
    [("97.5% or 97.49%", ["97.49%"]), ("97.5%", []), ("97.4%, 62.90%, 0.975", []), ("gain 97.486 percent", [])],
)
def test_other_digits_of_a_share_are_found(text: str, found: list[str]):
    assert list(otherwise_printed(0.97486, text, Printer("accuracy", "", 1))) == found
