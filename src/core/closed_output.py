"""End quietly when nobody reads the output any more, as in `make new … | head -1`."""

import atexit
import os
import select
import sys
from types import TracebackType

_STANDARD_OUTPUT = 1


def end_quietly_without_reader() -> None:
    """Print no traceback where standard output is a pipe whose reader has left. What was cut short still fails."""
    before = sys.excepthook

    def hook(exception: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if not (issubclass(exception, BrokenPipeError) and _has_lost_its_reader()):
            before(exception, error, traceback)

    sys.excepthook = hook
    atexit.register(_has_lost_its_reader)


def _has_lost_its_reader() -> bool:
    """Whether standard output is a pipe that nobody reads. What Python still holds for it then goes nowhere."""
    output = select.poll()
    output.register(_STANDARD_OUTPUT, 0)
    lost = any(events & select.POLLERR for _, events in output.poll(0))
    if lost:
        os.dup2(os.open(os.devnull, os.O_WRONLY), _STANDARD_OUTPUT)
    return lost
