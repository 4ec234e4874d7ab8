"""The process of one flow run, started before there is one: whoever presses Run need not wait for imports.

The runner writes its orders to the standard input, one per line: `register`, answered with the names of the deployments
by id, and at last the environment of the flow run that this process becomes. It never closes that pipe: when it ends,
the runner is dead, and this process ends with everything it has started.
"""

import argparse
import importlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from flows import ROOT
from flows.deployments import ENTRYPOINTS, register

REGISTER = "register"
ENTRYPOINT = "entrypoint"


def main() -> None:
    argparse.ArgumentParser(
        prog="python -m flows.flow_run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    orders = _orders()
    _load()
    for order in orders:
        if order == REGISTER:
            print(json.dumps(register()), flush=True)
        else:
            _run(order)


def _orders() -> Iterator:
    """What comes through the standard input, which is nobody else's from now on."""
    pipe = os.fdopen(os.dup(sys.stdin.fileno()))
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    orders: SimpleQueue = SimpleQueue()
    Thread(target=_listen, args=[pipe, orders], daemon=True).start()
    return iter(orders.get, None)


def _listen(pipe: TextIOWrapper, orders: SimpleQueue) -> None:
    for line in pipe:
        orders.put(json.loads(line))
    os.killpg(0, signal.SIGKILL)  # this process leads the session of everything it has started


def _load() -> None:
    """Import what the first step of a flow needs, which its modules import late for the sake of other commands."""
    import prefect.flow_engine
    import prefect.task_engine
    import prefect.utilities.visualization  # noqa: F401
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    for entrypoint in ENTRYPOINTS.values():
        importlib.import_module(entrypoint.rpartition(".")[0])
    with suppress(DvcException), Repo(str(ROOT)) as repo:  # what is wrong there, the first step will tell
        _ = repo.index


def _run(environment: dict[str, str]) -> None:
    from prefect.flow_engine import _main

    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    entrypoint = environment.pop(ENTRYPOINT)
    os.environ |= environment
    sys.exit(_main([entrypoint]))


if __name__ == "__main__":
    main()
