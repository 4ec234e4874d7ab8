"""How a user's table file has to be read, found by looking at it: compression, format, encoding, layout and numbers.

A problem file holds what was found as settings of `data`, so that a guess is made once and can be corrected.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from src.core.errors import UserError
from src.core.text import counted
from src.datasets.archives import is_archive, is_packed, members_of, unpack
from src.datasets.dates import recognized_dates
from src.datasets.delimited import SEPARATORS, fields_of, table_lines
from src.datasets.encoding import way_out
from src.datasets.notation import recognized, settings_of
from src.datasets.parquet import INDEX
from src.datasets.reading import FORMATS, read_local
from src.datasets.spreadsheet import sheets_of
from src.problem.sources import WHITESPACE, Notation, Reading

# So many lines tell the layout.
LINES = 1000
# So many tables of an archive are looked at.
MOST_TABLES = 20
COMMENTS = ("#", "%", "//")
# Endings of tables that tell no format.
_TABLES = (".txt", ".data", ".dat")
# How packed files and workbooks begin, with the endings by which they are known.
_PACKED = {
    b"\x1f\x8b": ("a gzip file", (".gz", ".tgz")),
    b"BZh": ("a bzip2 file", (".bz2", ".tbz2")),
    b"\xfd7zXZ": ("an xz file", (".xz", ".txz")),
    b"\x28\xb5\x2f\xfd": ("a Zstandard file", (".zst",)),
    b"PK\x03\x04": ("a zip archive", (".zip", *FORMATS["spreadsheet"].endings)),
}
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_NUMBER = re.compile(r"[+-]?[\d.,\s]*\d[\d.,\s]*%?")
_YEARS = range(1800, 2101)
# The numbers that may be days such as 20240105.
_DAYS_AS_NUMBERS = (18000101, 21001231)


@dataclass(frozen=True)
class Looked:
    """A table, the settings of `data` by which it is read, and what was concluded, in sentences."""

    table: pd.DataFrame
    settings: dict[str, Any]
    notes: list[str]


def look_at(file: Path, target: str) -> Looked:
    """Read a table file as its content suggests.

    target: a column, or several separated by commas, by which a table is found among those of an archive.
    Raises UserError for what is no table, and for an archive of several tables that may be meant.
    """
    _check_beginning(file)
    if not is_packed(file):
        return _looked_at(file, str(file), target)
    with TemporaryDirectory() as folder:
        if not is_archive(file):
            return _looked_at(unpack(file, None, Path(folder), str(file)), str(file), target)
        return _in_archive(file, target, Path(folder))


def encoding_of(file: Path) -> str:
    """The encoding of a text file: by its mark, else UTF-8 if it can be, else that of Windows in Western Europe.

    Raises UserError if it is no text.
    """
    content = file.read_bytes()
    marked = next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), None)
    if marked is not None:
        return marked
    if b"\0" in content:
        raise UserError(f"{file} is not text; {way_out(file) or 'give a table as CSV or Parquet'}")
    for encoding in ("utf-8", "cp1252"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def _check_beginning(file: Path) -> None:
    """Raise UserError if the ending hides what the file is."""
    with file.open("rb") as stream:
        head = stream.read(8)
    for beginning, (name, endings) in _PACKED.items():
        if head.startswith(beginning) and file.suffix.lower() not in endings:
            raise UserError(f"{file} is {name}: let its name end in {endings[0]}, or unpack it")


def _in_archive(file: Path, target: str, folder: Path) -> Looked:
    """The one table of an archive, or the one that has the targets."""
    names = members_of(file, str(file))
    known = {ending for each in FORMATS.values() for ending in each.endings} | set(_TABLES)
    tables = [name for name in names if Path(name).suffix.lower() in known]
    if not tables:
        raise UserError(
            f"{file} holds {counted(len(names), 'file')} and no table; see `members` in docs/problem-files.md"
        )
    looked, refused = {}, []
    for number, name in enumerate(tables[:MOST_TABLES]):
        scratch = folder / str(number)
        scratch.mkdir()
        try:
            looked[name] = _looked_at(unpack(file, name, scratch, str(file)), f"{file}: {name}", target)
        except UserError as error:
            refused.append(str(error))
    if len(tables) == 1 and refused:
        raise UserError(refused[0])
    targets = {name.strip() for name in target.split(",") if name.strip()}
    fitting = [
        name for name, each in looked.items() if target in each.table.columns or targets <= {*each.table.columns}
    ]
    if len(fitting) != 1:
        fit = f"{len(fitting)} of them have" if fitting else "none has"
        asked = f"; {fit} the target" if target else ""
        raise UserError(f"{file} holds {len(tables)} tables{asked}: unpack it and give one of {', '.join(tables[:10])}")
    [name] = fitting
    member = {} if len(names) == 1 else {"member": name}
    others = [] if len(tables) == 1 else [f"Of {len(tables)} tables in the archive, {name} alone has the target."]
    return Looked(looked[name].table, member | looked[name].settings, others + looked[name].notes)


def _looked_at(path: Path, shown: str, target: str) -> Looked:
    settings, notes = format_of(path, shown)
    reading = Reading.model_validate(settings)
    targets = {target, *(name.strip() for name in target.split(","))}
    table = read_local(path, reading, shown, targets)
    forms = {str(name): fitting for name in table if (fitting := _forms(table[name]))}
    if forms:
        settings["dates"] = {name: fitting[0] for name, fitting in forms.items()}
        table = read_local(path, Reading.model_validate(settings), shown, targets)
        notes += [_dates_in_words(name, fitting) for name, fitting in forms.items()]
    notations = {str(name): each for name in table if (each := _notation(table[name])) not in (None, Notation())}
    if notations:
        settings |= settings_of({name: notation for name, notation in notations.items() if notation is not None})
        table = read_local(path, Reading.model_validate(settings), shown, targets)
        notes += [f"{name} holds numbers written with {_in_words(notation)}." for name, notation in notations.items()]
    return Looked(table, settings, notes)


def _forms(values: pd.Series) -> list[str]:
    """The forms in which a column may hold dates, the likeliest first; none in a column of another type."""
    if values.dtype == np.float64 and values.between(*_DAYS_AS_NUMBERS).all() and (values % 1 == 0).all():
        values = values.map("{:.0f}".format).astype("str")
    if not isinstance(values.dtype, pd.StringDtype):
        return []
    return recognized_dates(pa.chunked_array([pa.Array.from_pandas(values, type=pa.string())]))


def _dates_in_words(name: str, forms: Sequence[str]) -> str:
    sure = f"{name} holds dates, read as {forms[0]}"
    return f"{sure}; {' or '.join(forms[1:])} fits as well." if len(forms) > 1 else f"{sure}."


def _notation(values: pd.Series) -> Notation | None:
    """How the numbers in a column of texts are written; None in a column of another type."""
    if not isinstance(values.dtype, pd.StringDtype):
        return None
    return recognized(pa.chunked_array([pa.Array.from_pandas(values, type=pa.string())]))


def _in_words(notation: Notation | None) -> str:
    assert notation is not None
    parts = ["a decimal comma"] if notation.decimal == "," else []
    parts += [f"{notation.thousands!r} between thousands"] if notation.thousands else []
    parts += [f"the unit {notation.unit!r}"] if notation.unit else []
    return " and ".join(parts)


def format_of(path: Path, shown: str) -> tuple[dict[str, Any], list[str]]:
    """The settings of a file's format and, in a text file, of its layout, with what was concluded in sentences."""
    by_ending = next((name for name, each in FORMATS.items() if path.suffix.lower() in each.endings), None)
    with path.open("rb") as stream:
        head = stream.read(2**16)
    if head.startswith(_WORKBOOKS):
        sheets = sheets_of(path, shown)
        more = [f"Read is the first of {len(sheets)} sheets, {sheets[0]!r}."] if len(sheets) > 1 else []
        return ({} if by_ending == "spreadsheet" else {"format": "spreadsheet"}), more
    if head.startswith(b"PAR1"):
        labels = [name for name in pyarrow.parquet.read_schema(path).names if INDEX.fullmatch(name)]
        notes = [f"{name} holds pandas' own labels of the rows and is not read." for name in labels]
        return ({} if by_ending == "parquet" else {"format": "parquet"}), notes
    if by_ending in ("arff", "conllu", "parquet", "spreadsheet"):
        return {}, []
    encoding = encoding_of(path)
    settings: dict[str, Any] = {} if encoding == "utf-8" else {"encoding": encoding}
    notes = [f"The file is not UTF-8; it is read as {encoding}."] if settings else []
    first = head.decode(encoding, errors="ignore").lstrip("\ufeff \t\r\n")
    as_json = {"[": "json", "{": "jsonl"}.get(first[:1])
    if as_json is not None and by_ending != "csv":
        return settings | ({} if by_ending == as_json else {"format": as_json}), notes
    if first.lower().startswith("@relation"):
        return settings | {"format": "arff"}, notes
    settings |= {} if by_ending in ("csv", "tsv") else {"format": "csv"}
    layout, more = _layout(path, encoding, "\t" if by_ending == "tsv" else ",")
    return settings | layout, notes + more


def _layout(path: Path, encoding: str, usual: str) -> tuple[dict[str, Any], list[str]]:
    """The settings of delimited text: what is before the header, the separator, quotation marks and the header."""
    lines = list(islice(table_lines(path, Reading(encoding=encoding)), LINES))
    settings: dict[str, Any] = {}
    notes: list[str] = []
    named = re.fullmatch(r'"?sep=(.)"?\s*', lines[0]) if lines else None
    comment = _comment(lines[1 if named else 0 :])
    if comment is not None:
        settings["comment"] = comment
        notes.append(f"Lines that begin with {comment} are comments.")
    separator, width, begin = _separator(path, encoding, comment, int(named is not None), named[1] if named else None)
    if separator != usual:
        settings["separator"] = separator
    if begin:
        settings["skip_lines"] = begin
        notes.append(f"The table begins on line {begin + 1}, after {counted(begin, 'line')} of another form.")
    reading = Reading.model_validate(settings | {"encoding": encoding})
    if _is_torn_by_quotes(path, reading, separator, width):
        settings["quoting"] = False
        notes.append("Quotation marks are characters of the values; they do not enclose them.")
        reading = reading.model_copy(update={"quoting": False})
    rows = list(islice(_rows(path, reading, separator), LINES))
    if len(rows) > 1 and _is_row(rows[0], rows[1:]):
        settings["names"] = [f"column_{number}" for number in range(1, len(rows[0]) + 1)]
        notes.append("The first line is a row and names no column; the columns are numbered: name them in `names`.")
    return settings, notes


def _rows(path: Path, reading: Reading, separator: str) -> Any:
    lines = islice(table_lines(path, reading), reading.skip_lines, None)
    return (fields for fields in fields_of(lines, reading, separator) if fields)


def _comment(lines: Sequence[str]) -> str | None:
    """The mark of comments before the header; a single marked line that is as wide as the next is the header."""
    for mark in COMMENTS:
        marked = [line for line in lines if line.startswith(mark)]
        if not marked or not lines[0].startswith(mark):
            continue
        following = next((line for line in lines if not line.startswith(mark) and line.strip()), "")
        is_header = len(marked) == 1 and any(0 < marked[0].count(each) == following.count(each) for each in SEPARATORS)
        if not is_header:
            return mark
    return None


def _separator(path: Path, encoding: str, comment: str | None, skipped: int, named: str | None) -> tuple[str, int, int]:
    """The separator by which most rows have equally many values, this number, and the lines before the first of them.

    skipped: how many first lines are no rows. named: the separator that the file itself names.
    """
    best = (0.0, 1, ",", skipped)
    for separator in (named,) if named else (*SEPARATORS, WHITESPACE):
        reading = Reading.model_validate({"encoding": encoding, "comment": comment, "separator": separator})
        lines = list(islice(table_lines(path, reading), skipped, LINES))
        rows = fields_of(lines, reading, separator)
        widths: list[int] = []
        begins: list[int] = []
        before, numbers = skipped, 0
        for fields in rows:
            if fields:
                widths.append(len(fields))
                begins.append(before if begins else skipped)
                numbers += sum(bool(_NUMBER.fullmatch(text)) for text in fields)
            before = skipped + rows.line_num
        width, count = max(Counter(widths).items(), key=lambda pair: (pair[1], pair[0]), default=(1, 0))
        # Words between spaces make no table, numbers do.
        if (width < 2 and not named) or (separator == WHITESPACE and numbers < sum(widths) / 2):
            continue
        candidate = (count / max(len(widths), 1), width, separator, begins[widths.index(width)] if widths else skipped)
        best = max(best, candidate, key=lambda each: each[:2])
    share, width, separator, begin = best
    return (separator, width, begin) if share >= 0.5 or named else (",", 1, skipped)


def _is_torn_by_quotes(path: Path, reading: Reading, separator: str, width: int) -> bool:
    """Whether quotation marks join lines that are rows of their own: without them every line has the same width."""
    lines = quoted = 0
    for line in islice(table_lines(path, reading), reading.skip_lines, None):
        lines += bool(line.strip())
        quoted += '"' in line
    if not quoted:
        return False
    rows = sum(1 for _ in _rows(path, reading, separator))
    if rows == lines:
        return False
    unquoted = reading.model_copy(update={"quoting": False})
    return all(len(fields) == width for fields in _rows(path, unquoted, separator))


def _is_row(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether a first line names no columns: numbers stand in it as they do below, and they are no years."""
    numbers = [bool(_NUMBER.fullmatch(text.strip())) for text in first]
    below = [
        all(_NUMBER.fullmatch(row[place].strip()) or not row[place].strip() for row in others if place < len(row))
        for place in range(len(first))
    ]
    alike = [number for number, numeric in zip(numbers, below, strict=True) if numeric]
    years = [int(text) for text in first if text.strip().isdigit() and int(text) in _YEARS]
    return bool(alike) and all(alike) and len(years) < max(2, sum(numbers) / 2)
