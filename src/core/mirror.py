"""A folder of files that were fetched before, for machines without a network.

The environment variable `DATA_MIRROR` names it. A file may lie in any sub-folder, also compressed (`yeast.arff` as
`yeast.arff.gz`). If several files have the right name, the checksum decides.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from src.core.compressed import COMPRESSIONS, Damaged, damage_noticed, open_compressed
from src.core.errors import UserError

VARIABLE = "DATA_MIRROR"


@dataclass(frozen=True)
class Rejected:
    """A file with the right name and the wrong content; `sha256` is its checksum, or why it cannot be read."""

    path: Path
    sha256: str


def mirror_folder() -> Path | None:
    """The folder that `DATA_MIRROR` names. Raises UserError if it does not exist."""
    value = os.environ.get(VARIABLE)
    if not value:
        return None
    folder = Path(value)
    if not folder.is_dir():
        raise UserError(f"{VARIABLE}={value} is not a folder; correct the environment variable or unset it")
    return folder


def copy_from_mirror(mirror: Path, name: str, sha256: str, target: Path) -> tuple[Path | None, list[Rejected]]:
    """Copy the file called `name` with checksum `sha256` to `target`.

    Returns the copied file (None if there is none) and the files whose name fits but whose content does not.
    """
    rejected: list[Rejected] = []
    for path in _candidates(mirror, name):
        try:
            with damage_noticed(), _open(path, name) as stream:
                actual = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
            if actual == sha256:
                with _open(path, name) as stream, target.open("wb") as out:
                    shutil.copyfileobj(stream, out, 2**20)
                return path, rejected
        except Damaged as error:
            actual = f"unreadable ({error})"
        rejected.append(Rejected(path, actual))
    return None, rejected


def _candidates(mirror: Path, name: str) -> Iterator[Path]:
    names = {name, *(name + ending for ending in COMPRESSIONS)}
    for folder, folders, files in os.walk(mirror):
        folders.sort()
        yield from (Path(folder, file) for file in sorted(files) if file in names)


def _open(path: Path, name: str) -> IO[bytes]:
    return path.open("rb") if path.name == name else open_compressed(path)
