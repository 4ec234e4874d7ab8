"""Read one typed table from a raw data folder, whatever the formats of its files."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from numpy.typing import NDArray

from src.core.errors import UserError
from src.core.files import intact
from src.core.hashes import file_sha256
from src.datasets.arff import arff_lines, read_arff
from src.datasets.columns import (
    NotOfType,
    arrow_column_type,
    canonical,
    clean,
    guess_type,
    is_text,
    loses_digits,
    parse,
    plain_numbers,
)
from src.datasets.conllu import conllu_lines, read_conllu
from src.datasets.dates import iso_spelling
from src.datasets.delimited import csv_lines, read_csv, read_tsv, tsv_lines
from src.datasets.json_lines import jsonl_lines, read_json, read_jsonl
from src.datasets.lists import with_labels
from src.datasets.manifest import RawFile, read_manifest
from src.datasets.parquet import read_parquet
from src.datasets.raw_table import ColumnTypes, RawTable, Runs, common, nearest
from src.datasets.spreadsheet import read_spreadsheet
from src.problem.sources import LocalSource, Members, Notation, Reading, RemoteSource, SklearnSource
from src.problem.terms import ColumnType

ROLE = "__role__"
Index = NDArray[np.intp]


@dataclass(frozen=True)
class _Format:
    """How a file is read; `lines` gives the file line of each row in text formats."""

    read: Callable[[Path, str, Reading], RawTable]
    lines: Callable[[Path, Reading], Iterator[int]] | None
    endings: tuple[str, ...]


FORMATS = {
    "csv": _Format(read_csv, csv_lines, (".csv",)),
    "tsv": _Format(read_tsv, tsv_lines, (".tsv", ".tab")),
    "parquet": _Format(read_parquet, None, (".parquet", ".pq")),
    "json": _Format(read_json, None, (".json",)),
    "jsonl": _Format(read_jsonl, jsonl_lines, (".jsonl", ".ndjson")),
    "arff": _Format(read_arff, arff_lines, (".arff",)),
    "conllu": _Format(read_conllu, conllu_lines, (".conllu",)),
    "spreadsheet": _Format(read_spreadsheet, None, (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")),
}
# Read once, when they are fetched: what is kept is the table as Parquet.
_KEPT_AS_PARQUET = ("json", "spreadsheet")

# What messages call a value of each type.
EXPECTED: dict[ColumnType, str] = {
    "numeric": "a number with a decimal point",
    "boolean": "true/false, yes/no or 1/0",
    "image": "a picture's file: bytes, or base64 as text",
    "date": "a date such as 2026-11-21 or 2026-11-21T13:00",
}


@dataclass(frozen=True)
class _File:
    """One raw file and how to read it; `shown` is the name that the user knows it by."""

    path: Path
    shown: str
    role: str
    reading: Reading

    @property
    def format(self) -> _Format:
        return FORMATS[format_of(self.path, self.shown, self.reading)]


def format_of(path: Path, shown: str, reading: Reading) -> str:
    """The name of a file's format: as declared, else by its ending. Raises UserError where neither tells."""
    if reading.format != "auto":
        return reading.format
    by_ending = next((name for name, each in FORMATS.items() if path.suffix.lower() in each.endings), None)
    if by_ending is None:
        raise UserError(
            f"{shown}: the ending {path.suffix!r} does not tell the format; "
            f"set `format` under data to one of {', '.join(FORMATS)}"
        )
    return by_ending


def is_kept_as_parquet(name: str, reading: Reading) -> bool:
    """Whether what is kept of a file is its table as Parquet, since its own format takes long to read."""
    ending = Path(name).suffix.lower()
    by_ending = any(ending in FORMATS[each].endings for each in _KEPT_AS_PARQUET)
    return by_ending if reading.format == "auto" else reading.format in _KEPT_AS_PARQUET


@dataclass(frozen=True)
class _Guessed:
    """A column whose type nobody declared: its cleaned texts, the type that fits all of them, and the types to try."""

    text: pa.ChunkedArray
    notation: Notation
    type: ColumnType
    runs: Runs
    of_nothing: ColumnTypes | None

    def type_by(self, rows_N: NDArray[np.bool_]) -> ColumnType:
        """The type that the rows `rows_N` suggest."""
        present_N = rows_N & pc.is_valid(self.text).to_numpy()
        begins = [0, *(end for end, _ in self.runs)]
        to_try = [types for begin, (end, types) in zip(begins, self.runs, strict=False) if present_N[begin:end].any()]
        if not to_try and self.of_nothing is not None:
            to_try = [self.of_nothing]
        types = common(to_try or [types for _, types in self.runs])
        return guess_type(self.text.filter(pa.array(rows_N)), types, self.notation)


@dataclass(frozen=True)
class Misfit:
    """Values of sealed rows that do not fit the type that the training rows gave to a column, with their positions."""

    column: str
    type: ColumnType
    positions: NDArray[np.intp]
    examples: list[str]


@dataclass(frozen=True)
class SplitTable:
    """A typed table, the positions of its sealed rows, the values of these that do not fit, and columns left out."""

    frame: pd.DataFrame
    test_N: Index
    misfits: list[Misfit]
    left_out: Sequence[str]


def read_table(
    source: SklearnSource | LocalSource | RemoteSource,
    raw: Path,
    types: dict[str, ColumnType],
    targets: Collection[str] = (),
) -> pd.DataFrame:
    """Read the files of `source` in the folder `raw` as one table of N rows, in file order.

    `types` declares the types of columns; the others are guessed. targets: see `typed_column`.
    Numeric columns are float64, texts `str`, booleans nullable `boolean`, dates datetime64[us]; missing values are NaN,
    NA or NaT. If a file has the role `test`, the column `__role__` says "any" or "test". Raises UserError with file,
    line, column and the way out.
    """
    return _typed(_files(source, raw), types, targets)[0]


def read_split(
    source: SklearnSource | LocalSource | RemoteSource,
    raw: Path,
    types: dict[str, ColumnType],
    seal: Callable[[pd.DataFrame], Index],
    unlearnt: Collection[str] = (),
    targets: Collection[str] = (),
) -> SplitTable:
    """The same, but only the training rows decide the types of columns.

    seal: gives the positions of the sealed rows, which may not depend on types; it gets the table of `read_table`.
    A sealed value that does not fit becomes a gap in the table and a `Misfit`. unlearnt: columns from which nothing is
    learnt, which stay as they are.
    """
    frame, guessed, left_out = _typed(_files(source, raw), types, targets)
    test_N = seal(frame)
    training_N = np.ones(len(frame), dtype=bool)
    training_N[test_N] = False
    misfits = []
    for name, column in guessed.items():
        type_ = column.type_by(training_N)
        if type_ != column.type and name not in unlearnt and training_N.any():
            values, positions, examples = _fitted(column.text, type_, column.notation)
            frame[name] = _pandas({name: values})[name]
            if len(positions):
                misfits.append(Misfit(name, type_, positions, examples))
    return SplitTable(frame, test_N, misfits, left_out)


def read_local(path: Path, reading: Reading, shown: str, targets: Collection[str] = ()) -> pd.DataFrame:
    """Read one of the user's files, `shown` in messages, as `read_table` will once it is fetched."""
    return _typed([_File(path, shown, "any", reading)], {}, targets)[0]


def vectors_file(raw: Path) -> Path:
    """The file of word vectors in the folder `raw`, which has one. Raises UserError if it is missing."""
    [listed] = [file for file in read_manifest(raw).files if file.role == "vectors"]
    return _file(raw, listed, listed.name, Reading()).path


def read_raw(path: Path, reading: Reading, shown: str) -> RawTable:
    """Read one file without converting its columns."""
    return _File(path, shown, "any", reading).format.read(path, shown, reading)


def file_lines(source: SklearnSource | LocalSource | RemoteSource, raw: Path, rows: Sequence[int]) -> dict[int, str]:
    """The places of rows (0-based positions) in their files, such as "name line 7"; none in formats without lines."""
    return _lines(_files(source, raw), rows)


def _typed(
    files: Sequence[_File], types: dict[str, ColumnType], targets: Collection[str] = ()
) -> tuple[pd.DataFrame, dict[str, _Guessed], Sequence[str]]:
    """The rows of all files, columns whose type might be another if only some rows decided it, and those left out."""
    tables = [file.format.read(file.path, file.shown, file.reading) for file in files]
    rows = [raw_table.table.num_rows for raw_table in tables]
    whole = with_labels(_joined(tables, files), files[0].reading.lists, targets)
    unknown = [name for name in types if name not in whole.table.column_names]
    if unknown:
        raise UserError(f"columns: there is no column {unknown[0]!r}; {nearest(unknown[0], whole.table.column_names)}")
    pending = dict(zip(whole.table.column_names, whole.table.columns, strict=True))
    declared, guesses, of_nothing, left_out = whole.types, whole.guesses, whole.of_nothing, whole.left_out
    runs = {name: whole.guesses_in_runs(name) for name in pending}
    del tables, whole  # frees the texts of each column as soon as it is typed
    typed, guessed = {}, {}
    for name in list(pending):
        values, by_file, by_user = pending.pop(name), declared.get(name), types.get(name)
        if name in files[0].reading.dates:
            values, by_file = iso_spelling(values.cast(pa.string()), files[0].reading.dates[name]), None
            guesses[name] = ("date",)
        try:
            typed[name] = typed_column(
                name, values, by_file, by_user or by_file, guesses.get(name, ()), files[0].reading, name in targets
            )
        except NotOfType as error:
            raise _refused(name, by_user or declared[name], by_user is not None, error, files) from None
        type_ = arrow_column_type(typed[name].type)
        first = {to_try[:1] for _, to_try in runs[name]} | ({of_nothing[:1]} if of_nothing else set())
        if by_user is None and by_file is None and type_ is not None and first not in ({()}, {(type_,)}):
            as_typed = type_ == "categorical" and name not in targets
            text = typed[name] if as_typed else _cleaned(values, files[0].reading)
            guessed[name] = _Guessed(text, files[0].reading.notation(name), type_, runs[name], of_nothing)
        del values
    frame = _pandas(typed)
    if any(file.role == "test" for file in files):
        frame[ROLE] = pd.Series(np.repeat([file.role for file in files], rows), dtype="str")
    return frame, guessed, left_out


def _pandas(columns: dict[str, pa.ChunkedArray]) -> pd.DataFrame:
    return pa.table(columns).to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)


def _cleaned(values: pa.ChunkedArray, reading: Reading) -> pa.ChunkedArray:
    return clean(values.cast(pa.string()), reading.marks, reading.strip_end)


def _fitted(
    text: pa.ChunkedArray, type_: ColumnType, notation: Notation
) -> tuple[pa.ChunkedArray, NDArray[np.intp], list[str]]:
    """The texts as values of the type, the positions of those that do not fit and become gaps, and examples of them."""
    try:
        return parse(text, type_, notation), np.array([], dtype=np.intp), []
    except NotOfType as error:
        wrong_N = np.zeros(len(text), dtype=bool)
        wrong_N[error.positions] = True
        fitting = pc.if_else(pa.array(wrong_N), pa.scalar(None, pa.string()), text)
        return parse(fitting, type_, notation), error.positions, error.examples


def _files(source: SklearnSource | LocalSource | RemoteSource, raw: Path) -> list[_File]:
    listed = [file for file in read_manifest(raw).files if file.role != "vectors"]
    match source:
        case SklearnSource():
            return [
                _file(raw, listed[0], f"scikit-learn's {source.name}", Reading.model_validate({"format": "parquet"}))
            ]
        case LocalSource():
            return [_file(raw, listed[0], f"data/local/{source.path}", _as_fetched(source, source))]
        case RemoteSource():
            skipped = [source.skip_lines if file.skip_lines is None else file.skip_lines for file in source.files]
            readings = [source.model_copy(update={"skip_lines": lines}) for lines in skipped]
            return [
                _file(raw, file, str(raw / file.name), _as_fetched(reading, remote))
                for file, reading, remote in zip(listed, readings, source.files, strict=True)
            ]


def _as_fetched(reading: Reading, members: Members) -> Reading:
    """How to read the fetched file: a table with its pictures, or cut from a text, has become a Parquet file."""
    is_parquet = members.pictures is not None or members.records is not None or reading.format in _KEPT_AS_PARQUET
    return reading.model_copy(update={"format": "parquet"}) if is_parquet else reading


def _file(raw: Path, listed: RawFile, shown: str, reading: Reading) -> _File:
    path = raw / listed.name
    with intact(path):
        if file_sha256(path) != listed.sha256:
            raise ValueError("its checksum is not the one that it had when it was fetched")
    return _File(path, shown, listed.role, reading)


def _joined(tables: Sequence[RawTable], files: Sequence[_File]) -> RawTable:
    """The rows of all files, which need the same columns, in any order."""
    first = tables[0]
    names = first.table.column_names
    for table, file in zip(tables[1:], files[1:], strict=True):
        other = table.table.column_names
        lacking = next((name for name in (*names, *other) if (name in names) != (name in other)), None)
        if lacking is not None:
            less, full = (file, files[0]) if lacking in names else (files[0], file)
            raise UserError(f"{less.shown} lacks the column {lacking!r} that {full.shown} has; all files need the same")
        differs = next((n for n in names if table.types.get(n) != first.types.get(n)), None)
        if differs is not None:
            raise UserError(f"{file.shown}: column {differs!r} has another type than in {files[0].shown}")
    starts = np.cumsum([0, *(table.table.num_rows for table in tables)]).tolist()
    runs = {
        name: [
            (start + end, types)
            for start, table in zip(starts, tables, strict=False)
            for end, types in table.guesses_in_runs(name)
        ]
        for name in names
    }
    return RawTable(
        pa.concat_tables([table.table.select(names) for table in tables], promote_options="permissive"),
        types=first.types,
        guesses={name: common(table.guesses[name] for table in tables) for name in first.guesses},
        runs={name: in_column for name, in_column in runs.items() if len(in_column) > 1},
        of_nothing=first.of_nothing,
        left_out=list(dict.fromkeys(name for table in tables for name in table.left_out)),
    )


def typed_column(
    name: str,
    values: pa.ChunkedArray,
    by_file: ColumnType | None,
    declared: ColumnType | None,
    guesses: Sequence[ColumnType],
    reading: Reading,
    is_target: bool = False,
) -> pa.ChunkedArray:
    """A column with the canonical values of its type, which is declared or guessed.

    name: the column's. by_file: the type that the file itself declares, whose values need no parsing.
    is_target: a target, in whose classes words such as "None" are no gaps unless the problem file says so.
    """
    if by_file == "text":
        return values.cast(pa.string())
    notation = reading.notation(name)
    if not is_text(values.type):
        if declared == by_file and by_file is not None:
            return canonical(values, by_file)
        values = values.cast(pa.string())
    elif declared == "numeric" or (declared is None and guesses[:1] == ("numeric",)):
        numbers = plain_numbers(values, reading, notation)
        if numbers is not None and (declared is not None or not loses_digits(values, numbers)):
            return numbers
    words = values.cast(pa.string())
    # Words such as "?" or "None" are no gaps.
    text = clean(words, [""] if declared == "token" else reading.marks, reading.strip_end)
    type_ = declared or guess_type(text, guesses, notation)
    if is_target and type_ == "categorical":
        text = clean(words, reading.asked_marks, reading.strip_end)
    return parse(text, type_, notation)


def _refused(name: str, type_: ColumnType, by_user: bool, error: NotOfType, files: Sequence[_File]) -> UserError:
    positions = [int(position) for position in error.positions[:5]]
    lines = _lines(files, positions)
    rows = "; ".join(
        f"row {position}{f' ({lines[position]})' if position in lines else ''}: {example!r}"
        for position, example in zip(positions, error.examples, strict=True)
    )
    source = f"columns.{name}" if by_user else "the file's header"
    count = len(error.positions)
    values = f"{count} value{'' if count == 1 else 's'}"
    return UserError(
        f"{files[0].shown}: column {name!r} is declared {type_} by {source}, but {values} cannot be read as "
        f"{EXPECTED[type_]}: {rows}{'; …' if count > 5 else ''}. "
        f"Correct them, name the mark of missing values in data.missing, or declare the column categorical"
    )


def _lines(files: Sequence[_File], positions: Sequence[int]) -> dict[int, str]:
    wanted, places, begin = set(positions), {}, 0
    for file in files:
        if begin > max(wanted, default=-1):
            break
        if file.format.lines is None:
            begin += pyarrow.parquet.read_metadata(file.path).num_rows
            continue
        count = 0
        for count, line in enumerate(islice(file.format.lines(file.path, file.reading), max(wanted) - begin + 1), 1):
            if begin + count - 1 in wanted:
                places[begin + count - 1] = f"{file.path.name} line {line}"
        begin += count
    return places
