"""Serve the workflow: Prefect to run it from a browser, MLflow to compare the results.

    make serve

starts a Prefect server, an MLflow server and the runner, and keeps them running until Ctrl-C. The runner runs flows
when somebody presses Run. All records lie in this folder (.prefect/, mlflow.db, mlartifacts/), or on PostgreSQL if
`database` in params.yaml says so. The servers accept connections from this machine only and send nothing to any other.

Ctrl-C ends the current runs, then the servers. A process that dies is reported and restarted; a run whose process died
is marked as crashed. If this command itself is killed, everything it started ends too; start it again.
"""

import argparse
import fcntl
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from flows import ROOT
from flows.serving import ports
from flows.serving.same_origin import ANY_ADDRESS
from flows.serving.service import Service
from flows.serving.supervisor import Signals, Supervisor
from src.core.errors import UserError

STATE = ROOT / ".workflow"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
# Prefect settings in the caller's environment that belong to another server or database.
_FOREIGN = ("PREFECT_API_", "PREFECT_SERVER_API_", "PREFECT_SERVER_DATABASE_", "PREFECT_UI_")


def main(arguments: Sequence[str]) -> int:
    """Serve until told to end. Return the exit code: 0 when told to end, 1 after an error."""
    options = parse(arguments)
    signals = Signals()
    try:
        with _only_one() as publish:
            prefect, mlflow = _listeners(options)
            publish({"Prefect": ports.url(prefect), "MLflow": ports.url(mlflow)})
            if not ports.is_loopback(options.host):
                _say(
                    f"warning: --host {options.host}: whoever can reach this machine can start trainings and read the "
                    "data and the models; there is no password"
                )
            servers, runner = _services(options, prefect, mlflow)
            Supervisor(servers, runner, ROOT, signals, _say).run(_welcome(ports.url(prefect), ports.url(mlflow)))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m flows.serve",
        description=__doc__,
        epilog='Options by way of make: make serve options="--prefect-port 4201 --mlflow-port 5001"',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--prefect-port", type=int, default=4200, metavar="N", help="default: 4200; 0 takes any free port"
    )
    parser.add_argument(
        "--mlflow-port", type=int, default=5000, metavar="N", help="default: 5000; 0 takes any free port"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on (default: 127.0.0.1, which only this machine reaches)",
    )
    parser.add_argument(
        "--known-as",
        action="append",
        default=[],
        metavar="NAME",
        help="with --host: another name that browsers may use for this machine; all others are refused",
    )
    parser.add_argument(
        "--isolated",
        type=int,
        default=2,
        metavar="N",
        help="how many runs in copies of the folder may run at once (default: 2)",
    )
    options = parser.parse_args(arguments)
    for option, port in {"--prefect-port": options.prefect_port, "--mlflow-port": options.mlflow_port}.items():
        if not 0 <= port <= 65535:
            parser.error(f"{option}: {port} is not a port; give one from 1 to 65535, or 0 for any that is free")
    if options.prefect_port == options.mlflow_port != 0:
        parser.error("--prefect-port and --mlflow-port are the same")
    if options.isolated < 1:
        parser.error("--isolated: at least 1, or such runs would wait for ever")
    return options


@contextmanager
def _only_one() -> Iterator[Callable[[Mapping[str, str]], None]]:
    """Keep a second `make serve` out of this folder.

    The block calls the function it gets with its addresses, which a second `make serve` then names in its error.
    """
    STATE.mkdir(exist_ok=True)
    with (STATE / "serve.json").open("a+", encoding="utf-8", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(_served_by(file.read())) from None

        def publish(addresses: Mapping[str, str]) -> None:
            file.truncate(0)
            json.dump({"process": os.getpid(), **addresses}, file)
            file.flush()

        yield publish
        file.truncate(0)


def _served_by(state: str) -> str:
    if not state:
        return "another `make serve` is just starting in this folder"
    try:
        holder = json.loads(state)
        return (
            f"this folder is served already: Prefect {holder['Prefect']} MLflow {holder['MLflow']}\n"
            f"To end that, press Ctrl-C in its terminal or type `kill {holder['process']}`."
        )
    except (ValueError, LookupError, TypeError):  # truncated, or not our file
        return f"this folder is served already, and {STATE / 'serve.json'}, which should say by whom, is damaged"


def _listeners(options: argparse.Namespace) -> list[socket.socket]:
    """The servers' sockets. Raises UserError that names every port which is not available."""
    listeners, problems = [], []
    for option, port in {"--prefect-port": options.prefect_port, "--mlflow-port": options.mlflow_port}.items():
        try:
            listeners.append(ports.listening(options.host, port, option))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join([*dict.fromkeys(problems), "Nothing was started."]))
    return listeners


def _services(
    options: argparse.Namespace, prefect: socket.socket, mlflow: socket.socket
) -> tuple[list[Service], Service]:
    """The two servers and the runner."""
    from flows.serving import database

    database.prepare(ROOT)
    names = [*LOOPBACK_NAMES, options.host, *options.known_as]
    if not ports.is_loopback(options.host):
        names += [ANY_ADDRESS, socket.gethostname()]
    common = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    common |= {"PYTHONUNBUFFERED": "1"}
    same_address = {"PREFECT_UI_API_URL": "/api"}  # its pages call the API under the host name they were opened with
    of_prefect = common | database.prefect_environment(ROOT) | same_address
    of_runner = common | {
        "PREFECT_API_URL": f"{ports.url(prefect)}/api",
        "WORKFLOW_HOME": str(ROOT),
        "WORKFLOW_MLFLOW_URL": ports.url(mlflow),
    }

    def server(name: str, module: str, environment: Mapping[str, str], listener: socket.socket) -> Service:
        arguments = [str(os.getpid()), str(listener.fileno()), *names]
        log = STATE / "logs" / f"{module.rpartition('.')[2]}.log"
        return Service(name, module, arguments, environment, log, listener)

    return [
        server("Prefect server", "flows.serving.prefect_server", of_prefect, prefect),
        server("MLflow server", "flows.serving.mlflow_server", common, mlflow),
    ], Service(
        "runner",
        "flows.runner",
        ["--isolated", str(options.isolated)],
        of_runner,
        STATE / "logs" / "runner.log",
        speaks=True,
    )


def _welcome(prefect: str, mlflow: str) -> str:
    return f"""ready: Prefect {prefect} MLflow {mlflow}

Run the workflow  {prefect}/deployments
    Press the three dots beside universal-workflow, then Custom run; choose a problem and press Submit.
    The run's page shows its steps and, under Artifacts, the results.
Compare runs      {mlflow}/#/experiments?workflowType=machine_learning
    Open the experiment with the problem's name, select runs and press Compare.

Ctrl-C ends both. Logs: .workflow/logs/
"""


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
