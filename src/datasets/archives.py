"""One table out of a downloaded file: plain, compressed, or a member of a zip or tar archive.

Archives are not trusted. Only the requested member is read, under its bare file name, so that no path inside an archive
decides where bytes are written. An archive that expands too much is refused.
"""

import stat
import tarfile
import zipfile
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import IO

from src.core.compressed import COMPRESSIONS, Damaged, damage_noticed, open_compressed
from src.core.errors import UserError
from src.core.names import fault_of_path, plain_name

_TAR = (".tar", ".tgz", ".tbz2", ".txz", *(f".tar{ending}" for ending in COMPRESSIONS))
# Tables compress to a tenth or so; a thousandth is an attack or a mistake.
_MOST_RATIO = 300
_MOST_FREE = 2**28


def unpack(path: Path, member: str | None, folder: Path, shown: str) -> Path:
    """Put the table in the file `path` into `folder` and return its new path; a plain file is moved.

    member: the table's path inside an archive, needed if the archive holds several files. shown: the file's name in
    messages. Raises UserError for a damaged archive, a missing or unsafe member, and one that expands too much.
    """
    try:
        with damage_noticed():
            return _unpacked(path, member, folder, shown)
    except Damaged as error:
        raise UserError(f"{shown} is damaged or not what its ending says: {error}; fetch it again") from None


def is_archive(path: Path) -> bool:
    """Whether a file is an archive of others, by its ending."""
    return path.name.lower().endswith((".zip", *_TAR))


def is_packed(path: Path) -> bool:
    """Whether a file is an archive or compressed, by its ending."""
    return is_archive(path) or path.suffix.lower() in COMPRESSIONS


def members_of(path: Path, shown: str) -> list[str]:
    """The paths of the files in an archive, but for what macOS adds. Raises UserError for a damaged one."""
    try:
        with damage_noticed():
            if path.name.lower().endswith(".zip"):
                with zipfile.ZipFile(path) as zipped:
                    names = [info.filename for info in zipped.infolist() if info.filename and not info.is_dir()]
            else:
                with tarfile.open(path) as tarred:
                    names = [info.name for info in tarred if info.isfile()]
    except Damaged as error:
        raise UserError(f"{shown} is damaged or not what its ending says: {error}") from None
    return [name for name in names if not name.startswith("__MACOSX/")]


def _unpacked(path: Path, member: str | None, folder: Path, shown: str) -> Path:
    name = path.name.lower()
    if name.endswith(".zip"):
        return _from_zip(path, member, folder, shown)
    if name.endswith(_TAR):
        return _from_tar(path, member, folder, shown)
    if member is not None:
        raise UserError(f"{shown}: member {member!r} is given, but this is no archive (zip or tar); remove `member`")
    if path.suffix.lower() in COMPRESSIONS:
        with open_compressed(path) as stream:
            return _copy(stream, folder / plain_name(path.stem, shown), path, shown)
    target = folder / plain_name(path.name, shown)
    path.replace(target)
    return target


def most_bytes(archive: Path) -> int:
    """The most bytes that an archive may expand to."""
    return _MOST_FREE + _MOST_RATIO * archive.stat().st_size


def _from_zip(path: Path, member: str | None, folder: Path, shown: str) -> Path:
    with zipfile.ZipFile(path) as archive:
        infos = {info.filename: info for info in archive.infolist() if info.filename and not info.is_dir()}
        info = infos[_choose(list(infos), member, shown)]
        if info.flag_bits & 1:
            raise UserError(f"{shown}: member {info.filename!r} is encrypted; give an archive without a password")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UserError(f"{shown}: member {info.filename!r} is a link, not a file; refused")
        with archive.open(info) as stream:
            return _copy(stream, folder / _name(info.filename, shown), path, shown)


def _from_tar(path: Path, member: str | None, folder: Path, shown: str) -> Path:
    with tarfile.open(path) as archive:
        infos = {info.name: info for info in archive if not info.isdir()}
        info = infos[_choose(list(infos), member, shown)]
        if not info.isfile():
            raise UserError(f"{shown}: member {info.name!r} is a link or a device, not a file; refused")
        stream = archive.extractfile(info)
        assert stream is not None
        with stream:
            return _copy(stream, folder / _name(info.name, shown), path, shown)


def _choose(names: Sequence[str], member: str | None, shown: str) -> str:
    if member is None:
        tables = [name for name in names if not name.startswith("__MACOSX/")]
        if len(tables) != 1:
            listed = ", ".join(sorted(tables)[:10]) or "none"
            raise UserError(f"{shown} holds {len(tables)} files; name one of them as `member`: {listed}")
        member = tables[0]
    elif member not in names:
        near = get_close_matches(member, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it holds {', '.join(sorted(names)[:10]) or 'nothing'}"
        raise UserError(f"{shown} has no member {member!r}; {hint}")
    fault = fault_of_path(member)
    if fault is not None:
        raise UserError(f"{shown}: member {member!r} {fault}; refused")
    return member


def _name(member: str, shown: str) -> str:
    return plain_name(PurePosixPath(member).name, f"{shown}: member {member!r}")


def _copy(stream: IO[bytes], target: Path, archive: Path, shown: str) -> Path:
    left = most_bytes(archive)
    with target.open("wb") as out:
        while block := stream.read(2**20):
            left -= len(block)
            if left < 0:
                raise UserError(
                    f"{shown} expands to more than {_MOST_RATIO} times its size and is refused; "
                    "if this is meant, unpack it yourself and use the file in data/local/"
                )
            out.write(block)
    return target
