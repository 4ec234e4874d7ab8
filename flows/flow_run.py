"""The process of one flow run, started before there is one: whoever presses Run need not wait for imports.

The runner writes its orders to the standard input, one per line: `register`, answered with the names of the deployments
by id, and at last the environment of the flow run that this process becomes.
"""

import importlib
import json
import os
import sys

import flows  # noqa: F401  before Prefect, which reads its settings once
from flows.deployments import ENTRYPOINTS, register
from src.processes import die_with_parent

REGISTER = "register"
ENTRYPOINT = "entrypoint"


def main() -> None:
    die_with_parent(int(sys.argv[1]))
    _load()
    for line in sys.stdin:
        order = json.loads(line)
        if order == REGISTER:
            print(json.dumps(register()), flush=True)
        else:
            _run(order)


def _load() -> None:
    """Import what the first step of a flow needs, which its modules import late for the sake of other commands."""
    import dvc.repo  # noqa: F401
    import prefect.flow_engine  # noqa: F401

    for entrypoint in ENTRYPOINTS.values():
        importlib.import_module(entrypoint.rpartition(".")[0])


def _run(environment: dict[str, str]) -> None:
    from prefect.flow_engine import _main

    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    entrypoint = environment.pop(ENTRYPOINT)
    os.environ |= environment
    sys.exit(_main([entrypoint]))


if __name__ == "__main__":
    main()
