"""The source code of the kinds of input that a problem uses.

`prepare` writes its digests, on which the later steps depend instead of all of `src/kinds`. So an edit of one kind
trains nothing anew in problems of others.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from src.core.hashes import files_sha256
from src.core.imports import imported
from src.kinds.registry import folders_of
from src.tables.table import Feature

HERE = Path(__file__).parent


def source_sha256(features: Sequence[Feature]) -> dict[str, str]:
    """SHA-256 of the code that columns like these need, by folder.

    It is that of their kinds, of the folders which these import from, and of the modules beside the folders. These last
    import from all kinds, but only tables of names. Data checks are left out: no later step runs them.
    """
    folders: set[str] = set()
    todo = set(folders_of(features))
    while todo:
        folder = todo.pop()
        folders.add(folder)
        todo |= {other for path in _modules(HERE / folder) for other in _folders_in(path)} - folders
    named = {"src/kinds/*.py": HERE, **{f"src/kinds/{name}": HERE / name for name in sorted(folders)}}
    return {name: files_sha256(_modules(folder), folder) for name, folder in named.items()}


def _modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.py") if path.name != "checks.py")


def _folders_in(module: Path) -> Iterator[str]:
    """The folders of `src/kinds` that a module imports from."""
    for name in imported(module.read_text(encoding="utf-8")):
        match name.split("."):
            case ["src", "kinds", folder, *_] if (HERE / folder).is_dir():
                yield folder
