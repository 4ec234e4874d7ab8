"""Keep paths typed into a form inside the repository's folder, whatever they contain and wherever links lead."""

from pathlib import Path

from src.core.errors import UserError
from src.core.names import fault_of_text, plain_name


def inside(given: str, home: Path, called: str) -> Path:
    """The path `given`, relative to `home` unless it is absolute. Raises UserError if it leads out of `home`.

    Hidden folders are refused, too: they belong to Git, DVC and Prefect.
    """
    if not given.strip():
        raise UserError(f"{called}: give the path of a file")
    fault = fault_of_text(given)
    if fault is not None:
        raise UserError(f"{called}: {given[:80]!r} {fault}; give another path")
    root = home.resolve()
    try:
        path = (root / given).resolve()
    except (OSError, RuntimeError) as error:
        raise UserError(f"{called}: {given!r} cannot be followed: {error}") from None
    if not path.is_relative_to(root):
        raise UserError(f"{called}: {given!r} leads out of the repository's folder; give a path inside")
    relative = path.relative_to(root)
    for part in relative.parts:
        plain_name(part, called)
    return home / relative
