"""The checks as one self-contained page: the verdict first, then the findings with their rows, then the columns."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from src.problem.steps import ValidateSettings
from src.results.data import Finding, Validation
from src.tables.facts import show


def render(
    problem: str, settings: ValidateSettings, validation: Validation, frame: pd.DataFrame, lines: Mapping[int, str]
) -> str:
    """The HTML page of a validation; `frame` gives the offending cells their values, `lines` where rows stand."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    findings = [(finding, _cells(finding, frame)) for finding in validation.findings]
    return environment.get_template("page.html.j2").render(
        problem=problem,
        settings=settings,
        validation=validation,
        verdict=validation.verdicts[0],
        findings=findings,
        lines=lines,
    )


def _cells(finding: Finding, frame: pd.DataFrame) -> list[tuple[int, str]]:
    """The first offending rows with the value of the offending column; an empty text where no column is at fault."""
    if finding.column is None or finding.column not in frame:
        return [(row, "") for row in finding.rows]
    return [(row, show(frame[finding.column].iloc[row])) for row in finding.rows]
