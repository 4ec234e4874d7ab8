"""What a process connects to and which files it writes, as Python's audit events tell.

Stands alone: as `sitecustomize` it is run by every Python process of a workspace.

What C and C++ libraries write by themselves, as Arrow does, raises no event; tests look at the folders for that.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Where the paths that an event changes are among its arguments, each with that of the folder it is relative to.
_CHANGED = {
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.symlink": ((1, 2),),
    "os.link": ((1, 3),),
    "os.truncate": ((0, None),),
    "sqlite3.connect": ((0, None),),
}


def written(event: str, args: tuple[Any, ...]) -> Iterator[str]:
    """The absolute paths, links followed but for the last part, that are written, moved or removed."""
    if event == "open":
        path, _, flags = args
        if isinstance(path, str | bytes | os.PathLike) and flags & _WRITES:
            yield _absolute(path, None)
        return
    for place, folder in _CHANGED.get(event, ()):
        if isinstance(args[place], str | bytes | os.PathLike):
            yield _absolute(args[place], None if folder is None else args[folder])


def _absolute(given: str | bytes | os.PathLike, folder: int | None) -> str:
    base = Path.cwd() if folder in (None, -1) else Path(f"/proc/self/fd/{folder}").readlink()
    path = base / os.fsdecode(given)
    return str(path.parent.resolve() / path.name)


def report(folder: str) -> None:
    """Note in files in `folder` what this process and its children connect to (`connections`) and write (`written`)."""
    root, command, seen = str(Path.cwd()), " ".join(" ".join(sys.orig_argv).split()), set()

    def note(file: str, line: str) -> None:
        with open(f"{folder}/{file}", "a") as log:  # noqa: PTH123 - a path's own method would be twice as slow
            log.write(line)

    def listen(event: str, args: tuple[Any, ...]) -> None:
        position = _CONNECTS.get(event)
        if position is not None:
            note("connections", f"{event} {args[position]!r} {command}\n")
        elif event == "open" or event in _CHANGED:
            for path in written(event, args):
                if path not in seen and not path.startswith(folder):
                    seen.add(path)
                    note("written", f"{json.dumps([root, path, command])}\n")

    sys.addaudithook(listen)


# Where the address is among the arguments of an event.
_CONNECTS = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0}

if "AUDIT" in os.environ:  # this file is the `sitecustomize` of a workspace
    report(os.environ["AUDIT"])
