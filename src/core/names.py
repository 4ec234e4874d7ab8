"""Check names from outside (an address, an archive, a table, a problem file, a form) before they become file names.

A name is taken as it is or refused, but never changed.
"""

import re
import unicodedata
from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import unquote

from src.core.errors import UserError

# Disks allow 255 bytes; the workflow adds something before and after the name.
MOST_BYTES = 200
MOST_PATH_BYTES = 1_000
MOST_PROBLEM_BYTES = 100

# Windows opens a device for these names, whatever their ending.
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?")
_DVC = re.compile(r"(?i)dvc\.(yaml|lock)|.*\.dvc")
_PROBLEM = re.compile(r"\w[\w.-]*")
_DRIVE = re.compile(r"[A-Za-z]:")
# Characters that change the writing direction can make a name look like another.
_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_UNWRITABLE = {"Cc", "Cs", "Zl", "Zp"}

_FAULTS: dict[str, Callable[[str], object]] = {
    "names no file": lambda name: not name.strip(". "),
    "leads into another folder": lambda name: "/" in name or "\\" in name,
    "holds a character that cannot be printed": lambda name: any(map(is_unprintable, name)),
    "begins with a drive": _DRIVE.match,
    "begins with a dot": lambda name: name.startswith("."),
    "ends with a dot or a space": lambda name: name.endswith((".", " ")),
    "belongs to a device": _DEVICE.fullmatch,
    "belongs to DVC": _DVC.fullmatch,
}


def fault_of_name(name: str) -> str | None:
    """Why `name` cannot be a file's name, as the rest of a sentence; None if it can.

    Its decoded form (`%2F`, a full-width slash) is checked, too.
    """
    if len(name.encode("utf-8", "replace")) > MOST_BYTES:
        return f"is longer than {MOST_BYTES} bytes"
    forms = (name, _decoded(name))
    return next((fault for fault, shows in _FAULTS.items() if any(map(shows, forms))), None)


def plain_name(name: str, what: str) -> str:
    """`name`, if it can be a file's name. Otherwise raises UserError, whose message begins with `what`."""
    fault = fault_of_name(name)
    if fault is not None:
        raise UserError(f"{what}: the name {shown(name)} {fault}; rename the file")
    return name


def fault_of_text(path: str) -> str | None:
    """Why `path` cannot be a path at all, as the rest of a sentence; None if it can."""
    if len(path.encode("utf-8", "replace")) > MOST_PATH_BYTES:
        return f"is longer than {MOST_PATH_BYTES:,} bytes"
    return "holds a character that cannot be printed" if any(map(is_unprintable, path)) else None


def fault_of_path(path: str) -> str | None:
    """Why `path` cannot be a path below a folder, as the rest of a sentence; None if it can."""
    if fault := fault_of_text(path):
        return fault
    for form in (path, _decoded(path)):
        parts = PurePosixPath(form.replace("\\", "/"))
        if not form or parts.is_absolute() or ".." in parts.parts or _DRIVE.match(form):
            return "leads out of the folder"
        if any(map(is_unprintable, form)):
            return "holds a character that cannot be printed"
    return None


def fault_of_plain_path(path: str) -> str | None:
    """Why `path` cannot be a path below a folder whose parts are all plain names; None if it can."""
    fault = fault_of_path(path)
    if fault is not None:
        return fault
    return next(
        (f"holds a name that {fault}" for part in PurePosixPath(path).parts if (fault := fault_of_name(part))), None
    )


def check_problem_name(name: str) -> None:
    """Raise UserError if `name` cannot be a problem's: it becomes part of file names, commands and names in MLflow."""
    if not _PROBLEM.fullmatch(name) or len(name.encode()) > MOST_PROBLEM_BYTES or fault_of_name(name):
        raise UserError(
            f"problems/: {shown(name)} cannot be the name of a problem; use letters, digits, _, - and ., beginning "
            f"with a letter, a digit or _, at most {MOST_PROBLEM_BYTES} bytes"
        )


def _decoded(name: str) -> str:
    """The name, decoded until nothing changes."""
    while (once := unicodedata.normalize("NFKC", unquote(name))) != name:
        name = once
    return name


def is_unprintable(character: str) -> bool:
    """Whether it is a control, a surrogate, a line separator or changes the writing direction."""
    return unicodedata.category(character) in _UNWRITABLE or unicodedata.bidirectional(character) in _TURNS


def shown(name: str) -> str:
    """The name for a message, quoted and shortened."""
    return repr(name if len(name) <= 80 else f"{name[:80]}…")
