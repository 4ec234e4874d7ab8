"""Columns that list several labels in one value, such as "drama|war": a yes or no for each label.

title,genres              lists: {genres: "|"}
Ran,drama|war             target: [genres=drama, genres=war]
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import pyarrow as pa

from src.datasets.raw_table import RawTable


def with_labels(raw: RawTable, lists: Mapping[str, str], targets: Collection[str]) -> RawTable:
    """The table with a truth value for each target `column=label` in place of the columns that list labels.

    lists: the mark between the labels, by column. An empty value lists none. A label that no row has gets no column.
    """
    table, types = raw.table, dict(raw.types)
    for name, mark in lists.items():
        if name not in table.column_names:
            continue
        rows = [labels_of(value, mark) for value in table[name].cast(pa.string()).to_pylist()]
        known = set().union(*rows)
        table = table.drop_columns([name])
        types.pop(name, None)
        for target in targets:
            column, _, label = target.partition(f"{name}=")
            if not column and label in known:
                table = table.append_column(target, pa.chunked_array([[label in row for row in rows]], pa.bool_()))
                types[target] = "boolean"
    kept = {name: guesses for name, guesses in raw.guesses.items() if name in table.column_names}
    runs = {name: in_column for name, in_column in raw.runs.items() if name in table.column_names}
    return replace(raw, table=table, types=types, guesses=kept, runs=runs)


def labels_of(value: str | None, mark: str) -> set[str]:
    """The labels that a value lists."""
    return {label.strip() for label in (value or "").split(mark)} - {""}
