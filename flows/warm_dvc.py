"""DVC with the libraries already imported: `python -m flows.warm_dvc repro` is a faster `dvc repro`.

A step of a small problem takes longer to import torch, Lightning, pandas, scikit-learn and MLflow than to do its work,
and DVC starts a new Python for every step of every problem. Here the process that runs DVC imports the libraries once,
when the first step needs them, and each step is a fork of that process. DVC still does the rest: it decides what runs,
locks, prints and records the commands.

This works on Linux only: elsewhere the system libraries do not allow a fork without exec, and DVC starts the steps.
DVC also starts other commands than `python -m tasks.<step> <problem>`, and steps whose code was edited since its
import.
"""

import gc
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from src.core.errors import UserError
from src.core.processes import name_process
from src.core.steps import GRAPH
from src.internals.dvc_files_in_use import mend
from src.internals.dvc_steps import run_commands_by
from tasks.kept_results import put_back
from tasks.workspace import check_repository

_STEP = re.compile(r"python -m tasks\.(\w+) (\S+)")
_CODE = ("src", "tasks")
_FOR_THE_RECORD = ("src.tracking.recorder", "mlflow")


def fork_steps() -> None:
    """Make the DVC that runs in this process start the steps as forks of this process."""
    if sys.platform != "linux":
        return
    code = _times_of_code()

    def fork(command: str, environment: Mapping[str, str]) -> int | None:
        step = _STEP.fullmatch(command)
        is_ready = step is not None and step[1] in GRAPH and _times_of_code() == code
        return _fork(step[1], step[2], environment) if step and is_ready else None

    run_commands_by(fork)


def _fork(step: str, problem: str, environment: Mapping[str, str]) -> int:
    """Run the step in a fork and return its exit code: negative for a signal, as in subprocess."""
    put_back(f"{step}@{problem}")
    function = getattr(import_module(f"tasks.{step}"), step)
    for library in (*GRAPH[step].later, *(_FOR_THE_RECORD if GRAPH[step].recorded else ())):
        import_module(library)
    gc.freeze()  # a garbage collection in a fork would copy the memory of the libraries
    process = get_context("fork").Process(target=_work, args=(step, function, problem, environment))
    process.start()
    # Ctrl-C is for the step; DVC then reports that it failed.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.join()
    finally:
        signal.signal(signal.SIGINT, handler)
    assert process.exitcode is not None
    return process.exitcode


def _work(step: str, function: Callable[..., object], problem: str, environment: Mapping[str, str]) -> None:
    from tasks.cli import main

    name_process(step)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [f"tasks.{step}", problem]
    main(function)


def _times_of_code() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for folder in _CODE for path in sorted(Path(folder).rglob("*.py"))}


def main() -> None:
    mend(Path())
    try:
        check_repository()
    except UserError as error:
        sys.exit(f"error: {error}")
    fork_steps()
    # DVC logs this for every stage.
    logging.getLogger("dvc.dvcfile").addFilter(lambda record: "lock file" not in record.msg)
    from dvc.cli import main as dvc

    sys.exit(dvc(sys.argv[1:]))


if __name__ == "__main__":
    main()
