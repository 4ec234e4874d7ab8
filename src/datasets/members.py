"""A table made of the files of an archive: every file that a pattern matches is a row, or holds rows.

    members: aclImdb/(?P<part>train|test)/(?P<sentiment>pos|neg)/.*[.]txt

The pattern's named groups become columns, and a file's content becomes the column `text`. With `records`, a second
pattern finds the rows inside each file, or in a single file, and its named groups become columns, too. Picture files
become the column `image`; files in CIFAR-10's binary format hold pictures with their labels. A folder works like an
archive; its paths begin below it.
"""

import json
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import regex

from src.core.compressed import Damaged, damage_noticed
from src.core.errors import UserError
from src.datasets.archives import most_bytes
from src.datasets.cifar import rows_of_cifar
from src.datasets.columns import is_text
from src.datasets.parquet import WHOLE
from src.problem.local_files import files_below
from src.problem.sources import Members

TEXT, IMAGE = "text", "image"
# Seconds for a pattern on one path or one file's text. Some patterns take time exponential in its length.
MATCH_SECONDS = 60.0


def table_of_members(path: Path, members: Members, encoding: str, folder: Path, shown: str) -> Path:
    """Write the rows of the archive or folder `path` as a Parquet file into `folder` and return its path.

    Rows are in the order of the members' paths, so that the same files packed again give the same table. Raises
    UserError for a damaged archive, a pattern that matches nothing or takes too long, and text in another encoding.
    """
    assert members.members is not None
    pattern = members.members
    try:
        with damage_noticed():
            matched = sorted(contents(path, lambda name: _groups(pattern, name, shown) is not None, shown))
    except Damaged as error:
        raise UserError(f"{shown} is damaged or not what its ending says: {error}; fetch it again") from None
    if not matched:
        raise UserError(f"{shown}: data.members matches no file inside; the pattern is {members.members!r}")
    rows = (
        rows_of_cifar(dict(matched), shown)
        if members.content == "cifar"
        else _rows(matched, pattern, members, encoding, shown)
    )
    if not rows:
        raise UserError(
            f"{shown}: data.records matches nothing in {len(matched)} files; the pattern is {members.records!r}"
        )
    return _written(rows, members, folder)


def table_of_text(path: Path, members: Members, encoding: str, folder: Path, shown: str) -> Path:
    """The same of a file that is itself the text which `data.records` cuts into rows."""
    assert members.records is not None
    rows = list(_records(path.read_bytes(), {}, members, 0, encoding, shown))
    if not rows:
        raise UserError(f"{shown}: data.records matches nothing; the pattern is {members.records!r}")
    return _written(rows, members, folder)


def _written(rows: list[dict[str, Any]], members: Members, folder: Path) -> Path:
    target, table = folder / "table.parquet", pa.Table.from_pylist(rows)
    if members.number is not None:
        # Rows that continue one another lose no white space.
        texts = [name for name in table.column_names if is_text(table.schema.field(name).type)]
        table = table.replace_schema_metadata({WHOLE: json.dumps(texts)})
    pyarrow.parquet.write_table(table, target)
    return target


def _records(
    content: bytes, groups: dict[str, Any], members: Members, first: int, encoding: str, shown: str
) -> Iterator[dict[str, Any]]:
    """The rows that `data.records` finds in a text. groups: columns of all of them; first: the first one's number."""
    assert members.records is not None
    text = _decoded(content, encoding, shown)
    with _in_time("records", members.records, shown):
        records = regex.finditer(members.records, text, regex.DOTALL, timeout=MATCH_SECONDS)
        for place, record in enumerate(records, first):
            number = {members.number: place} if members.number else {}
            yield groups | record.groupdict() | number


def _rows(
    matched: Sequence[tuple[str, bytes]], pattern: str, members: Members, encoding: str, shown: str
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for name, content in matched:
        groups = _groups(pattern, name, shown)
        assert groups is not None
        if members.content == "image":
            rows.append(groups | {IMAGE: content})
            continue
        of_member = f"{shown}: member {name!r}"
        if members.records is None:
            rows.append(groups | {TEXT: _decoded(content, encoding, of_member)})
        else:
            # One number is left out between two texts, so that no row seems to go on the text before.
            first = rows[-1][members.number] + 2 if members.number and rows else 0
            rows += _records(content, groups, members, first, encoding, of_member)
    return rows


def _groups(pattern: str, name: str, shown: str) -> dict[str, str | bytes] | None:
    """What the pattern's named groups match in a member's path; None if it does not match the whole path.

    Case does not count, and hidden files such as .DS_Store match nothing.
    """
    with _in_time("members", pattern, f"{shown}: the path {name!r}"):
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)
        match = None if hidden else regex.fullmatch(pattern, name, regex.IGNORECASE, timeout=MATCH_SECONDS)
    return None if match is None else match.groupdict()


@contextmanager
def _in_time(key: str, pattern: str, where: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise UserError(
            f"{where}: data.{key} takes more than {MATCH_SECONDS:g} seconds; the pattern is {pattern!r}. A repetition "
            "inside a repetition, such as (a+)+, or of alternatives that match the same text can take for ever if it "
            "does not match: write it with one repetition, such as a+"
        ) from None


def contents(path: Path, is_wanted: Callable[[str], bool], shown: str) -> Iterator[tuple[str, bytes]]:
    """The wanted files of an archive or folder, by their paths inside it."""
    if path.is_dir():
        yield from ((name, file.read_bytes()) for name, file in files_below(path) if is_wanted(name))
        return
    left = most_bytes(path)
    for name, size, read in _zipped(path) if zipfile.is_zipfile(path) else _tarred(path):
        if is_wanted(name):
            if read is None:
                raise UserError(f"{shown}: {name!r} is a link or a device, not a file; refused: pack the file itself")
            left -= size
            if left < 0:
                raise UserError(f"{shown} expands to far more than its size and is refused; is it what it should be?")
            yield name, read()


# A path, its size, and how to read it; None for links and devices.
_Member = tuple[str, int, Callable[[], bytes] | None]


def _zipped(path: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename and not info.is_dir():
                is_link = stat.S_ISLNK(info.external_attr >> 16)
                yield info.filename, info.file_size, None if is_link else partial(archive.read, info)


def _tarred(path: Path) -> Iterator[_Member]:
    with tarfile.open(path) as archive:
        for info in archive:
            if not info.isdir():
                stream = archive.extractfile(info) if info.isfile() else None
                yield info.name, info.size, None if stream is None else stream.read


def _decoded(content: bytes, encoding: str, shown: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{shown}: byte {error.start} is not {encoding} text; name its `encoding` under data, such as latin-1"
        ) from None
