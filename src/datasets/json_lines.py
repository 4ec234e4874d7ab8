"""JSON Lines: one object per line. Numbers keep their exact spelling until the kind of their column is known."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from src.datasets.encoding import check_encoding, is_utf8
from src.datasets.raw_table import RawTable, check_names, check_rows
from src.errors import UserError
from src.problem.sources import Reading
from src.problem.terms import ColumnKind

# Rows that are Python objects at a time; the rest is Arrow, ten times smaller.
_BATCH = 20_000
# What a column of texts may turn out to be, by the JSON type that all its values have.
_GUESSES: dict[type, tuple[ColumnKind, ...]] = {str: ("date",), bool: ("boolean",)}


class _Number(str):
    """A number as it is spelled in the file."""


_GUESSES[_Number] = ("numeric",)


def read_jsonl(path: Path, shown: str, reading: Reading) -> RawTable:
    """Keys become columns in the order of their first appearance; a key that a row lacks is a missing value."""
    types: dict[str, set[type]] = {}
    batches = []
    rows: list[dict[str, str | None]] = []
    try:
        for line, text in object_lines(path, reading):
            rows.append(_parse(text, shown, line, types))
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
    return RawTable(table, kinds={}, guesses={name: _guesses(kinds) for name, kinds in types.items()})


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


def _parse(text: str, shown: str, line: int, types: dict[str, set[type]]) -> dict[str, str | None]:
    try:
        row = json_object(spelled(text))
        values = texts(row)
    except ValueError as error:
        raise UserError(f"{shown}: line {line} {error}") from None
    for name, value in row.items():
        known = types.setdefault(name, set())
        if value is not None:
            known.add(type(value))
    return values


def spelled(text: str | bytes) -> Any:
    """JSON with its numbers as they are spelled. Raises ValueError with what is wrong."""
    try:
        return json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=_Number)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at character {error.colno}") from None
    except RecursionError:
        raise ValueError("is not JSON of one object per row: it is nested too deeply") from None


def json_object(row: Any) -> dict[str, Any]:
    """`row`, if it is an object of plain values. Raises ValueError with what is wrong."""
    if not isinstance(row, dict):
        raise ValueError('holds no JSON object; every row needs the form {"column": value, …}')
    nested = next((name for name, value in row.items() if isinstance(value, dict | list)), None)
    if nested is not None:
        raise ValueError(f"holds a nested value in column {nested!r}; flatten it into columns")
    return row


def texts(row: dict[str, Any]) -> dict[str, str | None]:
    """The values of an object as text. Raises ValueError where one holds half a character, such as "\\ud800"."""
    values = {name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()}
    try:
        "".join((*values, *filter(None, values.values()))).encode()
    except UnicodeEncodeError:
        raise ValueError("holds text that is no Unicode") from None
    return values


def _columns(rows: list[dict[str, str | None]], types: dict[str, set[type]]) -> pa.Table:
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in types})


def _guesses(kinds: set[type]) -> tuple[ColumnKind, ...]:
    return _GUESSES[next(iter(kinds))] if len(kinds) == 1 else () if kinds else ("numeric",)
