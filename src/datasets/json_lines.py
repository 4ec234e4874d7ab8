"""JSON Lines, one object per line, and JSON files of one array of objects.

Numbers keep their exact spelling until the type of their column is known.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from src.core.errors import UserError
from src.datasets.encoding import check_encoding, is_utf8
from src.datasets.raw_table import GUESSES, ColumnTypes, RawTable, Runs, check_names, check_rows, common
from src.problem.sources import Reading

# The most rows held as Python objects; Arrow's take a tenth of the memory.
_BATCH = 20_000
# The types to try for a column, by the JSON type of its values.
_GUESSES: dict[type, ColumnTypes] = {str: GUESSES, bool: ("boolean",)}


class _Number(str):
    """A number as it is spelled in the file."""


_GUESSES[_Number] = ("numeric",)
_OF_NOTHING: ColumnTypes = ("numeric",)

# For each column, the rows at which the JSON type of its values changes, and the new type.
Types = dict[str, list[tuple[int, type]]]


def read_jsonl(path: Path, shown: str, reading: Reading) -> RawTable:
    """Keys become columns in the order of their first appearance; a key that a row lacks is a missing value."""
    objects = ((f"line {line}", text) for line, text in object_lines(path, reading))
    try:
        return _table(((place, partial(spelled, text)) for place, text in objects), shown)
    except UnicodeDecodeError:
        check_encoding(path, shown, reading.encoding)
        raise


def read_json(path: Path, shown: str, reading: Reading) -> RawTable:
    """The same of a file that holds one array of objects."""
    rows = json_array(path, shown, reading)
    return _table(((f"row {number}", partial(_itself, row)) for number, row in enumerate(rows)), shown)


def json_array(path: Path, shown: str, reading: Reading) -> list[Any]:
    """The values of a file that holds one array, with numbers as they are spelled. Raises UserError if it does not."""
    check_encoding(path, shown, reading.encoding)
    try:
        rows = spelled(path.read_text(encoding="utf-8-sig" if is_utf8(reading.encoding) else reading.encoding))
    except ValueError as error:
        raise UserError(f"{shown} {error}") from None
    if not isinstance(rows, list):
        raise UserError(f'{shown} holds no table: write it as an array of rows, [{{"column": value, …}}, …]')
    return rows


def _itself(row: Any) -> Any:
    return row


def _table(objects: Iterable[tuple[str, Callable[[], Any]]], shown: str) -> RawTable:
    """The rows that the functions give, each with its place for messages."""
    types: Types = {}
    batches: list[pa.Table] = []
    rows: list[dict[str, str | None]] = []
    for place, get in objects:
        try:
            rows.append(_parsed(get(), len(batches) * _BATCH + len(rows), types))
        except ValueError as error:
            raise UserError(f"{shown}: {place} {error}") from None
        if len(rows) == _BATCH:
            batches.append(_columns(rows, types))
            rows = []
    if not rows and not batches:
        raise UserError(f"{shown} is empty; give a file with one JSON object per row")
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


def _parsed(value: Any, position: int, types: Types) -> dict[str, str | None]:
    """The texts of a row. Raises ValueError that says why there is none."""
    row = json_object(value)
    for name, each in row.items():
        begun = types.setdefault(name, [])
        if each is not None and (not begun or begun[-1][1] is not type(each)):
            begun.append((position, type(each)))
    return texts(row)


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
