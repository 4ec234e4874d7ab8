"""JSON Lines: one object per line. Numbers keep their exact spelling until the type of their column is known."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from src.core.errors import UserError
from src.datasets.encoding import check_encoding, is_utf8
from src.datasets.raw_table import ColumnTypes, RawTable, Runs, check_names, check_rows, common
from src.problem.sources import Reading
from src.problem.terms import ColumnType

# The most rows held as Python objects; Arrow's take a tenth of the memory.
_BATCH = 20_000
# The types to try for a column, by the JSON type of its values.
_GUESSES: dict[type, tuple[ColumnType, ...]] = {str: ("date",), bool: ("boolean",)}


class _Number(str):
    """A number as it is spelled in the file."""


_GUESSES[_Number] = ("numeric",)
_OF_NOTHING: ColumnTypes = ("numeric",)

# For each column, the rows at which the JSON type of its values changes, and the new type.
Types = dict[str, list[tuple[int, type]]]


def read_jsonl(path: Path, shown: str, reading: Reading) -> RawTable:
    """Keys become columns in the order of their first appearance; a key that a row lacks is a missing value."""
    types: Types = {}
    batches: list[pa.Table] = []
    rows: list[dict[str, str | None]] = []
    try:
        for line, text in object_lines(path, reading):
            rows.append(_parse(text, shown, line, len(batches) * _BATCH + len(rows), types))
            if len(rows) == _BATCH:
                batches.append(_columns(rows, types))
                rows = []
    except UnicodeDecodeError:
        check_encoding(path, shown, reading.encoding)
        raise
    if not rows and not batches:
        raise UserError(f"{shown} is empty; give a file with one JSON object per line")
    batches.append(_columns(rows, types))
    table = pa.concat_tables(batches, promote_options="default").select(list(types))
    check_names(table.column_names, shown)
    check_rows(table.num_rows, shown)
    runs = {name: _runs(begun, table.num_rows) for name, begun in types.items()}
    guesses = {
        name: common(types for _, types in in_column) if in_column else _OF_NOTHING for name, in_column in runs.items()
    }
    changing = {name: in_column for name, in_column in runs.items() if len(in_column) > 1}
    return RawTable(table, {}, guesses, changing, _OF_NOTHING)


def jsonl_lines(path: Path, reading: Reading) -> Iterator[int]:
    """The file line (from 1) of each row."""
    return (line for line, _ in object_lines(path, reading))


def object_lines(path: Path, reading: Reading) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1."""
    encoding = "utf-8-sig" if is_utf8(reading.encoding) else reading.encoding
    with path.open(encoding=encoding, newline="\n") as stream:
        for line, text in enumerate(stream, start=1):
            if line > reading.skip_lines and not text.isspace():
                yield line, text


def _parse(text: str, shown: str, line: int, position: int, types: Types) -> dict[str, str | None]:
    try:
        row = json_object(spelled(text))
        values = texts(row)
    except ValueError as error:
        raise UserError(f"{shown}: line {line} {error}") from None
    for name, value in row.items():
        begun = types.setdefault(name, [])
        if value is not None and (not begun or begun[-1][1] is not type(value)):
            begun.append((position, type(value)))
    return values


def spelled(text: str | bytes) -> Any:
    """Parse JSON, with numbers as they are spelled. Raises ValueError that says what is wrong."""
    try:
        return json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_Number)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at character {error.colno}") from None
    except RecursionError:
        raise ValueError("is not JSON of one object per row: it is nested too deeply") from None


def json_object(row: Any) -> dict[str, Any]:
    """`row`, if it is an object of plain values. Raises ValueError that says what is wrong."""
    if not isinstance(row, dict):
        raise ValueError('is not a JSON object; every row needs the form {"column": value, …}')
    nested = next((name for name, value in row.items() if isinstance(value, dict | list)), None)
    if nested is not None:
        raise ValueError(f"holds a nested value in column {nested!r}; flatten it into columns")
    return row


def texts(row: dict[str, Any]) -> dict[str, str | None]:
    """The values of an object as text. Raises ValueError if one holds half a character, such as "\\ud800"."""
    values = {name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()}
    try:
        "".join((*values, *filter(None, values.values()))).encode()
    except UnicodeEncodeError:
        raise ValueError("holds text that is not valid Unicode") from None
    return values


def _columns(rows: list[dict[str, str | None]], types: Types) -> pa.Table:
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in types})


def _runs(begun: Sequence[tuple[int, type]], rows: int) -> Runs:
    ends = [*(begin for begin, _ in begun[1:]), rows]
    return [(end, _GUESSES[json_type]) for end, (_, json_type) in zip(ends, begun, strict=False)]
