"""The process of one flow run, started in advance so that nobody who presses Run waits for imports.

The runner writes its orders to standard input, one JSON list of a word and an argument per line:

    REGISTER   the answer is the names of the deployments by id
    ADMIT      with the deployment and the parameters of a run; the answer is an `Admission`
    RUN        with the environment of the flow run that this process becomes; the last order

The runner never closes that pipe. If it ends, the runner is dead, and this process ends with everything it has started.
"""

import argparse
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, NoReturn
from uuid import UUID

from flows import ROOT
from flows.runner.deployments import ENTRYPOINTS, register
from src.internals import dvc_repository

REGISTER, ADMIT, RUN = "register", "admit", "run"
DEPLOYMENT, FLOW_RUN = "PREFECT__DEPLOYMENT_NAME", "PREFECT__FLOW_RUN_ID"


def main() -> None:
    argparse.ArgumentParser(
        prog="python -m flows.runner.flow_run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    orders = _orders()
    _load()
    for order, argument in orders:
        if order == RUN:
            _run(argument)
        answer = register() if order == REGISTER else _admit(*argument)
        print(json.dumps(answer), flush=True)


def _orders() -> Iterator:
    """The orders from standard input, which nothing else in this process reads from now on."""
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
    """Import what the first step of a flow needs; its modules import that late to keep other commands fast."""
    import prefect.flow_engine
    import prefect.task_engine
    import prefect.utilities.visualization  # noqa: F401

    for entrypoint in ENTRYPOINTS.values():
        importlib.import_module(entrypoint.rpartition(".")[0])
    dvc_repository.preload(ROOT)


def _admit(deployment: str, parameters: dict[str, Any]) -> dict[str, Any]:
    from flows.runner.admission import Admission, admit

    try:
        return admit(deployment, parameters).as_json()
    except Exception as error:  # a bug in the check must not stop the other runs
        traceback.print_exc()
        reason = f"the run cannot be checked: {type(error).__name__}: {error}; .workflow/logs/runner.log says where"
        return Admission(reason).as_json()


def _run(environment: dict[str, str]) -> NoReturn:
    from prefect.engine import handle_engine_signals
    from prefect.flow_engine import load_flow_run, run_flow

    from flows.runner.admission import flow_of
    from flows.running.outcome import without_heartbeat

    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.environ |= environment
    flow_run = UUID(environment[FLOW_RUN])
    with handle_engine_signals(flow_run), without_heartbeat():
        run_flow(flow_of(environment[DEPLOYMENT]), load_flow_run(flow_run), return_type="state")
    sys.exit()


if __name__ == "__main__":
    main()
