"""The user's own files: found by their paths below data/local, and known by their checksums."""

import hashlib
from difflib import get_close_matches
from pathlib import Path

from src.core.errors import UserError
from src.core.hashes import file_sha256
from src.problem.sources import LocalSource
from src.problem.steps import FetchSettings


def local_file(path: str, local: Path, of_members: bool) -> Path:
    """The user's file at `path` below `local`; a folder may hold members as an archive does.

    Links to files are the user's own and are followed. Raises UserError where it does not exist, or lies in a linked
    folder.
    """
    file = local / path
    for folder in (file, *file.parents):
        if folder == local:
            break
        _check_link(folder)
    if not file.is_file() and not (file.is_dir() and of_members):
        known = sorted(str(f.relative_to(local)) for f in local.rglob("*") if f.is_file() and f.name != ".gitkeep")
        near = get_close_matches(path, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known[:10])}" if known else ""
        fault = "is a folder (say which files are rows, as `members`)" if file.is_dir() else "does not exist"
        raise UserError(f"{file} {fault}; {hint or f'copy your file into {local} first'}")
    return file


def local_checksums(settings: FetchSettings, local: Path) -> dict[str, str]:
    """The checksum of the file or folder that each key of a problem names below `local`; with a table that names
    pictures, that of its whole folder. Raises UserError where one does not exist."""
    found = {}
    data, vectors = settings.data, settings.word_vectors
    if isinstance(data, LocalSource):
        file = local_file(data.path, local, data.members is not None)
        found["data"] = checksum(file if data.pictures is None else file.parent)
    if vectors is not None and vectors.path is not None:
        found["word_vectors"] = checksum(local_file(vectors.path, local, False))
    return found


def checksum(path: Path) -> str:
    """The SHA-256 of a file, or of the names and checksums of all files in a folder."""
    if path.is_file():
        return file_sha256(path)
    listed = "".join(f"{file_sha256(file)} {name}\n" for name, file in files_below(path))
    return hashlib.sha256(listed.encode()).hexdigest()


def files_below(folder: Path) -> list[tuple[str, Path]]:
    """All files in a folder and those in it, by their paths below it, in order. Links to files are followed.

    Raises UserError for links to folders and to nothing.
    """
    paths = sorted(folder.rglob("*"))
    for path in paths:
        _check_link(path)
    return [(path.relative_to(folder).as_posix(), path) for path in paths if path.is_file()]


def _check_link(path: Path) -> None:
    """Raise UserError for a link to a folder, in which DVC would not see what changes, or to nothing."""
    if not path.is_symlink() or path.is_file():
        return
    if path.is_dir():
        raise UserError(
            f"{path} is a link to a folder, and DVC does not see what changes in it; link its files instead: "
            f"rm {path} && cp -rs {path.resolve()} {path}"
        )
    raise UserError(f"{path} is a link that leads nowhere; correct it or remove it")
