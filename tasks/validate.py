"""Step 3, check the data before anything is learnt from them.

Runs a Great Expectations suite derived from the problem, the user's own suite, and the checks that suites do not make.
Errors stop the workflow here; warnings are shown. Book: "The universal workflow of machine learning", preparing the
data.
"""

import logging
from collections.abc import Mapping

from src.core.errors import UserError
from src.core.files import Layout, write_text
from src.datasets import file_lines, read_split
from src.preparation.sealing import never_learnt, sealed_if_known
from src.problem.load import load_settings
from src.problem.steps import ValidateSettings
from src.results.data import Finding, Validation
from src.validation import check_table
from src.validation.page import render

logger = logging.getLogger("workflow")


def validate(layout: Layout) -> Validation:
    """Write `results/<problem>/validation.json` and the same as a page, `validation.html`.

    Writes both before an error stops the workflow, so that the user can look. Raises UserError with every finding that
    is an error.
    """
    settings = load_settings(layout, "validate", ValidateSettings)
    table = read_split(
        settings.data,
        layout.raw,
        settings.columns,
        lambda frame: sealed_if_known(frame, settings),
        never_learnt(settings),
        [*settings.targets, *settings.heads],
    )
    frame = table.frame
    validation = check_table(frame, settings, layout.expectations, table.misfits, table.test_N, table.left_out)
    rows = [row for finding in validation.findings for row in finding.rows]
    lines = file_lines(settings.data, layout.raw, rows)
    page = layout.results / "validation.html"
    validation.write(layout.result("validate"))
    write_text(page, render(layout.problem, settings, validation, frame, lines))
    for finding in validation.findings:
        if finding.severity == "warning":
            logger.warning("warning: %s", finding.message)
    errors = [_told(finding, lines) for finding in validation.findings if finding.severity == "error"]
    if errors:
        head = f"{layout.problem_file}: the data needs a correction first (rows are counted from 0):"
        raise UserError("\n".join((head, *errors, f"All findings: {page}")))
    return validation


def _told(finding: Finding, lines: Mapping[int, str]) -> str:
    known = [f"row {row} is {lines[row]}" for row in finding.rows[:1] if row in lines]
    return f"  - {finding.message}{f' [{known[0]}]' if known else ''}"


if __name__ == "__main__":
    from tasks.cli import main

    main(validate)
