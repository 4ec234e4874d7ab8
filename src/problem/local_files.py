"""The user's own files below data/local, and their checksums."""

import hashlib
from difflib import get_close_matches
from pathlib import Path

from src.core.errors import UserError
from src.core.hashes import file_sha256
from src.problem.sources import LocalSource
from src.problem.steps import FetchSettings


def local_file(path: str, local: Path, of_members: bool) -> Path:
    """The user's file at `path` below `local`; with `of_members`, it may be a folder.

    Links to files are followed. Raises UserError if the file does not exist or lies in a linked folder.
    """
    file = local / path
    for folder in (file, *file.parents):
        if folder == local:
            break
        _check_link(folder)
    if not file.is_file() and not (file.is_dir() and of_members):
        paths = sorted(str(f.relative_to(local)) for f in local.rglob("*") if f.is_file() and f.name != ".gitkeep")
        near = get_close_matches(path, paths, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(paths[:10])}" if paths else ""
        fault = "is a folder (say which files are rows, as `members`)" if file.is_dir() else "does not exist"
        raise UserError(f"{file} {fault}; {hint or f'copy your file into {local} first'}")
    return file


def local_checksums(settings: FetchSettings, local: Path) -> dict[str, str]:
    """The checksums of the files or folders below `local` that a problem names, by the problem's keys.

    A table of pictures' paths has the checksum of its whole folder. Raises UserError if a file does not exist.
    """
    checksums = {}
    data, vectors = settings.data, settings.word_vectors
    if isinstance(data, LocalSource):
        file = local_file(data.path, local, data.members is not None)
        checksums["data"] = checksum(file if data.pictures is None else file.parent)
    if vectors is not None and vectors.path is not None:
        checksums["word_vectors"] = checksum(local_file(vectors.path, local, False))
    return checksums


def checksum(path: Path) -> str:
    """The SHA-256 of a file, or of the names and checksums of all files in a folder."""
    if path.is_file():
        return file_sha256(path)
    listed = "".join(f"{file_sha256(file)} {name}\n" for name, file in files_below(path))
    return hashlib.sha256(listed.encode()).hexdigest()


def files_below(folder: Path) -> list[tuple[str, Path]]:
    """All files below a folder with their relative paths, sorted. Links to files are followed.

    Raises UserError for links to folders and broken links.
    """
    paths = sorted(folder.rglob("*"))
    for path in paths:
        _check_link(path)
    return [(path.relative_to(folder).as_posix(), path) for path in paths if path.is_file()]


def _check_link(path: Path) -> None:
    """Raise UserError for a broken link, or one to a folder, in which DVC would not see changes."""
    if not path.is_symlink() or path.is_file():
        return
    if path.is_dir():
        raise UserError(
            f"{path} is a link to a folder, and DVC does not see what changes in it; link its files instead: "
            f"rm {path} && cp -rs {path.resolve()} {path}"
        )
    raise UserError(f"{path} is a broken link; correct it or remove it")
