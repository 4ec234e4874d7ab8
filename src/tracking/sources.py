"""Find the code that a module needs by reading its imports: a registered model carries these files and no others."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path


def code_behind(module: Path, root: Path) -> tuple[set[Path], set[str]]:
    """The files below `root` that `module` imports, directly or indirectly, and the packages that they import.

    The files include `module` itself. The packages are top-level names, without the standard library. Imports inside
    functions count. All paths are relative to `root`.
    """
    files: set[Path] = set()
    packages: set[str] = set()
    todo = {module}
    while todo:
        file = todo.pop()
        files.add(file)
        for name in _imported(root / file):
            modules = set(_files_of(name, root))
            todo |= modules - files
            if not modules and name.split(".")[0] not in sys.stdlib_module_names:
                packages.add(name.split(".")[0])
    return files, packages


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files_of(name: str, root: Path) -> Iterator[Path]:
    """The files that importing `name` executes: the `__init__.py` of its packages, and the module itself."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        path = Path(*parts[:end])
        yield from (each for each in (path / "__init__.py", path.with_suffix(".py")) if (root / each).is_file())
