"""Look at the data as the workflow reads them: `make look name=churn`.

Prints each column's kind, role, gaps and values with a small histogram, and what the data checks would say. Nothing
of the workflow runs, and nothing but the page results/<problem>/look.html is written.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from src.core.errors import UserError
from src.core.files import Layout, write_text
from src.datasets import fetch_source, file_lines, read_split
from src.preparation.sealing import never_learnt, sealed_if_known
from src.problem.load import load_problem, settings_of
from src.problem.steps import ValidateSettings
from src.results.data import ColumnSummary, Validation
from src.validation import check_table
from src.validation.page import render
from tasks.cli import told

_BARS = "▁▂▃▄▅▆▇█"
_WIDEST = 60
HEADINGS = ("column", "kind", "role", "gaps", "distinct", "histogram", "values")


def look(layout: Layout) -> Validation:
    """Check the data of a problem without a trace but `results/<problem>/look.html`.

    Raises UserError where the problem file is wrong or its data cannot be read.
    """
    problem = load_problem(layout)
    settings = ValidateSettings.model_validate(settings_of(problem, "validate"))
    with TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        fetch_source(settings.data, raw, layout.local, layout.root / ".downloads")
        table = read_split(
            settings.data,
            raw,
            settings.columns,
            lambda frame: sealed_if_known(frame, settings),
            never_learnt(settings),
            [*settings.targets, *settings.heads],
        )
        validation = check_table(
            table.frame, settings, layout.expectations, table.misfits, table.test_N, table.left_out
        )
        rows = [row for finding in validation.findings for row in finding.rows]
        lines = file_lines(settings.data, raw, rows)
    write_text(layout.results / "look.html", render(layout.problem, settings, validation, table.frame, lines))
    return validation


def described(validation: Validation) -> str:
    """The columns as a table of text, and the findings below it."""
    body = [_cells(column) for column in validation.columns]
    widths = [max(len(row[place]) for row in (HEADINGS, *body)) for place in range(len(HEADINGS))]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (HEADINGS, *body)
    ]
    findings = [f"{finding.severity}: {finding.message}" for finding in validation.findings]
    checked = f"{validation.rows:,} rows; {len(validation.passed)} checks found nothing"
    return "\n".join([*table, "", *findings, checked])


def _cells(column: ColumnSummary) -> tuple[str, ...]:
    values = column.values if len(column.values) <= _WIDEST else f"{column.values[:_WIDEST]}…"
    role = "" if column.role == "feature" else column.role
    gaps = f"{column.missing:,}" if column.missing else ""
    return column.name, column.type, role, gaps, f"{column.distinct:,}", _bars(column.histogram), values


def _bars(counts: list[int]) -> str:
    """A bar for each count; only none is the lowest."""
    highest = max(counts, default=0)
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // highest)] for count in counts)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tasks.look", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("problem", help="a problem that has a file in problems/")
    parser.add_argument("--traceback", action="store_true", help="show where in the code an error came from")
    options = parser.parse_args()
    try:
        layout = Layout(options.problem)
        validation = look(layout)
    except (UserError, OSError) as error:
        message, code = told(error, "look")
        if options.traceback or message is None:
            raise
        print(message, file=sys.stderr)
        return code
    print(described(validation))
    print(f"The same as a page: {layout.results / 'look.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
