"""The user's own table, column by column."""

from collections.abc import Sequence

from src.core.text import count, counted
from src.report.blocks import Section, Table, Text
from src.report.evidence import Evidence
from src.report.words import sentence, share
from src.results.data import ColumnSummary

# Of a wider table the columns that a check found something in come first.
MOST_COLUMNS = 100
BARS = "▁▂▃▄▅▆▇█"
ROLES = {
    "feature": "input",
    "target": "target",
    "heads": "further target",
    "groups": "groups, kept together",
    "time": "time, orders the rows",
    "weights": "weights",
    "test.column": "names the sealed rows",
    "reference": "reference, nothing is learnt from it",
    "drop": "not used",
}


def columns(evidence: Evidence) -> Section:
    """What is in each column, what it is used as, and what the data checks found there."""
    validation = evidence.validate
    messages: dict[str, list[str]] = {}
    for finding in validation.findings:
        if finding.column is not None:
            messages.setdefault(finding.column, []).append(sentence(finding.message))
    shown = sorted(validation.columns, key=lambda column: column.name not in messages)[:MOST_COLUMNS]
    types = {feature.name: feature.type for feature in evidence.prepared.features}
    left_out = len(validation.columns) - len(shown)
    text = (
        f"Your table has {counted(validation.rows, 'row')} and {counted(len(validation.columns), 'column')}. Gaps and "
        "distinct values are counted in all rows. The values themselves are those of the training rows alone, because "
        "the sealed rows stay unseen."
        + (f" {counted(left_out, 'column')} more are in validation.html, beside this file." if left_out else "")
    )
    in_order = [column for column in validation.columns if column in shown]
    table = Table(
        "The columns",
        ["Column", "Used as", "Type", "Gaps", "Distinct", "Values", "Spread", "What to know"],
        [_row(column, types.get(column.name, column.type), validation.rows, messages) for column in in_order],
        frozenset({3, 4}),
        frozenset(place for place, column in enumerate(in_order) if column.role == "target"),
        prose=True,
    )
    return Section("table", "Your table", [], [Text(text), table])


def _row(column: ColumnSummary, type_: str, rows: int, messages: dict[str, list[str]]) -> list[str]:
    gaps = f"{count(column.missing)} ({share(column.missing / rows)})" if column.missing else "none"
    reasons = ["Named under drop in the problem file."] if column.role == "drop" else []
    return [
        column.name,
        ROLES.get(column.role, column.role),
        type_,
        gaps,
        count(column.distinct),
        column.values,
        bars(column.histogram),
        " ".join([*reasons, *messages.get(column.name, [])]),
    ]


def bars(histogram: Sequence[int]) -> str:
    """A histogram as a line of bars; a bin with few rows still shows."""
    most = max(histogram, default=0)
    heights = [-(-rows * (len(BARS) - 1) // most) if most else 0 for rows in histogram]
    return "".join(BARS[height] for height in heights)
