"""`manifest.json`, the contents of a raw data folder: the one file that fetching writes and reading trusts."""

import hashlib
from pathlib import Path
from typing import Literal

from src.core.files import read_model, write_json
from src.core.stored import Stored
from src.problem.terms import PlainName

MANIFEST = "manifest.json"

# What a file is for: rows for all splits or for the sealed test set alone, or vectors of words.
Role = Literal["any", "test", "vectors"]


class RawFile(Stored):
    """A file of a table or of word vectors. Its `origin` says what it was made from, and so whether it is current."""

    name: PlainName
    bytes: int
    sha256: str
    role: Role
    origin: str


class Manifest(Stored):
    """The table files in the order of their rows, then the file of vectors, and one hash of their contents."""

    files: list[RawFile]
    sha256: str


def write_manifest(folder: Path, files: list[RawFile]) -> None:
    content = "".join(f"{file.sha256} {file.role}\n" for file in files)
    manifest = Manifest(files=files, sha256=hashlib.sha256(content.encode()).hexdigest())
    write_json(folder / MANIFEST, manifest.model_dump())


def read_manifest(folder: Path) -> Manifest:
    """Raises UserError if the folder was never fetched or its manifest is damaged."""
    return read_model(folder / MANIFEST, Manifest)
