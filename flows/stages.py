"""Ask DVC about one stage, and let it reproduce one stage: all that the flow knows about DVC.

Whether a stage is up to date is asked in process (0.03 s); running it is left to the command line, whose output can be
streamed line by line and whose process can be stopped.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from src.errors import UserError
from tasks.workspace import DRIVER

# Where `src.tracking` looks for the Prefect run a step belongs to.
FLOW_RUN = "PREFECT__FLOW_RUN_ID"
_GRACE_SECONDS = 10


def name(step: str, problem: str) -> str:
    """The stage's name in dvc.yaml."""
    return f"{step}@{problem}"


def changes(stage: str, root: Path) -> list[str]:
    """What DVC would run `stage` of the repository at `root` for, as short phrases; empty when it is up to date."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            status = repo.status(targets=[stage])
    except DvcException as error:
        raise UserError(f"DVC cannot tell the status of {stage}: {error}") from None
    return [phrase for entries in status.values() for phrase in _phrases(entries)]


def reproduce(stage: str, root: Path, force: bool, log: Callable[[str], None], flow_run: str) -> str:
    """Let DVC run `stage` in the folder `root` and pass its output to `log` line by line; return all of it.

    `flow_run` is the id that the step records in MLflow. Raises UserError with the step's last error message when it
    fails.
    """
    command = [sys.executable, "-m", "dvc", "repro", "--single-item", *(["--force"] if force else []), stage]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | {"PATH": path, DRIVER: str(os.getpid()), FLOW_RUN: flow_run, "PYTHONUNBUFFERED": "1"}
    lines = []
    with _ended_with_us(
        subprocess.Popen(
            command,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if lines[-1]:
                log(lines[-1])
        code = process.wait()
    if code != 0:
        raise UserError(reason(lines) or f"{stage} ended with exit code {code} and said nothing")
    return "\n".join(lines)


def was_restored(output: str) -> bool:
    """Whether DVC fetched the outputs of an earlier run on the same inputs instead of running the step."""
    return "is cached - skipping run" in output


def reason(lines: list[str]) -> str:
    """The last error message in a failed step's output: the step's own where there is one, otherwise DVC's."""
    said = [line for line in lines if line.strip()]
    of_dvc = [index for index, line in enumerate(said) if line.startswith("ERROR: ")]
    own = said[: of_dvc[-1]] if of_dvc else said
    starts = [index for index, line in enumerate(own) if line.startswith("error: ")]
    if starts:
        return "\n".join(own[starts[-1] :]).removeprefix("error: ")
    if any(line.startswith("Traceback ") for line in own):
        return own[-1]
    return said[-1].removeprefix("ERROR: ") if said else ""


@contextmanager
def _ended_with_us(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Stop the process and all it started when the block is left before it has ended."""
    try:
        yield process
    finally:
        if process.poll() is None:
            family = _family(process.pid)
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    member.terminate()
            _, alive = psutil.wait_procs(family, timeout=_GRACE_SECONDS)
            for member in alive:
                member.kill()


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    return []


def _phrases(entries: list) -> Iterator[str]:
    """Turn DVC's status, a list of {"changed deps": {path: word}} and plain words, into phrases."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
            continue
        for paths in entry.values():
            for path, word in paths.items():
                yield f"{path} {word if isinstance(word, str) else 'modified'}"
