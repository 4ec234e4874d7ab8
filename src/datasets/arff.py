"""ARFF, the format of Weka and Mulan: a header that declares every column, then comma-separated rows.

SciPy's reader refuses Mulan's files, because they declare their labels with the type `label`.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from src.core.errors import UserError
from src.datasets.delimited import parse_delimited
from src.datasets.encoding import check_encoding
from src.datasets.raw_table import GUESSES, RawTable, check_names, check_rows
from src.problem.sources import Reading
from src.problem.terms import ColumnType

_ATTRIBUTE = re.compile(r"""@attribute\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+)\s+(.+)""", re.IGNORECASE)
_TYPES: dict[str, ColumnType] = {
    "numeric": "numeric",
    "real": "numeric",
    "integer": "numeric",
    "string": "categorical",
    "date": "date",
}
# A nominal column with these two values is an indicator and is read as numbers.
_INDICATOR = {"0", "1"}


def read_arff(path: Path, shown: str, reading: Reading) -> RawTable:
    """Declared types become column types. For a type outside the standard (Mulan's `label`) the values decide."""
    check_encoding(path, shown, reading.encoding)
    lines = path.read_text(encoding=reading.encoding).splitlines()
    declared_types, begin = _header(lines, shown)
    check_names(list(declared_types), shown)
    rows = [(i, lines[i]) for i in _row_positions(lines, begin)]
    sparse = next((i for i, line in rows if line.lstrip().startswith("{")), None)
    if sparse is not None:
        raise UserError(
            f"{shown}: line {sparse + 1} is a sparse row ({{index value, …}}); convert the file to dense rows"
        )
    check_rows(len(rows), shown)
    text = "\n".join(line for _, line in rows)
    quote = "'" if "'" in text and '"' not in text else '"'
    try:
        table = parse_delimited(io.BytesIO(text.encode()), list(declared_types), ",", "utf-8", 0, quote)
    except pa.ArrowInvalid as error:
        wrong = next((i + 1 for i, line in rows if line.count(",") + 1 != len(declared_types)), None)
        place = (
            f"line {wrong} does not have the {len(declared_types)} fields that the header declares"
            if wrong
            else str(error)
        )
        raise UserError(f"{shown}: {place}") from None
    types = {
        name: _TYPES[word]
        for name, declared in declared_types.items()
        if (word := declared.split()[0].lower()) in _TYPES
    }
    nominal = {name: _nominal_values(declared) for name, declared in declared_types.items() if declared.startswith("{")}
    types |= {name: "categorical" for name, values in nominal.items() if values != _INDICATOR}
    return RawTable(table, types=types, guesses={name: GUESSES for name in declared_types if name not in types})


def arff_lines(path: Path, reading: Reading) -> Iterator[int]:
    """The file line (from 1) of each row."""
    lines = path.read_text(encoding=reading.encoding).splitlines()
    return (i + 1 for i in _row_positions(lines, _header(lines, path.name)[1]))


def _header(lines: list[str], shown: str) -> tuple[dict[str, str], int]:
    """The declared type of every column, and the index of the line after `@data`."""
    names, declared_types = [], []
    for i, line in enumerate(lines):
        word = line.strip().lower()
        if word.startswith("@attribute"):
            match = _ATTRIBUTE.match(line.strip())
            if match is None:
                raise UserError(f"{shown}: line {i + 1} is not an ARFF attribute: {line.strip()!r}")
            names.append(re.sub(r"\\(.)", r"\1", match[1].strip("'\"")))
            declared_types.append(match[2].strip())
        elif word.startswith("@data"):
            check_names(names, shown)
            return dict(zip(names, declared_types, strict=True)), i + 1
    raise UserError(f"{shown} is empty or not an ARFF file: it has no line '@data'")


def _row_positions(lines: list[str], begin: int) -> list[int]:
    return [i for i in range(begin, len(lines)) if (line := lines[i].strip()) and not line.startswith("%")]


def _nominal_values(declared: str) -> set[str]:
    return {value.strip().strip("'\"") for value in declared.strip("{} ").split(",")}
