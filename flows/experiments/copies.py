"""Copies of the repository in `.workflow/copies`: linked git worktrees, one per run, removed when the run ends.

The run's process holds a lock on its copy, and the kernel releases the lock however the process ends. So a copy whose
lock is free is a leftover, and the next run removes it.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from flows.experiments import git
from src.core.errors import UserError

COPIES = Path(".workflow", "copies")
_LOCK = ".lock"
_POLL_SECONDS = 0.5
_LAST_WRITES_SECONDS = 5.0  # a killed run's processes end within half a second


@contextmanager
def copy_of(commit: str, home: Path, name: str, log: Callable[[str], None]) -> Iterator[Path]:
    """Copy `commit` to a folder called `name` for the length of the block; wait while another run uses that name.

    Yields the folder in the copy that corresponds to `home`.
    """
    folder = home.absolute() / COPIES / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = _lock(folder)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log("waits for the run of the same name that is under way")
        lock.acquire(poll_interval=_POLL_SECONDS)
    try:
        _remove(home, folder)
        git.run(home, "worktree", "add", "--quiet", "--force", "--detach", str(folder), commit)
        yield folder / git.run(home, "rev-parse", "--show-prefix")
    finally:
        _remove(home, folder)
        _release(lock)


def remove_leftovers(home: Path) -> list[str]:
    """Remove the copies of runs that were killed and return their names."""
    folder, removed = home.absolute() / COPIES, []
    for name in sorted({path.name.removesuffix(_LOCK) for path in folder.glob("*")}):
        lock = _lock(folder / name)
        with suppress(Timeout):
            lock.acquire(timeout=0)
            if (folder / name).exists():
                removed.append(name)
            _remove(home, folder / name)
            _release(lock)
    return removed


def _lock(folder: Path) -> FileLock:
    return FileLock(folder.with_name(f"{folder.name}{_LOCK}"))


def _release(lock: FileLock) -> None:
    """Remove the file first: whoever waits for the lock then takes one on a new file."""
    Path(lock.lock_file).unlink()
    lock.release()


def _remove(home: Path, folder: Path) -> None:
    end = time.monotonic() + _LAST_WRITES_SECONDS
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(_POLL_SECONDS)
    with suppress(UserError):  # git has no worktree of this name, as expected
        git.run(home, "worktree", "remove", "--force", "--force", str(folder))
