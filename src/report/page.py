"""Rendering: the evidence as one HTML page, as a model card in Markdown, and as figures that stand alone.

Everything a user named is escaped.
"""

from pathlib import Path
from typing import Any

import jinja2

from src.judging.printer import Printer, printer_of
from src.report import figures
from src.report.answer import answer
from src.report.card import card
from src.report.evidence import Evidence
from src.report.markdown import literal
from src.report.sections import sections

TEMPLATES = Path(__file__).parent / "templates"


def render_page(evidence: Evidence) -> str:
    """The report as one HTML document that loads nothing and runs nothing."""
    measured = _printer(evidence)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template("report.html.j2").render(
        problem=evidence.problem,
        question=evidence.settings.question,
        answer=answer(evidence, measured),
        measure=measured,
        sections=sections(evidence, measured),
        card=card(evidence, measured),
    )
    return page.lstrip()


def render_card(evidence: Evidence) -> str:
    """The model card as Markdown."""
    environment = jinja2.Environment(  # noqa: S701 - Markdown: `finalize` escapes every value
        loader=jinja2.FileSystemLoader(TEMPLATES),
        finalize=_markdown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    measured = _printer(evidence)
    return environment.get_template("model_card.md.j2").render(
        problem=evidence.problem, card=card(evidence, measured), code=Verbatim(card(evidence, measured).code)
    )


def render_figures(evidence: Evidence) -> dict[str, bytes]:
    """The figures that other pages show, as PNG by their names; the search only where there was something to search."""
    drawn = {"learning_curve": figures.loss_curve(evidence)}
    if figures.varying_settings(evidence):
        drawn["search"] = figures.search(evidence, printer_of(evidence.regularize, evidence.settings.unit))
    return {name: figures.png(figure) for name, figure in drawn.items()}


class Verbatim(str):
    """Text that goes into Markdown as it is: a block of code."""


def _markdown(value: Any) -> Any:
    """Text from the data as Markdown that shows it literally."""
    return value if not isinstance(value, str) or isinstance(value, Verbatim) else literal(value)


def _printer(evidence: Evidence) -> Printer:
    return printer_of(evidence.evaluate, evidence.settings.unit)
