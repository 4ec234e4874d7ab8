"""The folder of a finished model: its files, and a manifest with the SHA-256 of each, which every reader checks.

The manifest detects damage: a file that was cut, edited, lost, or copied from another model. It is not a signature.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.core.errors import UserError
from src.core.files import atomic_directory, parse_json, write_json
from src.core.hashes import file_sha256

MANIFEST, CARD = "manifest.json", "model.json"
_WAY_OUT = "`dvc checkout` restores the saved files, `dvc repro` makes them again"


class DamagedModelError(UserError):
    """The files of a model were changed. `reason` names the file and the damage; the message adds a way out."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; {_WAY_OUT}")
        self.reason = reason


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder to write the files of a model to. On success it gets a manifest and replaces `folder`."""
    with atomic_directory(folder) as partial:
        yield partial
        write_json(
            partial / MANIFEST, {"sha256": {name: file_sha256(partial / name) for name in sorted(files_in(partial))}}
        )


def files_in(folder: Path) -> set[str]:
    """The paths of all files below `folder`, relative to it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def check_folder(folder: Path) -> None:
    """Raise DamagedModelError unless `folder` holds exactly the files of its manifest, a card among them, unchanged."""
    manifest = folder / MANIFEST
    if not folder.is_dir():
        raise DamagedModelError(f"{folder} is missing")
    if not manifest.is_file():
        raise DamagedModelError(f"{manifest} is missing, so the model's files cannot be checked")
    sums = _sums(manifest)
    files = files_in(folder) - {MANIFEST}
    for name in sorted(files - sums.keys()):
        raise DamagedModelError(f"{folder / name} does not belong to the model: {MANIFEST} does not name it")
    for name, sha256 in sums.items():
        if name not in files:
            raise DamagedModelError(f"{folder / name[:100]} is missing")
        path = folder / name
        if file_sha256(path) != sha256:
            raise DamagedModelError(f"{path} has changed since the model was saved: its SHA-256 differs")


def _sums(manifest: Path) -> dict[str, str]:
    try:
        content = parse_json(manifest.read_bytes())
    except ValueError:
        content = None
    sums = content.get("sha256") if isinstance(content, dict) else None
    if not isinstance(sums, dict) or CARD not in sums or not all(isinstance(sha256, str) for sha256 in sums.values()):
        raise DamagedModelError(f"{manifest} is damaged: it does not list the files of a model with their SHA-256")
    return sums
