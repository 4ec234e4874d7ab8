"""Parquet: the format has types, so nothing is guessed unless the file was made from texts.

Two exceptions: categories of numbers are categories, and whole numbers that 64-bit numbers do not hold are texts.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from pydantic import TypeAdapter, ValidationError

from src.core.errors import UserError
from src.datasets.columns import EXACT, arrow_column_type, is_text
from src.datasets.raw_table import ColumnTypes, RawTable, Runs, check_names, check_rows
from src.problem.sources import Reading
from src.problem.terms import ColumnType

T = TypeVar("T")

# The metadata that holds, as JSON, the types to try for columns made from texts.
GUESSES = "types to try"
# The same by runs of rows, and the types for rows without a value, if the file was JSON.
RUNS = "types to try in runs"
# The metadata that holds, as a JSON list, the columns of texts in which every character counts.
WHOLE = "whole texts"
# How pandas calls the numbers of the rows, if they had no name.
INDEX = re.compile(r"__index_level_\d+__")


def read_parquet(path: Path, shown: str, reading: Reading) -> RawTable:
    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{shown} cannot be read as Parquet: {error}; fetch or write the file again") from None
    table = pa.table({}) if not table.num_columns else table
    index = [name for name in table.column_names if INDEX.fullmatch(name)]
    table = table.drop_columns(index)
    check_names(table.column_names, shown)
    check_rows(table.num_rows, shown)
    categories = _numbered_categories(table)
    columns = [
        column.cast(pa.string()) if name in categories else _exact(plain(column))
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    long = [
        name
        for name, column in zip(table.column_names, columns, strict=True)
        if _is_whole(table[name].type) and is_text(column.type)
    ]
    types: dict[str, ColumnType] = dict.fromkeys(categories, "categorical")
    for name, column in zip(table.column_names, columns, strict=True):
        type_ = arrow_column_type(column.type)
        if type_ is None:
            raise UserError(
                f"{shown}: column {name!r} has the type {column.type}, which no column type covers; "
                "write it as numbers, text, booleans or dates"
            )
        if not is_text(column.type):
            types[name] = type_
    metadata = table.schema.metadata or {}
    types |= dict.fromkeys(_stored(metadata, WHOLE, TypeAdapter(list[str]), shown) or [], "text")
    guesses = _stored(metadata, GUESSES, TypeAdapter(dict[str, ColumnTypes]), shown) or {}
    guesses |= dict.fromkeys(long, ("numeric",))
    runs, of_nothing = _stored(metadata, RUNS, TypeAdapter(tuple[dict[str, Runs], ColumnTypes | None]), shown) or (
        {},
        None,
    )
    return RawTable(
        pa.table(columns, names=table.column_names),
        types=types,
        guesses={name: guesses.get(name, ()) for name in table.column_names if name not in types},
        runs={name: in_column for name, in_column in runs.items() if name in guesses},
        of_nothing=of_nothing,
        left_out=index,
    )


def write_parquet(raw: RawTable, path: Path) -> None:
    """Write a table so that `read_parquet` tries the same types for its columns of texts."""
    metadata = {GUESSES: json.dumps(raw.guesses)}
    if raw.of_nothing is not None:
        metadata[RUNS] = json.dumps([raw.runs, raw.of_nothing])
    pyarrow.parquet.write_table(raw.table.replace_schema_metadata(metadata), path)


def _stored(metadata: Mapping[bytes, bytes], key: str, adapter: TypeAdapter[T], shown: str) -> T | None:
    try:
        return adapter.validate_json(metadata[key.encode()]) if key.encode() in metadata else None
    except ValidationError:
        raise UserError(
            f"{shown}: the metadata {key!r} should be JSON that says of columns what they hold; remove it"
        ) from None


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column without dictionary encoding."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _numbered_categories(table: pa.Table) -> set[str]:
    """The columns that are categories in pandas and numbers in the file."""
    by_pandas = (table.schema.pandas_metadata or {}).get("columns", [])
    named = {column["name"] for column in by_pandas if column["pandas_type"] == "categorical"}
    return {name for name in named & {*table.column_names} if arrow_column_type(table[name].type) == "numeric"}


def _exact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whole numbers as texts where 64-bit numbers with a point would not tell some of them apart."""
    if not _is_whole(column.type):
        return column
    ends = pc.min_max(column).as_py()
    beyond = max((abs(end) for end in ends.values() if end is not None), default=0) > EXACT
    return column.cast(pa.string()) if beyond else column


def _is_whole(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype) or (pa.types.is_decimal(dtype) and dtype.scale == 0)
