"""Comma- or tab-separated text, read fast by Arrow; if that fails, read again slowly to find the wrong line.

Every column is read as text. Its type is decided later, from all of its values and not from the first block.
"""

import csv
import json
import re
import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.csv

from src.core.errors import UserError
from src.datasets.encoding import check_encoding, is_utf8
from src.datasets.raw_table import GUESSES, RawTable, check_names, check_rows
from src.problem.sources import WHITESPACE, Reading

SEPARATORS = (",", ";", "\t", "|")
# A value between spaces; one in quotation marks may hold some.
_VALUE = re.compile(r'"[^"]*"|\S+')
# Arrow cannot read rows longer than a block; larger blocks take more memory.
_BLOCK = 2**23


def read_csv(path: Path, shown: str, reading: Reading) -> RawTable:
    return _read(path, shown, reading, reading.separator or ",")


def read_tsv(path: Path, shown: str, reading: Reading) -> RawTable:
    return _read(path, shown, reading, reading.separator or "\t")


def csv_lines(path: Path, reading: Reading) -> Iterator[int]:
    """The file line (from 1) on which each row begins."""
    return _lines(path, reading, reading.separator or ",")


def tsv_lines(path: Path, reading: Reading) -> Iterator[int]:
    return _lines(path, reading, reading.separator or "\t")


def _lines(path: Path, reading: Reading, separator: str) -> Iterator[int]:
    rows = records(path, path.name, reading, separator, strict=False)
    return (record.line for record in islice(rows, int(reading.names is None), None))


def parse_delimited(
    stream: BinaryIO | Path,
    names: list[str],
    separator: str,
    encoding: str,
    skip_lines: int,
    quote: str | Literal[False] = '"',
) -> pa.Table:
    """Rows of delimited text after `skip_lines` lines, every column as text. Raises pa.ArrowInvalid."""
    return pyarrow.csv.read_csv(
        pa.OSFile(str(stream)) if isinstance(stream, Path) else stream,  # a path that ends in .gz would be decompressed
        pyarrow.csv.ReadOptions(column_names=names, skip_rows=skip_lines, encoding=encoding, block_size=_BLOCK),
        pyarrow.csv.ParseOptions(delimiter=separator, quote_char=quote, newlines_in_values=True),
        pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )


@dataclass(frozen=True)
class _Record:
    """One row or header as Python's csv module sees it; a quoted value may make it span several lines."""

    fields: list[str]
    line: int
    last_line: int


def _read(path: Path, shown: str, reading: Reading, separator: str) -> RawTable:
    names, skip_lines = header(path, shown, reading, separator)
    try:
        if _is_plain(reading):
            table = parse_delimited(path, names, separator, reading.encoding, skip_lines, quote_of(reading))
        else:
            text = "".join(islice(table_lines(path, reading), skip_lines, None))
            table = parse_delimited(
                BytesIO(text.encode()), names, delimiter_of(separator), "utf-8", 0, quote_of(reading)
            )
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        check_encoding(path, shown, reading.encoding)
        raise _explained(path, shown, reading, separator, len(names), error) from None
    except OSError as error:
        if error.errno is not None:  # the disk failed; an error of Arrow's decompression has no number
            raise
        raise UserError(f"{shown} is damaged or not what its ending says: {error}; write the file again") from None
    check_rows(table.num_rows, shown)
    return RawTable(table, types={}, guesses=dict.fromkeys(names, GUESSES))


def header(path: Path, shown: str, reading: Reading, separator: str) -> tuple[list[str], int]:
    """The column names, and the number of lines before the first row."""
    try:
        first = next(records(path, shown, reading, separator, strict=False), None)
    except UnicodeDecodeError:
        check_encoding(path, shown, reading.encoding)
        raise
    if first is None:
        raise UserError(f"{shown} is empty; give a file with {'rows' if reading.names else 'a header line and rows'}")
    if reading.names is not None:
        check_names(reading.names, shown)
        return reading.names, reading.skip_lines
    names = [field.strip() or f"unnamed_{i}" for i, field in enumerate(first.fields, start=1)]
    other = next((mark for mark in SEPARATORS if mark in names[0]), None) if len(names) == 1 else None
    if other is not None:
        raise UserError(
            f"{shown}: line {first.line} has only one column when separated by {separator!r}; "
            f"try `separator: {json.dumps(other)}` under data"
        )
    check_names(names, shown)
    return names, first.last_line


def quote_of(reading: Reading) -> str | Literal[False]:
    return '"' if reading.quoting else False


def table_lines(path: Path, reading: Reading) -> Generator[str]:
    """The lines of a file with their ends, see `table_line`."""
    encoding = "utf-8-sig" if is_utf8(reading.encoding) else reading.encoding
    with path.open(encoding=encoding, newline="") as stream:
        for line in stream:
            yield table_line(line, reading)


def table_line(line: str, reading: Reading) -> str:
    """A line without what only its file's layout means: a comment is blank, tabs stand between values, not spaces."""
    if reading.comment is not None and line.startswith(reading.comment):
        return "\n"
    return "\t".join(_VALUE.findall(line)) + "\n" if reading.separator == WHITESPACE else line


def delimiter_of(separator: str) -> str:
    """The mark between the values of a `table_line`."""
    return "\t" if separator == WHITESPACE else separator


def fields_of(lines: Iterable[str], reading: Reading, separator: str, strict: bool = False) -> Any:
    """The rows in lines of a table, as Python's csv module reads them."""
    return csv.reader(
        lines,
        delimiter=delimiter_of(separator),
        strict=strict,
        quoting=csv.QUOTE_MINIMAL if reading.quoting else csv.QUOTE_NONE,
    )


def _is_plain(reading: Reading) -> bool:
    return reading.comment is None and reading.separator != WHITESPACE


def records(path: Path, shown: str, reading: Reading, separator: str, strict: bool) -> Iterator[_Record]:
    """Header and rows without blank lines; slow."""
    csv.field_size_limit(sys.maxsize)
    with closing(table_lines(path, reading)) as lines:
        skipped = sum(1 for _ in islice(lines, reading.skip_lines))
        rows = fields_of(lines, reading, separator, strict)
        line = skipped + 1
        try:
            for fields in rows:
                if fields:
                    yield _Record(fields, line, skipped + rows.line_num)
                line = skipped + rows.line_num + 1
        except csv.Error as error:
            raise UserError(
                f"{shown}: the row that begins on line {line} cannot be read ({error}); "
                "is a quotation mark opened and never closed?"
            ) from None


def _explained(path: Path, shown: str, reading: Reading, separator: str, expected: int, error: Exception) -> UserError:
    """Why Arrow refused the file: lines with a wrong number of fields, else Arrow's message."""
    wrong = [
        record for record in records(path, shown, reading, separator, strict=True) if len(record.fields) != expected
    ]
    if not wrong:
        return UserError(f"{shown} cannot be read: {error}")
    first = wrong[0]
    given_by = "data.names" if reading.names is not None else "the header"
    others = ", ".join(str(record.line) for record in wrong[1:5])
    more = f" ({len(wrong)} such lines; the next: {others})" if others else ""
    return UserError(
        f"{shown}: line {first.line} has {len(first.fields)} fields, expected {expected} as in {given_by}{more}; "
        f"quote values that hold {separator!r}, or correct the separator"
    )
