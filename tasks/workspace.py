"""Allow one run per workspace at a time, and let no step outlive the run that started it.

DVC's own lock, `.dvc/tmp/rwlock`, is not enough. While a stage runs, it keeps other DVC processes from writing the
stage's dependencies and from touching its outputs. Between stages it locks nothing, stages that share no file may run
side by side, and a step started by hand knows nothing of it. So two runs could overwrite each other's files in turns.
Therefore the *driver* of a run (the `dvc` process, the flow, or a step started by hand) holds `.workflow.lock` as long
as it lives. Its own steps pass; those of any other driver are refused.

A second DVC removes a stage's outputs before it starts the step, so that refusal would come too late. So a running step
also enters the whole workspace as read in DVC's own list, and a second DVC stops before it writes.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from src.core.errors import UserError
from src.core.files import Layout
from src.core.processes import is_alive
from src.internals.dvc_files_in_use import files_in_use, mend

LOCK_FILE = ".workflow.lock"
DRIVER = "WORKFLOW_DRIVER"  # the flow's process number, for the steps that DVC starts on the flow's behalf
_HOLDER = {"pid": int, "started": float, "command": str}  # what the lock file says of who holds it
_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish"}


def drivers(root: Path = Path()) -> list[psutil.Process]:
    """The processes this step works for: DVC, which started it, and the flow, which started DVC; outermost last.

    Empty for a step started by hand. Raises UserError when the run that started this step has ended.
    """
    if "DVC_STAGE" not in os.environ:
        return []
    parents = [parent for parent in psutil.Process().parents() if parent.name() not in _SHELLS]
    flow = [parent for parent in parents if str(parent.pid) == os.environ.get(DRIVER)]
    mend(root)
    # A step whose DVC was killed is handed to a process that runs no stage: the first of the machine, or a supervisor.
    with files_in_use(root) as locks:
        running = {entry["pid"] for entry in locks["write"].values()}
    adopted = not parents or parents[0].pid not in running
    if adopted or (DRIVER in os.environ and not flow):
        raise UserError("the run that started this step has ended: start it again with `dvc repro`")
    return list(dict.fromkeys([parents[0], *flow]))


@contextmanager
def locked_by(driver: psutil.Process, root: Path = Path()) -> Iterator[None]:
    """Hold the workspace for `driver`. Raises UserError naming the holder when another run has it.

    Takes over the lock of a process that has ended, and repairs DVC's list where that process ended while writing it.
    When `driver` is another process, it keeps the lock after the block, since it may run more steps. It also keeps a
    lock that it had before the block.
    """
    path = root / LOCK_FILE
    owner = {"pid": driver.pid, "started": driver.create_time(), "command": " ".join(driver.cmdline())}
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        owner["file"] = _identity(path)
        file.seek(0)
        holder = _held_here(path, file.read())
        if holder is not None and not _is_same(holder, driver) and _is_running(holder):
            raise UserError(
                f"another run has this workspace: {_described(holder)}\n"
                "Wait until it has ended, or stop it; nothing was changed. (One run per workspace at a time: two would "
                "overwrite each other's files. For a second run beside it, clone the repository into another folder.)"
            )
        file.truncate(0)
        file.write(json.dumps(owner).encode())
    mend(root)
    had_it = holder is not None and _is_same(holder, driver)
    try:
        yield
    finally:
        if driver.pid == os.getpid() and not had_it:
            path.write_text("")  # not removed: another run may be waiting on this very file


def holder(root: Path = Path()) -> str | None:
    """The running process that holds the workspace, if any: its number and command."""
    path = root / LOCK_FILE
    owner = _held_here(path, path.read_bytes()) if path.exists() else None
    return _described(owner) if owner is not None and _is_running(owner) else None


@contextmanager
def closed_to_others_than(dvc: psutil.Process, root: Path = Path()) -> Iterator[None]:
    """Keep every DVC process but `dvc`, which runs this step, from writing or removing outputs during the block.

    The entry bears the name of `dvc`, beside its own entries. So another DVC names the right holder, and drops the
    entry when that process has ended.
    """
    everything = str(root.absolute())
    with files_in_use(root) as locks:
        holder = next(entry for entry in locks["write"].values() if entry["pid"] == dvc.pid)
        locks["read"][everything].append(holder)
    try:
        yield
    finally:
        with files_in_use(root) as locks:
            locks["read"][everything].remove(holder)
            if not locks["read"][everything]:
                del locks["read"][everything]


def check_repository(root: Path = Path()) -> None:
    """Raise UserError with the way out where DVC cannot work here: without git, or with a damaged dvc.lock."""
    if not (root / ".git").exists():
        raise UserError(
            f"{root.absolute()} is not a git repository, which DVC needs; make it one with `git init`, `git add --all` "
            "and `git commit --message start`"
        )
    check_dvc_lock(root)


def check_dvc_lock(root: Path = Path()) -> None:
    """Raise UserError with the way out where dvc.lock is damaged; DVC itself names none."""
    file = root / "dvc.lock"
    if not file.exists():
        return
    try:
        lock = yaml.load(file.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        if not isinstance(lock, dict) or "schema" not in lock:
            raise ValueError("no lock file of DVC")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(
            f"{file} is damaged ({str(error).splitlines()[0]}); take the committed one with `git restore dvc.lock`, or "
            "delete it: the next `dvc repro` writes it anew and takes from the cache what it can"
        ) from None


def _held_here(path: Path, content: bytes) -> dict[str, Any] | None:
    """Who holds the lock in `path`, by its content.

    None where the file is new or damaged, or was copied with the folder of another run.
    """
    try:
        holder = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(holder, dict) or not all(isinstance(holder.get(key), type_) for key, type_ in _HOLDER.items()):
        return None
    return holder if holder.get("file", _identity(path)) == _identity(path) else None


def _identity(path: Path) -> list[int]:
    """Device and inode of the file: moving its folder keeps them, copying does not."""
    status = path.stat()
    return [status.st_dev, status.st_ino]


def _described(holder: dict) -> str:
    return f"process {holder['pid']}, `{holder['command']}`"


def _is_same(holder: dict, process: psutil.Process) -> bool:
    """Compare the start times too, since process numbers are reused; a clock adjustment may shift them slightly."""
    return holder["pid"] == process.pid and abs(holder["started"] - process.create_time()) < 2


def _is_running(holder: dict) -> bool:
    try:
        process = psutil.Process(holder["pid"])
        return _is_same(holder, process) and is_alive(process)
    except psutil.NoSuchProcess:
        return False


def remove_partial_files(layout: Layout) -> None:
    """Remove the partial files of a killed run; call this only while holding the workspace."""
    for folder in (layout.results, layout.train.parent, layout.raw.parent):
        for partial in folder.rglob(".*.partial-*") if folder.is_dir() else ():
            if partial.is_dir():
                shutil.rmtree(partial)
            else:
                partial.unlink(missing_ok=True)
