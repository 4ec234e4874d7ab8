"""A table with a column of paths to picture files: the files replace their paths.

    photo,weight              path: pets/animals.csv
    cats/1.jpg,4.2            pictures: photo

Paths begin at the table's folder. The other columns stay as they were read.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet

from src.core.errors import UserError
from src.core.names import fault_of_path
from src.datasets.members import contents
from src.datasets.parquet import write_parquet
from src.datasets.raw_table import RawTable, nearest
from src.inputs.pictures import FORMATS, decodes

MOST_NAMED = 5


def pictures_of(raw: RawTable, column: str, beside: Path, base: str, shown: str) -> dict[str, bytes]:
    """The files that the column lists, by path; files that do not exist are left out.

    beside: the folder or archive. base: the table's folder in it. Raises UserError if there is no such column, or if a
    path is missing or leaves the folder.
    """
    names = raw.table.column_names
    if column not in names:
        raise UserError(f"{shown}: data.pictures: there is no column {column!r}; {nearest(column, names)}")
    paths = raw.table[column].to_pylist()
    wrong = [row for row, path in enumerate(paths) if not isinstance(path, str) or fault_of_path(path)]
    _refuse(wrong, paths, column, shown, "is no path below the table's folder")
    paths_of: dict[str, set[str]] = {}
    for path in paths:  # `a.png` and `./a.png` are one file
        paths_of.setdefault((PurePosixPath(base) / path).as_posix(), set()).add(path)
    pairs = contents(beside, paths_of.__contains__, shown)
    return {path: content for name, content in pairs for path in paths_of[name]}


def table_with_pictures(raw: RawTable, column: str, files: Mapping[str, bytes], folder: Path, shown: str) -> Path:
    """Write the table with the files in place of their paths into `folder` and return its path.

    Raises UserError if a file is missing or is not a picture.
    """
    paths = raw.table[column].to_pylist()
    missing = [row for row, path in enumerate(paths) if path not in files]
    _refuse(missing, paths, column, shown, "does not exist")
    whole = {path: decodes(files[path]) for path in dict.fromkeys(paths)}
    damaged = [row for row, path in enumerate(paths) if not whole[path]]
    _refuse(damaged, paths, column, shown, f"is damaged or in none of the formats {', '.join(FORMATS)}")
    pictures = pa.array([files[path] for path in paths], pa.binary())
    table = raw.table.set_column(raw.table.column_names.index(column), column, pictures)
    guesses = {name: types for name, types in raw.guesses.items() if name != column}
    target = folder / "table.parquet"
    write_parquet(replace(raw, table=table, guesses=guesses), target)
    return target


def checksum(files: Mapping[str, bytes]) -> str:
    """One hash of the names and contents of all files."""
    listed = "".join(f"{hashlib.sha256(content).hexdigest()} {name}\n" for name, content in sorted(files.items()))
    return hashlib.sha256(listed.encode()).hexdigest()


def _refuse(rows: list[int], paths: list[str | None], column: str, shown: str, fault: str) -> None:
    if rows:
        listed = "; ".join(f"row {row}: {paths[row]!r} {fault}" for row in rows[:MOST_NAMED])
        more = f"; and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
        raise UserError(
            f"{shown}: column {column!r}: {listed}{more}; correct the files or the paths, or remove the rows"
        )
