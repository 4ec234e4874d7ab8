"""Read raw rows to score in chunks, so that a file of any length needs little memory.

Rows are numbered from 0 in every format, as in validation and pandas; headers and blank lines do not count. Rows of a
text file also have the number of the line where they begin, counted from 1. A row that cannot be read (too few fields,
broken JSON) is refused with its reason and does not stop the others.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from src.core.errors import UserError
from src.datasets import FORMATS
from src.datasets.columns import arrow_column_type
from src.datasets.delimited import delimiter_of, fields_of, header, parse_delimited, quote_of, records, table_line
from src.datasets.encoding import check_encoding, is_utf8
from src.datasets.json_lines import json_array, json_object, object_lines, spelled, texts
from src.datasets.parquet import plain
from src.datasets.raw_table import check_names, nearest
from src.datasets.spreadsheet import read_spreadsheet, sheets_of
from src.preparation.sniffing import format_of
from src.problem.sources import Reading

# The most cells and characters per chunk, which bound the memory.
CELLS, CHARACTERS = 2**21, 2**24
# The most rows per chunk, so that progress is visible.
ROWS = 50_000
LONGEST_LINE = 2**21
STREAMED = ("csv", "tsv", "parquet", "jsonl")
# Formats whose files are read at once.
WHOLE = ("json", "spreadsheet")


class Unreadable(NamedTuple):
    """A row that cannot be read: its number, its line if it is from a text file, and what is wrong with it."""

    row: int
    line: int | None
    reason: str


@dataclass(frozen=True)
class Chunk:
    """Some rows in the order of the file.

    `table` has the wanted columns, as texts or with the types of the file. `numbers`: the numbers of its rows. `lines`:
    their lines if they are from a text file. `unreadable`: the rows that are not in it.
    """

    numbers: NDArray[np.int64]
    table: pa.Table
    unreadable: list[Unreadable]
    lines: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.numbers) + len(self.unreadable)

    def line(self, place: int) -> int | None:
        """The line of the row at `place` of the table."""
        return None if self.lines is None else int(self.lines[place])

    @property
    def end(self) -> int:
        """Where the chunk ends: its last line in a text file, otherwise the number of rows up to its end."""
        ends = self.numbers + 1 if self.lines is None else self.lines
        others = (each.row + 1 if each.line is None else each.line for each in self.unreadable)
        return int(max([*ends[-1:], *others], default=0))


@dataclass(frozen=True)
class Rows:
    """The rows of one file: its `chunks`, and its `total` number of lines or rows (`unit`).

    notes: how the file is read otherwise than the problem's own, in sentences.
    """

    chunks: Iterator[Chunk]
    total: int
    unit: str
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Wanted:
    """The columns to read: those that the model learnt from, and others to copy.

    `unasked`: columns of the problem's own file that a file without a header may lack.
    """

    features: Sequence[str]
    kept: Sequence[str] = ()
    unasked: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys([*self.features, *self.kept]))

    def check(self, names: Sequence[str], shown: str) -> None:
        """Raise UserError naming the wanted columns that are not among `names`."""
        lacking = [name for name in self.features if name not in names]
        if lacking:
            more = f" and {len(lacking) - 10} more" if len(lacking) > 10 else ""
            raise UserError(
                f"{shown} lacks {len(lacking)} of the {len(self.features)} columns that the model learnt from: "
                f"{', '.join(map(repr, lacking[:10]))}{more}; {nearest(lacking[0], list(names))}"
            )
        unknown = next((name for name in self.kept if name not in names), None)
        if unknown is not None:
            raise UserError(f"{shown} has no column {unknown!r} to keep; {nearest(unknown, list(names))}")


def read_rows(path: Path, reading: Reading, wanted: Wanted) -> Rows:
    """The rows of a file.

    The ending determines the format, otherwise the problem's own `format`. A text file that lacks wanted columns as the
    problem's own file is read may have them in another layout, which is looked for. Raises UserError for a file that
    cannot be read at all or lacks a wanted column.
    """
    if not path.is_file():
        raise UserError(f"{path} {'is not a file' if path.exists() else 'does not exist'}; give a table to score")
    shown, format_ = str(path), _format(path, reading)
    if format_ == "parquet":
        return _parquet(path, shown, wanted)
    if format_ == "spreadsheet":
        return _spreadsheet(path, shown, reading, wanted)
    if format_ == "json":
        return _array(path, shown, reading, wanted)
    reading, notes = _as_laid_out(path, shown, reading, wanted) if format_ != "jsonl" else (reading, [])
    try:
        total = _line_count(path, reading)
        if format_ == "jsonl":
            return Rows(_explained(_objects(path, shown, reading, wanted), path, reading), total, "lines")
        separator = reading.separator or ("," if format_ == "csv" else "\t")
        names, first = _names(path, shown, reading, separator, wanted)
    except UnicodeDecodeError:
        check_encoding(path, shown, reading.encoding)
        raise
    wanted.check(names, shown)
    columns = wanted.names
    chunks = _delimited(path, reading, separator, names, first, columns)
    return Rows(_explained(chunks, path, reading), total, "lines", notes)


def together(rows: Rows) -> Rows:
    """The same rows in one chunk, for models whose predictions depend on several rows."""

    def one() -> Iterator[Chunk]:
        chunks = list(rows.chunks)
        if not chunks:
            return
        lines = [chunk.lines for chunk in chunks if chunk.lines is not None]
        yield Chunk(
            np.concatenate([chunk.numbers for chunk in chunks]),
            pa.concat_tables([chunk.table for chunk in chunks]),
            [row for chunk in chunks for row in chunk.unreadable],
            np.concatenate(lines) if lines else None,
        )

    return replace(rows, chunks=one())


def chunk_of_objects(values: Sequence[Any], columns: Sequence[str], first: int = 0, lines: Sequence[int] = ()) -> Chunk:
    """A chunk of JSON values that should be objects. A missing key is a missing value.

    An error among the values says why there is no object. first: the number of the first row. lines: the line of each
    value, if they are from a file.
    """
    places, good, unreadable = [], [], []
    for place, value in enumerate(values):
        try:
            if isinstance(value, ValueError):
                raise value
            row = texts(json_object(value))
        except ValueError as error:
            unreadable.append(Unreadable(first + place, lines[place] if lines else None, str(error)))
        else:
            places.append(place)
            good.append(row)
    table = {name: pa.chunked_array([pa.array([row.get(name) for row in good], pa.string())]) for name in columns}
    of_good = np.array(places, dtype=np.int64)
    line_N = np.array(lines, dtype=np.int64)[of_good] if lines else None
    return Chunk(first + of_good, pa.table(table), unreadable, line_N)


def _format(path: Path, reading: Reading) -> str:
    ending = path.suffix.lower()
    format_ = next((name for name, each in FORMATS.items() if ending in each.endings), reading.format)
    if format_ not in (*STREAMED, *WHOLE):
        endings = ", ".join(FORMATS[name].endings[0] for name in (*STREAMED, *WHOLE))
        raise UserError(f"{path}: a table to score ends in one of {endings}")
    return format_


def _line_count(path: Path, reading: Reading) -> int:
    """The number of line ends in the file; only an estimate for encodings with several bytes per character."""
    count = 0
    with path.open("rb") as stream:
        while block := stream.read(2**20):
            count += block.count(b"\n")
    return max(count, 1)


def _explained(chunks: Iterator[Chunk], path: Path, reading: Reading) -> Iterator[Chunk]:
    """The chunks. Raises UserError with the place of bytes that the encoding does not allow."""
    try:
        yield from chunks
    except UnicodeDecodeError:
        check_encoding(path, str(path), reading.encoding)
        raise


def _as_laid_out(path: Path, shown: str, reading: Reading, wanted: Wanted) -> tuple[Reading, list[str]]:
    """How a delimited file is read: as the problem's own, or in the layout in which it has the wanted columns."""
    if reading.names is not None:
        return reading, []
    usual = "\t" if path.suffix.lower() in FORMATS["tsv"].endings else ","
    if _has_columns(path, shown, reading, reading.separator or usual, wanted):
        return reading, []
    plain = {"separator": None, "quoting": True, "comment": None, "skip_lines": 0, "encoding": "utf-8"}
    try:
        settings, notes = format_of(path, shown)
    except UserError:
        return reading, []
    if settings.get("encoding", "utf-8") not in (reading.encoding, "utf-8", "utf-16"):  # a guess, which might be wrong
        return reading, []
    other = reading.model_copy(update=plain | {key: settings[key] for key in plain.keys() & settings.keys()})
    if not _has_columns(path, shown, other, other.separator or usual, wanted):
        return reading, []
    separator = [f"Its columns are separated by {other.separator or usual!r}."]
    return other, [*(separator if other.separator != reading.separator else []), *notes]


def _has_columns(path: Path, shown: str, reading: Reading, separator: str, wanted: Wanted) -> bool:
    try:
        names, _ = header(path, shown, reading, separator)
    except (UserError, UnicodeDecodeError):
        return False
    return set(wanted.names) <= set(names)


# ---------------------------------------------------------------------------------------------- Whole files


def _spreadsheet(path: Path, shown: str, reading: Reading, wanted: Wanted) -> Rows:
    """The rows of a sheet: laid out as in the problem's own spreadsheet, or with a header on top."""
    as_given = (
        reading if reading.sheet in (None, *sheets_of(path, shown)) else reading.model_copy(update={"sheet": None})
    )
    tops = [as_given, as_given.model_copy(update={"skip_lines": 0, "names": None})]
    tables = [read_spreadsheet(path, shown, each).table for each in tops[: 1 if tops[0] == tops[1] else 2]]
    table = next((each for each in tables if set(wanted.names) <= set(each.column_names)), tables[-1])
    wanted.check(table.column_names, shown)
    chosen, most = table.select(wanted.names), _rows_at_a_time(len(wanted.names))
    chunks = (
        Chunk(np.arange(first, min(first + most, len(chosen))), chosen.slice(first, most), [])
        for first in range(0, len(chosen), most)
    )
    return Rows(chunks, max(len(chosen), 1), "rows")


def _array(path: Path, shown: str, reading: Reading, wanted: Wanted) -> Rows:
    values = json_array(path, shown, reading)
    wanted.check(list(dict.fromkeys(key for value in values if isinstance(value, dict) for key in value)), shown)
    most = _rows_at_a_time(len(wanted.names))
    chunks = (
        chunk_of_objects(values[first : first + most], wanted.names, first) for first in range(0, len(values), most)
    )
    return Rows(chunks, max(len(values), 1), "rows")


# ---------------------------------------------------------------------------------------------- Parquet


def _parquet(path: Path, shown: str, wanted: Wanted) -> Rows:
    try:
        file = pyarrow.parquet.ParquetFile(path, buffer_size=2**20, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{shown} cannot be read as Parquet: {error}; write the file anew") from None
    schema = file.schema_arrow
    check_names(schema.names, shown)
    wanted.check(schema.names, shown)
    for name in wanted.names:
        dtype = schema.field(name).type
        if arrow_column_type(dtype.value_type if pa.types.is_dictionary(dtype) else dtype) is None:
            raise UserError(
                f"{shown}: column {name!r} has the type {dtype}, which no column type covers; "
                "write it as numbers, text, booleans or dates"
            )
    return Rows(_batches(file, shown, wanted.names), max(file.metadata.num_rows, 1), "rows")


def _batches(file: pyarrow.parquet.ParquetFile, shown: str, columns: Sequence[str]) -> Iterator[Chunk]:
    done = 0
    try:
        for batch in file.iter_batches(_rows_at_a_time(len(columns)), columns=list(columns)):
            table = pa.table([plain(pa.chunked_array([batch.column(n)])) for n in columns], names=list(columns))
            yield Chunk(np.arange(done, done + table.num_rows), table, [])
            done += table.num_rows
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{shown} cannot be read as Parquet after row {done}: {error}; write the file anew") from None


# ---------------------------------------------------------------------------------------------- JSON Lines


def _objects(path: Path, shown: str, reading: Reading, wanted: Wanted) -> Iterator[Chunk]:
    """The chunks of a file. A column that no row has is only known at the end of the file, and reported there."""
    seen: set[str] = set()
    rows: list[Any] = []
    lines: list[int] = []
    done = characters = 0
    for line, text in object_lines(path, reading):
        try:
            rows.append(spelled(text))
        except ValueError as error:
            rows.append(error)
        if isinstance(rows[-1], dict):
            seen |= rows[-1].keys()
        lines.append(line)
        characters += len(text)
        if len(rows) >= _rows_at_a_time(len(wanted.names)) or characters >= CHARACTERS:
            yield chunk_of_objects(rows, wanted.names, done, lines)
            done, rows, lines, characters = done + len(rows), [], [], 0
    if rows:
        yield chunk_of_objects(rows, wanted.names, done, lines)
    if seen:
        wanted.check(sorted(seen), shown)


# ---------------------------------------------------------------------------------------------- Delimited text


def _names(path: Path, shown: str, reading: Reading, separator: str, wanted: Wanted) -> tuple[list[str], int]:
    """The column names of the file, and the number of lines before its first row."""
    if reading.names is None:
        return header(path, shown, reading, separator)
    first = next(records(path, shown, reading, separator, strict=False), None)
    if first is None:
        raise UserError(f"{shown} is empty; give a file with rows")
    fields = [text.strip() for text in first.fields]
    if set(wanted.names) <= set(fields):
        check_names(fields, shown)
        return fields, first.last_line
    unasked = [name for name in reading.names if name in wanted.unasked]
    asked = [name for name in reading.names if name not in unasked]
    fitting = next((names for names in (reading.names, asked) if len(names) == len(fields)), None)
    if fitting is None:
        fewer = f" or {len(asked)} without {', '.join(unasked)}," if unasked else ""
        raise UserError(
            f"{shown}: line {first.line} has {len(fields)} fields; expected {len(reading.names)} as in data.names,"
            f"{fewer} or a header line that names the columns"
        )
    return fitting, reading.skip_lines


@dataclass
class _Block:
    """Physical lines of a file, from line `begin` on."""

    begin: int
    lines: list[str]


@dataclass
class _Collected:
    """The rows of a block: their numbers and lines, and those that cannot be read. `next`: the next row's number."""

    next: int
    numbers: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)

    def take(self, line: int) -> None:
        self.numbers.append(self.next)
        self.lines.append(line)
        self.next += 1

    def refuse(self, line: int, fields: int, expected: int, lines: int = 1) -> None:
        reason = f"has {fields} field{'' if fields == 1 else 's'}, expected {expected}"
        if lines > 1:
            reason += f"; it goes on to line {line + lines - 1}: is a quotation mark opened and never closed?"
        self.unreadable.append(Unreadable(self.next, line, reason))
        self.next += 1

    def chunk(self, table: pa.Table) -> Chunk:
        return Chunk(np.array(self.numbers, np.int64), table, self.unreadable, np.array(self.lines, np.int64))


def _delimited(
    path: Path, reading: Reading, separator: str, names: list[str], first: int, columns: Sequence[str]
) -> Iterator[Chunk]:
    encoding = "utf-8-sig" if is_utf8(reading.encoding) else reading.encoding
    with path.open(encoding=encoding, newline="") as stream:
        for _ in range(first):
            stream.readline()
        line, row = first + 1, 0
        while block := _block(stream, reading, line, _rows_at_a_time(len(names))):
            line += len(block.lines)
            if reading.quoting and any('"' in text for text in block.lines):
                lines = chain(block.lines, (table_line(text, reading) for text in stream))
                chunk, more = _quoted(fields_of(lines, reading, separator), block, row, names, columns, str(path))
                line += more
            else:
                chunk = _unquoted(block, row, delimiter_of(separator), quote_of(reading), names, columns)
            row += len(chunk)
            yield chunk


def _block(stream: IO[str], reading: Reading, begin: int, most: int) -> _Block | None:
    lines: list[str] = []
    characters = 0
    while len(lines) < most and characters < CHARACTERS and (text := stream.readline(LONGEST_LINE)):
        if len(text) == LONGEST_LINE:
            raise UserError(
                f"{stream.name}: line {begin + len(lines)} is longer than {LONGEST_LINE:,} characters; "
                "is this a table with one row per line?"
            )
        lines.append(table_line(text, reading))
        characters += len(text)
    return _Block(begin, lines) if lines else None


def _unquoted(
    block: _Block, row: int, separator: str, quote: str | Literal[False], names: list[str], columns: Sequence[str]
) -> Chunk:
    """Every line is a row: Arrow parses them five times faster than Python. `row`: the number of the first."""
    collected, good = _Collected(row), []
    for line, text in enumerate(block.lines, start=block.begin):
        fields = text.count(separator) + 1
        if fields == len(names) and (fields > 1 or text.rstrip("\r\n")):
            collected.take(line)
            good.append(text.rstrip("\r\n"))
        elif text.rstrip("\r\n"):
            collected.refuse(line, fields, len(names))
    if not good:
        return collected.chunk(_empty(columns))
    table = parse_delimited(io.BytesIO("\n".join(good).encode()), names, separator, "utf-8", 0, quote)
    return collected.chunk(table.select(list(columns)))


def _quoted(
    rows: Any, block: _Block, row: int, names: list[str], columns: Sequence[str], shown: str
) -> tuple[Chunk, int]:
    """Rows whose quoted values may contain separators and line ends, and the number of lines read beyond the block.

    rows: a reader of the csv module on the lines of the block and those after it.
    """
    csv.field_size_limit(LONGEST_LINE)
    collected, good, before = _Collected(row), [], 0
    places = [names.index(name) for name in columns]
    try:
        while before < len(block.lines):
            fields = next(rows)
            line, lines, before = block.begin + before, rows.line_num - before, rows.line_num
            if len(fields) == len(names):
                collected.take(line)
                good.append([fields[place] for place in places])
            elif fields:
                collected.refuse(line, len(fields), len(names), lines)
    except csv.Error as error:
        raise UserError(
            f"{shown}: the row that begins on line {block.begin + before} cannot be read ({error}); "
            "is a quotation mark opened and never closed?"
        ) from None
    values = zip(*good, strict=True) if good else [()] * len(columns)
    table = pa.table([pa.array(column, pa.string()) for column in values], names=list(columns))
    return collected.chunk(table), before - len(block.lines)


def _empty(columns: Sequence[str]) -> pa.Table:
    return pa.table({name: pa.chunked_array([], pa.string()) for name in columns})


def _rows_at_a_time(columns: int) -> int:
    return max(min(CELLS // max(columns, 1), ROWS), 1)
