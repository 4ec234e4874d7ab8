"""SHA-256 of files and folders."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_sha256(folder: Path) -> str:
    """SHA-256 over the relative names and bytes of all files in `folder`."""
    return files_sha256(sorted(path for path in folder.rglob("*") if path.is_file()), folder)


def files_sha256(files: Iterable[Path], folder: Path) -> str:
    """SHA-256 over the bytes of `files` and their names relative to `folder`, in their order."""
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.relative_to(folder).as_posix()}:{file_sha256(path)}\n".encode())
    return total.hexdigest()
