"""The command line that every step shares: `python -m tasks.<step> <problem>`.

All steps share the help, the log, the lock on the workspace, the verdicts on the terminal, the record in MLflow, and
error messages that say what to do next.
"""

import argparse
import errno
import inspect
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from difflib import get_close_matches
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil

from src.core.errors import PassingError, UserError
from src.core.files import Layout
from src.core.garbage import collect_seldom
from src.core.processes import die_with
from src.core.steps import STEPS
from tasks.workspace import closed_to_others_than, drivers, locked_by, remove_partial_files

Step = Callable[[Layout], object]
logger = logging.getLogger("workflow")

FAILED, TRY_LATER, INTERRUPTED, TERMINATED = 1, 75, 130, 143
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Reasons outside the program why a file cannot be used. A missing file is not among them: it may be a bug.
_UNUSABLE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
    *(errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG),
}


def main(step: Step) -> NoReturn:
    """Run `step` as the command line says and exit.

    0: done, 1: failed, 75: failed for a reason that may pass by itself, 130: interrupted, 143: terminated.
    """
    collect_seldom()
    log_to_stderr()
    signal.signal(signal.SIGTERM, exit_on_signal)
    sys.exit(run(step, sys.argv[1:]))


def run(step: Step, arguments: Sequence[str]) -> int:
    """Run `step` for the problem named in `arguments` and return the exit code."""
    options = _parser(step).parse_args(arguments)
    try:
        _check_name(options.problem)
        _perform(step, Layout(options.problem))
    except (UserError, OSError, MemoryError, KeyboardInterrupt) as error:
        message, code = told(error, step.__name__)
        if options.traceback or message is None:
            raise
        logger.error("%s", message)
        return code
    return 0


def _perform(step: Step, layout: Layout) -> None:
    started_by = drivers()
    if started_by:
        die_with(started_by)
    driver = started_by[-1] if started_by else psutil.Process()
    from src.tracking import recording

    with locked_by(driver), closed_to_others_than(started_by[0]) if started_by else nullcontext():
        remove_partial_files(layout)
        with recording(step.__name__, layout):
            result = step(layout)
            for verdict in getattr(result, "verdicts", ()):
                print(f"  {'yes' if verdict.holds else 'no '}  {verdict.name}: {verdict.evidence}", flush=True)


def told(error: BaseException, step: str) -> tuple[str | None, int]:
    """The message for the user and the exit code; no message for a bug, which keeps its traceback."""
    if isinstance(error, UserError):
        return f"error: {error}", TRY_LATER if isinstance(error, PassingError) else FAILED
    if isinstance(error, KeyboardInterrupt):
        return f"{step} was interrupted; nothing is half-written, and `dvc repro` takes it up again", INTERRUPTED
    if isinstance(error, MemoryError):
        return f"error: {step} ran out of memory; free some, or give fewer rows or columns", FAILED
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        where = f" while writing {error.filename}" if error.filename else ""
        return f"error: the disk is full{where} ({error.strerror}); free some space and run it again", FAILED
    if isinstance(error, OSError) and error.errno in _UNUSABLE and error.filename:
        return f"error: {error.filename}: {error.strerror}", FAILED
    return None, FAILED


def _parser(step: Step) -> argparse.ArgumentParser:
    name = step.__name__
    module = inspect.getmodule(step)
    texts = [inspect.cleandoc(text) for text in ((module and module.__doc__), step.__doc__) if text]
    order = " > ".join(step.upper() if step == name else step for step in STEPS)
    parser = argparse.ArgumentParser(
        prog=f"python -m tasks.{name}",
        description="\n\n".join(texts),
        epilog=(
            f"The steps in order: {order}\n\n"
            f"`dvc repro` runs every step whose inputs have changed; this command runs {name} alone, on what the\n"
            "steps before it left on disk. Run `dvc commit` afterwards to let DVC keep its outputs."
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("problem", help=f"one of the files in problems/: {', '.join(_problems()) or 'none yet'}")
    parser.add_argument("--traceback", action="store_true", help="show where in the code an error came from")
    return parser


def _problems() -> list[str]:
    return sorted(file.stem for file in Path("problems").glob("*.yaml"))


def _check_name(problem: str) -> None:
    known = _problems()
    if problem not in known:
        name = Path(problem)
        near = get_close_matches(name.stem, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known) or 'none yet'}"
        if str(name) != name.stem:
            raise UserError(
                f"{problem!r} is not the name of a problem; give that of a file in problems/ without its ending; {hint}"
            )
        raise UserError(f"{Path('problems', f'{problem}.yaml')} does not exist; {hint}")


def log_to_stderr() -> None:
    """Log each message to stderr as a plain line; warnings and errors say what they are."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def exit_on_signal(number: int, frame: FrameType | None) -> NoReturn:
    """Leave through the `finally` blocks, so that no partial file stays behind."""
    for child in psutil.Process().children(recursive=True):
        child.terminate()
    sys.exit(TERMINATED)
