"""Run flows when somebody presses Run in the Prefect UI or a schedule is due.

    make serve

starts this together with the two servers. On its own it works for the Prefect server that PREFECT_API_URL names.

One run at a time uses the files of this folder. Runs with other settings, which happen in copies, and predictions run
at the same time, up to a limit. A run that has to wait is `Queued`, says what it waits for, and takes no process. A run
that is cancelled in the UI ends within seconds, with everything it started. A run whose process has died is marked as
crashed, even if it died while no runner was working.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from filelock import FileLock, Timeout

from flows import ROOT
from flows.serving.readiness import READY_PIPE
from src.core.errors import UserError
from src.core.processes import die_with_parent

_LOCK = ROOT / ".workflow" / "runner.lock"


def main(arguments: Sequence[str]) -> int:
    """Serve until told to end. Return the exit code: 0 when told to end, 1 after an error."""
    options = parse(arguments)
    if READY_PIPE in os.environ:  # started by `make serve`
        die_with_parent(os.getppid())
    code = 0
    try:
        if "PREFECT_API_URL" not in os.environ:
            raise UserError("PREFECT_API_URL names no server; `make serve` starts one, and this with it")
        _LOCK.parent.mkdir(exist_ok=True)
        with FileLock(_LOCK, timeout=0):  # a second runner would think that the runs of the first are dead
            asyncio.run(_serve(options.isolated))
    except* Timeout:
        print("error: another runner works in this folder, started by `make serve` or by hand", file=sys.stderr)
        code = 1
    except* UserError as errors:
        error: BaseException = errors
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        print(f"error: {error}", file=sys.stderr)
        code = 1
    return code


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m flows.runner", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--isolated",
        type=int,
        default=2,
        metavar="N",
        help="how many runs may run at once besides the one that uses this folder's files (default: 2)",
    )
    options = parser.parse_args(arguments)
    if options.isolated < 1:
        parser.error("--isolated: at least 1, or such runs would wait for ever")
    return options


async def _serve(places: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    from flows.runner.dispatch import serve

    await serve(places, stop)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
