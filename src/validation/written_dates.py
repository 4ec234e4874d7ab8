"""Columns read as text although their values are dates in another form than 2024-01-05."""

from collections.abc import Iterator

import pyarrow as pa

from src.core.yaml_file import scalar
from src.datasets.dates import recognized_dates
from src.tables.facts import SAMPLE_ROWS, Issue, TableFacts, counted, first_rows

FEWEST_DATES = 5


def dates_as_text(table: TableFacts) -> Iterator[Issue]:
    """Features and the time column with dates that would be read with `data.dates`, judged by evenly spaced rows."""
    every = max(len(table) // SAMPLE_ROWS, 1)
    for name in [*table.features, *table.of_role("time")]:
        if table.types[name] != "categorical" or name in table.settings.columns:
            continue
        if table.distinct[name] < FEWEST_DATES:
            continue
        sample = pa.Array.from_pandas(table[name].iloc[::every], type=pa.string())
        forms = recognized_dates(pa.chunked_array([sample]))
        if forms:
            count, rows = len(table) - table.missing[name], first_rows(table[name].notna())
            message = (
                f"{name!r}: {counted(count, 'value')} read as text, though they are dates such as "
                f"{table[name].iloc[rows[0]]!r}: say `dates: {{{scalar(name)}: {scalar(forms[0])}}}` under data"
            )
            yield Issue("warning", name, count, rows, message)
