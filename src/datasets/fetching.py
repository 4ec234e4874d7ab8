"""From a source to the raw data folder: every file is complete and has the right checksum.

The folder is built beside its place and moved there in one step. If it already holds the source's files, it stays
untouched.
"""

import errno
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from src.core.errors import PassingError, UserError
from src.core.files import atomic_directory
from src.core.hashes import file_sha256
from src.core.mirror import VARIABLE, copy_from_mirror, mirror_folder
from src.datasets.archives import unpack
from src.datasets.bundled import load_bundled
from src.datasets.download import Unreachable, download
from src.datasets.idx import table_of_idx
from src.datasets.manifest import MANIFEST, RawFile, Role, read_manifest, write_manifest
from src.datasets.members import table_of_members, table_of_text
from src.datasets.parquet import write_parquet
from src.datasets.pictured import checksum, pictures_of, table_with_pictures
from src.datasets.reading import is_kept_as_parquet, read_raw
from src.problem.local_files import checksum as checksum_of_local
from src.problem.local_files import local_file
from src.problem.sources import (
    Address,
    LocalSource,
    Members,
    Reading,
    RemoteFile,
    RemoteSource,
    Repacked,
    SklearnSource,
    VectorsFile,
    name_in,
)

log = logging.getLogger("workflow")


@dataclass(frozen=True)
class _Part:
    """One file of a source. `origin` identifies its content; `put` writes it into a folder."""

    origin: str
    role: Role
    put: Callable[[Path], Path]


def fetch_source(
    source: SklearnSource | LocalSource | RemoteSource,
    raw: Path,
    local: Path,
    downloads: Path = Path(".downloads"),
    vectors: VectorsFile | None = None,
) -> None:
    """Put the files of `source`, and of word vectors, into the folder `raw`, with a manifest.

    A folder with the right files stays as it is. local: the folder of the user's own files. downloads: keeps files from
    the network. Raises UserError if a file is missing, has a wrong checksum, cannot be reached or unpacked, or if the
    disk is full.
    """
    parts = _parts(source, local, downloads, vectors)
    if _is_there(raw, parts):
        log.info("%s: already there", raw)
        return
    with full_disk_told(raw), atomic_directory(raw) as folder:
        files = [_put(part, folder, position) for position, part in enumerate(parts, start=1)]
        write_manifest(folder, files)


def origins(
    source: SklearnSource | LocalSource | RemoteSource, local: Path, vectors: VectorsFile | None = None
) -> list[str]:
    """The origin of each file, as the manifest will state it, without fetching any.

    Raises UserError if one of the user's own files is missing.
    """
    return [part.origin for part in _parts(source, local, Path(), vectors)]


@contextmanager
def full_disk_told(path: Path) -> Iterator[None]:
    """Turn a full disk into a UserError that says so."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(f"the disk is full: {path} was not written; free some space and run again") from None


def _parts(
    source: SklearnSource | LocalSource | RemoteSource, local: Path, downloads: Path, vectors: VectorsFile | None
) -> list[_Part]:
    tables = _table_parts(source, local, downloads)
    return tables if vectors is None else [*tables, _vectors_part(vectors, local, downloads)]


def _vectors_part(vectors: VectorsFile, local: Path, downloads: Path) -> _Part:
    member = vectors.member
    of_member = f" member {member}" if member else ""
    if vectors.path is not None:
        file = local_file(vectors.path, local, False)
        origin = f"sha256 {file_sha256(file)}{of_member}"
        return _Part(origin, "vectors", lambda folder: unpack(_copied(file, folder), member, folder, str(file)))
    address = Address.model_validate(vectors.model_dump(include={"url", "sha256"}))

    def put(folder: Path) -> Path:
        return unpack(_arrived(address, None, folder, downloads), member, folder, name_in(address.url))

    return _Part(f"sha256 {address.sha256}{of_member}", "vectors", put)


def _table_parts(source: SklearnSource | LocalSource | RemoteSource, local: Path, downloads: Path) -> list[_Part]:
    match source:
        case SklearnSource():
            return [_Part(f"sklearn {source.name}", "any", lambda folder: _bundled(source.name, folder))]
        case LocalSource():
            file = local_file(source.path, local, source.members is not None)
            of_member = f" member {source.member}" if source.member else ""
            origin = f"sha256 {checksum_of_local(file)}{of_member}{_members_text(source, source.encoding)}"
            origin += _reading_text(source.member or source.path, source)
            if source.pictures is not None:
                raw = read_raw(file, source, str(file))
                origin += f" {checksum(pictures_of(raw, source.pictures, file.parent, '', str(file)))}"
            return [_Part(origin, "any", lambda folder: _local(file, source, folder))]
        case RemoteSource():
            return [_remote_part(file, source, downloads) for file in source.files]


def _remote_part(file: RemoteFile, reading: Reading, downloads: Path) -> _Part:
    origin = f"sha256 {file.sha256}" + (f" member {file.member}" if file.member else "")
    origin += _members_text(file, reading.encoding) + (f" labels {file.labels.sha256}" if file.labels else "")
    origin += _reading_text(file.member or name_in(file.url), reading)
    return _Part(origin, file.role, lambda folder: _remote(file, reading, folder, downloads))


def _members_text(members: Members, encoding: str) -> str:
    """The settings that decide which table is made from an archive."""
    if members.pictures is not None:
        return f" pictures {members.pictures}"
    content = encoding if members.content == "text" else members.content
    number = f" number {members.number}" if members.number else ""
    if members.members is None and members.records is None:
        return ""
    return f" members {members.members} records {members.records}{number} as {content}"


def _bundled(name: str, folder: Path) -> Path:
    path = folder / "table.parquet"
    load_bundled(name).to_parquet(path, index=False)
    return path


def _local(file: Path, source: LocalSource, folder: Path) -> Path:
    if source.members is not None:
        return table_of_members(file, source, source.encoding, folder, str(file))
    if source.records is not None:
        text = unpack(_copied(file, folder), None, folder, str(file))
        return table_of_text(text, source, source.encoding, folder, str(file))
    if source.pictures is not None:
        raw = read_raw(file, source, str(file))
        pictures = pictures_of(raw, source.pictures, file.parent, "", str(file))
        return table_with_pictures(raw, source.pictures, pictures, folder, str(file))
    return _table(unpack(_copied(file, folder), source.member, folder, str(file)), source, str(file))


def _table(path: Path, reading: Reading, shown: str) -> Path:
    """The table's file; one that takes long to read is kept as Parquet."""
    if not is_kept_as_parquet(path.name, reading):
        return path
    target = path.with_name("table.parquet")
    write_parquet(read_raw(path, reading, shown), target)
    return target


def _reading_text(name: str, reading: Reading) -> str:
    """The settings that decide which table is kept of a file."""
    if not is_kept_as_parquet(name, reading):
        return ""
    return f" sheet {reading.sheet} after {reading.skip_lines} lines named {reading.names} in {reading.encoding}"


def _copied(file: Path, folder: Path) -> Path:
    copy = folder / file.name
    shutil.copyfile(file, copy)
    return copy


def _remote(file: RemoteFile, reading: Reading, folder: Path, downloads: Path) -> Path:
    arrived = _arrived(file, file.repacked, folder, downloads)
    members: Members = file
    if file.repacked is not None and arrived.name == file.repacked.name:
        changes = {"members": file.repacked.members, "content": file.repacked.content}
        members = file.model_copy(update={key: value for key, value in changes.items() if value is not None})
    if file.labels is not None:
        labels = unpack(_arrived(file.labels, None, folder, downloads), None, folder, name_in(file.labels.url))
        return table_of_idx(unpack(arrived, None, folder, arrived.name), labels, folder)
    if file.members is not None:
        return table_of_members(arrived, members, reading.encoding, folder, arrived.name)
    if file.records is not None:
        text = unpack(arrived, file.member, folder, arrived.name)
        return table_of_text(text, file, reading.encoding, folder, arrived.name)
    if file.pictures is None:
        lines = reading.skip_lines if file.skip_lines is None else file.skip_lines
        so_read = reading.model_copy(update={"skip_lines": lines})
        return _table(unpack(arrived, file.member, folder, arrived.name), so_read, arrived.name)
    if file.member is None:
        raise UserError(f"{arrived.name}: data.pictures: name the table in the archive as `member`")
    table = unpack(arrived, file.member, folder, arrived.name)
    lines = reading.skip_lines if file.skip_lines is None else file.skip_lines
    raw = read_raw(table, reading.model_copy(update={"skip_lines": lines}), arrived.name)
    base = PurePosixPath(file.member).parent.as_posix()
    pictures = pictures_of(raw, file.pictures, arrived, base, arrived.name)
    return table_with_pictures(raw, file.pictures, pictures, folder, arrived.name)


def _arrived(file: Address, repacked: Repacked | None, folder: Path, downloads: Path) -> Path:
    """The file at the address, or the mirror's other archive of the same members."""
    name = name_in(file.url)
    mirror = mirror_folder()
    if mirror and repacked:
        arrived = folder / repacked.name
        copied, _ = copy_from_mirror(mirror, repacked.name, repacked.sha256, arrived)
        if copied:
            content = "the same members" if repacked.members is None else "other members, as the problem file says"
            log.info("%s: %s, which has %s", name, copied, content)
            return arrived
    arrived = folder / name
    copied, rejected = copy_from_mirror(mirror, name, file.sha256, arrived) if mirror else (None, [])
    if copied:
        log.info("%s: from %s", name, copied)
    else:
        for candidate in rejected:
            log.warning("%s: skipped, its checksum is %s, not %s", candidate.path, candidate.sha256, file.sha256)
        downloaded = downloads / f"{file.sha256[:16]}-{name}"
        try:
            download(file.url, file.sha256, downloaded)
        except Unreachable as error:
            where = f"{VARIABLE} ({mirror})" if mirror else f"a folder and name the folder in the variable {VARIABLE}"
            raise (UserError if error.final else PassingError)(
                f"{file.url}: {error}\nWithout a network, put {name} into {where}; its SHA-256 must be {file.sha256}"
            ) from None
        shutil.copyfile(downloaded, arrived)
    return arrived


def _put(part: _Part, folder: Path, position: int) -> RawFile:
    """Write one part under a name that no other part has."""
    scratch = folder / f".part-{position}"
    scratch.mkdir()
    path = part.put(scratch)
    used = {MANIFEST, *(file.name for file in folder.iterdir())}
    target = folder / (f"{position}-{path.name}" if path.name in used else path.name)
    path.replace(target)
    shutil.rmtree(scratch)
    return RawFile(
        name=target.name, bytes=target.stat().st_size, sha256=file_sha256(target), role=part.role, origin=part.origin
    )


def _is_there(raw: Path, parts: list[_Part]) -> bool:
    """Whether `raw` holds exactly the files of `parts`, each with the checksum in its manifest."""
    try:
        files = read_manifest(raw).files
    except UserError:  # not fetched yet, or damaged: fetch it again
        return False
    if [(file.origin, file.role) for file in files] != [(part.origin, part.role) for part in parts]:
        return False
    if {path.name for path in raw.iterdir()} != {MANIFEST, *(file.name for file in files)}:
        return False
    return all(file_sha256(raw / file.name) == file.sha256 for file in files)
