"""Copies of the repository in `.workflow/copies`: linked git worktrees, one per run, gone when the run has ended.

The run's process holds a lock on its copy, which the kernel releases however the process ends. So a copy whose lock is
free belongs to nobody, and the next start removes it.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from flows.experiments import git
from src.core.errors import UserError

COPIES = Path(".workflow", "copies")
_LOCK = ".lock"
_POLL_SECONDS = 0.5
_LAST_WRITES_SECONDS = 5.0  # a killed run's processes end within half a second


@contextmanager
def copy_of(commit: str, home: Path, name: str, log: Callable[[str], None]) -> Iterator[Path]:
    """A copy of `commit` called `name` for the length of the block; waits while another run has one of this name.

    Yields the folder in it that corresponds to `home`.
    """
    with _claimed(home, name, log) as folder:
        _remove(home, folder)
        try:
            git.run(home, "worktree", "add", "--quiet", "--force", "--detach", str(folder), commit)
            yield folder / git.run(home, "rev-parse", "--show-prefix")
        finally:
            _remove(home, folder)


def remove_leftovers(home: Path) -> list[str]:
    """Remove the copies of runs that were killed and return their names."""
    folder, removed = home.absolute() / COPIES, []
    for name in sorted({path.name.removesuffix(_LOCK) for path in folder.glob("*")}):
        lock = folder / f"{name}{_LOCK}"
        file = _locked(lock)
        if file is not None:
            with file:
                if (folder / name).exists():
                    removed.append(name)
                _remove(home, folder / name)
                lock.unlink()
    return removed


@contextmanager
def _claimed(home: Path, name: str, log: Callable[[str], None]) -> Iterator[Path]:
    folder = home.absolute() / COPIES / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = folder.with_name(f"{name}{_LOCK}")
    waits = False
    while (file := _locked(lock)) is None:
        if not waits:
            log(f"waits for the run of the same name that is under way, {_holder(lock)}")
            waits = True
        time.sleep(_POLL_SECONDS)
    with file:
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield folder
        finally:
            lock.unlink()


def _locked(path: Path) -> IO[str] | None:
    """The file, locked until it is closed; None where another process has it."""
    while True:
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.truncate(0)
                return file
        except BlockingIOError:
            file.close()
            return None
        except FileNotFoundError:
            pass
        file.close()  # its last holder has removed it just now


def _holder(lock: Path) -> str:
    with suppress(FileNotFoundError):
        return f"process {lock.read_text(encoding='utf-8', errors='replace')}"
    return "which has just ended"


def _remove(home: Path, folder: Path) -> None:
    end = time.monotonic() + _LAST_WRITES_SECONDS
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(_POLL_SECONDS)
    with suppress(UserError):  # git knows none of this name, as it should be
        git.run(home, "worktree", "remove", "--force", "--force", str(folder))
