"""Spreadsheets: the first sheet of a workbook (xlsx, xls, ods), or the one that the problem file names."""

import datetime
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa

from src.core.errors import UserError
from src.datasets.archives import most_bytes
from src.datasets.raw_table import GUESSES, RawTable, check_names, check_rows
from src.problem.sources import Reading


def read_spreadsheet(path: Path, shown: str, reading: Reading) -> RawTable:
    """The rows of a sheet as texts: numbers, dates and truth values as a CSV file would spell them.

    Empty rows, and columns without a name or a value, are left out.
    Raises UserError for a file that is no workbook, and for a sheet that is not there.
    """
    rows = _cells(path, shown, reading.sheet)[reading.skip_lines :]
    rows = [row for row in rows if any(cell != "" for cell in row)]
    if not rows:
        raise UserError(f"{shown} has an empty sheet; give one with a header and rows")
    header, body = (reading.names, rows) if reading.names else ([_text(cell) for cell in rows[0]], rows[1:])
    filled = [place for place in range(len(rows[0])) if any(row[place] != "" for row in rows)]
    if reading.names and len(reading.names) != len(filled):
        raise UserError(f"{shown} has {len(filled)} columns, and data.names names {len(reading.names)}; name each")
    names = [header[i if reading.names else place].strip() or f"unnamed_{i + 1}" for i, place in enumerate(filled)]
    check_names(names, shown)
    check_rows(len(body), shown)
    columns = [pa.array([_text(row[place]) for row in body], pa.string()) for place in filled]
    return RawTable(pa.table(columns, names=names), types={}, guesses=dict.fromkeys(names, GUESSES))


def sheets_of(path: Path, shown: str) -> list[str]:
    """The names of the sheets. Raises UserError for a file that is no workbook."""
    return [str(name) for name in _workbook(path, shown).sheet_names]


def _cells(path: Path, shown: str, sheet: str | None) -> list[list[Any]]:
    workbook = _workbook(path, shown)
    names = workbook.sheet_names
    if sheet is not None and sheet not in names:
        raise UserError(f"{shown} has no sheet {sheet!r}; it has {', '.join(map(repr, names))}")
    return workbook.get_sheet_by_name(sheet or names[0]).to_python(skip_empty_area=True)


def _workbook(path: Path, shown: str) -> Any:
    from python_calamine import CalamineError, CalamineWorkbook

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > most_bytes(path):
                raise UserError(f"{shown} expands to far more than its size and is refused; save the table as CSV")
    try:
        return CalamineWorkbook.from_path(path)
    except (CalamineError, OSError) as error:
        raise UserError(
            f"{shown} cannot be read as a spreadsheet: {error}; is it damaged or has it a password? Save it as CSV"
        ) from None


def _text(cell: Any) -> str:
    """A cell as a CSV file would spell it."""
    match cell:
        case bool():
            return str(cell).lower()
        case float() if cell.is_integer() and abs(cell) < 2**53:
            return str(int(cell))
        case datetime.datetime() if cell.time() == datetime.time():
            return cell.date().isoformat()
        case datetime.datetime() | datetime.date() | datetime.time():
            return cell.isoformat()
        case _:
            return str(cell)
