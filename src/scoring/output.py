"""Write predictions to a file in chunks: CSV or Parquet by its ending, completely or not at all.

The refused rows go to a CSV file next to it.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import psutil

from src.core.errors import UserError
from src.core.files import atomic_directory, atomic_file
from src.core.names import plain_name

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ENDINGS = (".csv", ".parquet")
# Pictures side by side in one file.
STRIP = ".png"


class Writer(Protocol):
    def write_table(self, table: "pa.Table") -> None: ...


def check_output(table: Path, output: Path, overwrite: bool) -> None:
    """Raise UserError if the output cannot or must not be written."""
    if output.suffix.lower() not in ENDINGS:
        raise UserError(f"{output}: the output has to end in {' or '.join(ENDINGS)}, which determines its format")
    for path in (output, refused_path(output)):
        plain_name(path.name, "output")
        if path.resolve() == table.resolve():
            raise UserError(f"{path}: this would replace the table that is scored; give another output")
        if path.is_dir():
            raise UserError(f"{path} is a folder; give the path of a file")
        if path.exists() and not overwrite:
            raise UserError(f"{path} exists; give another output, or say `overwrite`")


def check_drawn(output: Path, overwrite: bool) -> None:
    """Raise UserError if rows that a model made cannot or must not be written there, see `write_drawn`."""
    plain_name(output.name, "output")
    if output.suffix.lower() not in (*ENDINGS, STRIP, ""):
        raise UserError(
            f"{output}: give a file that ends in {' or '.join(ENDINGS)}; of pictures a folder, or a {STRIP}"
        )
    if output.is_dir() or (output.exists() and not output.suffix):
        raise UserError(f"{output} is there already; name a folder that does not exist yet")
    if output.exists() and not overwrite:
        raise UserError(f"{output} exists; give another output, or say `overwrite`")


def write_drawn(rows: "pd.DataFrame", output: Path) -> None:
    """Write rows to a CSV or Parquet file; pictures to a folder of PNG files, or side by side to one PNG file.

    What rows tell beside their pictures is in the file `rows.csv` of the folder.

    Raises UserError if the ending does not suit the rows.
    """
    from src.inputs.pictures import side_by_side

    pictured = rows.iloc[:, 0].map(lambda value: isinstance(value, bytes)).all()
    if pictured != (output.suffix.lower() not in ENDINGS):
        wanted = f"a folder, or a file that ends in {STRIP}" if pictured else f"a file in {' or '.join(ENDINGS)}"
        raise UserError(f"{output}: this model gives {'pictures' if pictured else 'rows of a table'}; give {wanted}")
    if pictured and not output.suffix:
        with atomic_directory(output) as folder:
            for number, file in enumerate(rows.iloc[:, 0]):
                (folder / f"{number:04d}.png").write_bytes(file)
            if len(rows.columns) > 1:
                files = [f"{number:04d}.png" for number in range(len(rows))]
                rows.assign(**{rows.columns[0]: files}).to_csv(folder / "rows.csv", index=False)
        return
    with atomic_file(output) as partial:
        if pictured:
            partial.write_bytes(side_by_side(rows.iloc[:, 0].tolist()))
        elif output.suffix.lower() == ".parquet":
            rows.to_parquet(partial, index=False)
        else:
            rows.to_csv(partial, index=False)


@contextmanager
def writing(path: Path, schema: "pa.Schema", about: Mapping[str, str]) -> Iterator[Writer]:
    """Write tables of `schema` to `path`. A Parquet file has `about` in its metadata."""
    import pyarrow.csv
    import pyarrow.parquet

    _remove_remains(path)
    with atomic_file(path) as partial, ExitStack() as stack:
        if path.suffix.lower() == ".parquet":
            described = schema.with_metadata(dict(about))
            yield stack.enter_context(pyarrow.parquet.ParquetWriter(partial, described))
        else:
            yield stack.enter_context(pyarrow.csv.CSVWriter(partial, schema))
        stack.close()


class Refusal(NamedTuple):
    """Why a row is not scored, or only with a warning.

    line: where the row begins in a text file. An empty `column`: the whole row.
    """

    row: int
    line: int | None
    column: str
    reason: str

    @property
    def where(self) -> str:
        return f"row {self.row}" if self.line is None else f"row {self.row} (line {self.line})"


def refused_path(output: Path) -> Path:
    return output.with_name(f"{output.name}.refused.csv")


@contextmanager
def writing_refusals(path: Path) -> Iterator[Callable[[Sequence[Refusal]], None]]:
    """Yield a function that adds refused rows to `path`. Without any, no file is written and an old one is removed."""
    with ExitStack() as stack:
        rows = None

        def add(refusals: Sequence[Refusal]) -> None:
            nonlocal rows
            if refusals and rows is None:
                _remove_remains(path)
                partial = stack.enter_context(atomic_file(path))
                rows = csv.writer(stack.enter_context(partial.open("w", encoding="utf-8", newline="")))
                rows.writerow(Refusal._fields)
            if rows is not None:
                rows.writerows(refusals)

        yield add
    if rows is None:
        path.unlink(missing_ok=True)


def _remove_remains(path: Path) -> None:
    """Remove the unfinished files of killed processes."""
    for partial in path.parent.glob(f".{escape(path.name)}.partial-*"):
        process = partial.name.rpartition("-")[2]
        if process.isdigit() and not psutil.pid_exists(int(process)):
            with suppress(FileNotFoundError):
                partial.unlink()
