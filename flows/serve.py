"""Serve the workflow: Prefect to run it from a browser, MLflow to compare what was found.

    make serve

starts a Prefect server, an MLflow server and the runner, which runs flows when somebody presses Run, and looks after
them until Ctrl-C. Everything they keep lies in this folder (.prefect/, mlflow.db, mlartifacts/), or on PostgreSQL where
`database` in params.yaml says so. They listen to this machine only, and ask nothing of any other.

Ctrl-C ends a run that goes on, then the servers. A process that dies is told and started again; a run that died is
marked as crashed. Should this command itself be killed, nothing it started lives on; start it again.
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
# Settings of Prefect that are somebody else's, should the caller's environment have them: its own server, its database.
_FOREIGN = ("PREFECT_API_", "PREFECT_SERVER_API_", "PREFECT_SERVER_DATABASE_", "PREFECT_UI_")


def main(arguments: Sequence[str]) -> int:
    """Serve until told to end. The exit code: 0 when told to end, 1 when something was wrong."""
    options = parse(arguments)
    signals = Signals()
    try:
        with _only_one() as publish:
            prefect, mlflow = _listeners(options)
            publish({"Prefect": ports.url(prefect), "MLflow": ports.url(mlflow)})
            if not ports.is_loopback(options.host):
                _say(
                    f"warning: --host {options.host}: whoever can reach this machine can start trainings and read the "
                    "data and the models; no password is asked"
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
    parser.add_argument("--prefect-port", type=int, default=4200, metavar="N", help="default: 4200; 0 takes any")
    parser.add_argument("--mlflow-port", type=int, default=5000, metavar="N", help="default: 5000; 0 takes any")
    parser.add_argument(
        "--host", default="127.0.0.1", help="listen at another address than 127.0.0.1, which only this machine reaches"
    )
    parser.add_argument(
        "--known-as",
        action="append",
        default=[],
        metavar="NAME",
        help="with --host: a further name by which browsers may call this machine; others are refused",
    )
    parser.add_argument(
        "--isolated", type=int, default=2, metavar="N", help="most runs in copies of the folder at a time (default: 2)"
    )
    options = parser.parse_args(arguments)
    for option, port in {"--prefect-port": options.prefect_port, "--mlflow-port": options.mlflow_port}.items():
        if not 0 <= port <= 65535:
            parser.error(f"{option}: {port} is no port; give one from 1 to 65535, or 0 for any that is free")
    if options.prefect_port == options.mlflow_port != 0:
        parser.error("--prefect-port and --mlflow-port are the same")
    if options.isolated < 1:
        parser.error("--isolated: at least 1, or such runs would wait for ever")
    return options


@contextmanager
def _only_one() -> Iterator[Callable[[Mapping[str, str]], None]]:
    """Keep a second `make serve` out of this folder; the block tells its addresses, for the second to name them."""
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
    except (ValueError, LookupError, TypeError):  # cut short, or something else
        return f"this folder is served already, and {STATE / 'serve.json'}, which should say by whom, is damaged"


def _listeners(options: argparse.Namespace) -> list[socket.socket]:
    """The servers' sockets; UserError about every port that cannot be had."""
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
    same_address = {"PREFECT_UI_API_URL": "/api"}  # its pages use the API under the name by which they were opened
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
    The page of the run shows its steps and, under Artifacts, what came of it.
Compare runs      {mlflow}/#/experiments?workflowType=machine_learning
    Open the experiment that is called like the problem, select runs and press Compare.

Ctrl-C ends both. Logs: .workflow/logs/
"""


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
