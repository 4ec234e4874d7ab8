"""Kills at random moments: does the next run give the bytes of an undisturbed one, and is anything left?

    python -m benchmarks.drills [--kills 50] [--seed 0] [--json figures.json]

Each drill begins with a clone in which nothing has run, so that the databases are made as well. It starts the workflow
on a tiny problem (as `make repro` does, by `dvc repro`, and from the UI of `make serve`, in turn), kills one of its
processes at a random moment, and runs it again. Then data, results and dvc.lock have to be those of a run that nobody
disturbed, no process may be left, and no run in MLflow or Prefect may seem to go on.
"""

import argparse
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
import psutil

from src.core.processes import is_alive
from tests.flows.served import Served
from tests.workspaces import PROBLEM, Workspace, command, family, fresh_workspace, wait_for

GONE_SECONDS, PATIENCE = 5.0, 600.0
FLOW = "universal-workflow/universal-workflow"
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_OPEN = {
    "mlflow.db": "SELECT name FROM runs WHERE status = 'RUNNING' AND lifecycle_stage = 'active'",
    ".prefect/prefect.db": "SELECT name FROM flow_run WHERE state_type IN ('RUNNING', 'PENDING', 'CANCELLING')"
    " UNION SELECT name FROM task_run WHERE state_type IN ('RUNNING', 'PENDING', 'CANCELLING')",
}


@dataclass
class Outcome:
    """What came of one drill. `victim`: the role of the process that was killed, None where the run ended before.

    `wrong`: the files that differ from those of the undisturbed run, or how the next run failed; `left`: processes;
    `open`: runs that seem to go on.
    """

    way: str
    after: float
    victim: str | None = None
    wrong: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.wrong or self.left or self.open)


# Runs the workflow in a workspace, with a kill of one of its processes where one is to come; brings it to its end then.
Way = Callable[[Workspace, "Kill", Outcome], None]


@dataclass
class Kill:
    """`after` so many seconds, of one process among those of `pid`; every role is as likely."""

    after: float
    chance: random.Random

    def strike(self, pid: int) -> str | None:
        roles: dict[str, list[psutil.Process]] = {}
        for process in filter(is_alive, family(pid)):
            roles.setdefault(_role(process), []).append(process)
        while roles:
            role = self.chance.choice(sorted(roles))
            victim = self.chance.choice(roles.pop(role))
            with suppress(psutil.NoSuchProcess):  # it has just ended by itself
                victim.kill()
                return role
        return None


def _role(process: psutil.Process) -> str:
    """What the process does: the name of a fork, whose worker it is, or the module that it runs."""
    with suppress(psutil.NoSuchProcess):
        words, name = process.cmdline(), process.name()
        if not name.startswith("python"):
            parent = process.parent()
            return f"a worker of {name}" if parent is not None and parent.name() == name else name
        return words[words.index("-m") + 1] if "-m" in words[:-1] else "a helper of Python's"
    return "ended"


def in_the_shell(*program: str) -> Way:
    """Starts `python -m <program>`, and after the kill once more."""

    def way(workspace: Workspace, kill: Kill, outcome: Outcome) -> None:
        run = workspace.popen(*program, start_new_session=True)
        with suppress(subprocess.TimeoutExpired):
            run.communicate(timeout=kill.after)
            return
        outcome.victim = kill.strike(run.pid)
        run.communicate(timeout=PATIENCE)
        outcome.left += left_in(workspace)
        again = workspace.run(*program, check=False)
        if again.returncode != 0:
            outcome.wrong.append(f"the next run failed: {again.stdout[-500:]}")

    return way


def from_the_ui(workspace: Workspace, kill: Kill, outcome: Outcome) -> None:
    """Presses Run as soon as `make serve` is ready, and again until a run is completed."""
    served = _serve(workspace)
    blow = threading.Timer(kill.after, lambda: setattr(outcome, "victim", kill.strike(served.process.pid)))
    blow.start()
    state = _state_of_a_run(served)
    blow.cancel()
    blow.join()
    if outcome.victim is not None and state != "COMPLETED":
        if served.process.poll() is not None:
            outcome.left += left_in(workspace)
            served = _serve(workspace)
        state = _state_of_a_run(served)
    if state != "COMPLETED":
        outcome.wrong.append(f"the next run is {state}: {served.output[-500:]}")
    with suppress(AssertionError):
        wait_for(lambda: not open_runs(workspace), 30)
    served.process.send_signal(signal.SIGINT)
    served.wait_for_end(60)


def _serve(workspace: Workspace) -> Served:
    program = ("flows.serve", "--prefect-port", "0", "--mlflow-port", "0")
    return Served(workspace, workspace.popen(*program, start_new_session=True))


def _state_of_a_run(served: Served) -> str | None:
    """The state in which a run ends that is started now; None where the server has not lived to tell it."""
    with suppress(AssertionError, httpx.HTTPError):
        served.wait_until_ready()
        deployment = served.get(f"{served.api}/deployments/name/{FLOW}").json()["id"]
        body = {"parameters": {"problem": PROBLEM}}
        run = served.post(f"deployments/{deployment}/create_flow_run", body).json()["id"]

        def ended() -> str | None:
            assert served.process.poll() is None
            state: str = served.get(f"{served.api}/flow_runs/{run}").json()["state"]["type"]
            return state if state in ENDED else None

        return str(wait_for(ended, PATIENCE))
    return None


WAYS: dict[str, Way] = {
    "make repro": in_the_shell("flows.warm_dvc", "repro"),
    "dvc repro": in_the_shell("dvc", "repro"),
    "UI": from_the_ui,
}


def drill(way: str, workspace: Workspace, expected: dict[str, bytes], kill: Kill) -> Outcome:
    """One kill in `workspace`, in which nothing has run; `expected` are the files of an undisturbed run."""
    outcome = Outcome(way, kill.after)
    WAYS[way](workspace, kill, outcome)
    actual = contents(workspace)
    outcome.wrong += sorted(name for name in {**expected, **actual} if expected.get(name) != actual.get(name))
    outcome.left += left_in(workspace)
    outcome.open += open_runs(workspace)
    return outcome


def contents(workspace: Workspace) -> dict[str, bytes]:
    """All data and results and dvc.lock, by path, without the temporary files that a killed DVC leaves."""
    files = [
        path
        for folder in ("data", "results")
        for path in (workspace.root / folder).rglob("*")
        if path.is_file() and not (path.name.startswith(".") and path.suffix == ".tmp")
    ]
    return {str(path.relative_to(workspace.root)): path.read_bytes() for path in [*files, workspace.root / "dvc.lock"]}


def left_in(workspace: Workspace) -> list[str]:
    """Processes that go on in the workspace when they have had a moment to end."""

    def there() -> list[psutil.Process]:
        return [each for each in psutil.process_iter() if is_alive(each) and _is_in(each, workspace.root)]

    with suppress(AssertionError):
        wait_for(lambda: not there(), GONE_SECONDS)
    return [command(process) or process.name() for process in there()]


def _is_in(process: psutil.Process, root: Path) -> bool:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return Path(process.cwd()).is_relative_to(root)
    return False


def open_runs(workspace: Workspace) -> list[str]:
    """Runs in MLflow and Prefect that seem to go on."""
    names: list[str] = []
    for name, query in _OPEN.items():
        if (workspace.root / name).exists():
            with closing(sqlite3.connect(workspace.root / name, timeout=30)) as connection:
                names += [f"{name}: {run}" for (run,) in connection.execute(query)]
    return names


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.drills", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50, help="how many (default: 50)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and processes (default: 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write a list of all drills here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="drills-") as scratch:
        outcomes = drills(Path(scratch), options.kills, random.Random(options.seed))  # noqa: S311 - no secret
    if options.json:
        options.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=2), encoding="utf-8")
    for line in figures(outcomes):
        print(line)
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


def drills(scratch: Path, kills: int, chance: random.Random) -> list[Outcome]:
    """So many kills, the ways in turn, each told when it is over. A run that ended before its kill does not count."""
    fresh = fresh_workspace(scratch / "fresh", {})
    fresh.set(training={"epochs": 300, "batch_size": 16}, engine={"workers": 2})  # workers live long enough to be hit
    undisturbed = fresh.copy(scratch / "undisturbed")
    begin = time.monotonic()
    undisturbed.run("dvc", "repro")
    expected = contents(undisturbed)
    shutil.copytree(undisturbed.root / ".cache", fresh.root / ".cache")  # a list of fonts, which takes seconds to make
    seconds = dict.fromkeys(WAYS, time.monotonic() - begin)
    print(f"undisturbed: {len(expected)} files after {seconds['dvc repro']:.0f} s", flush=True)
    outcomes: list[Outcome] = []
    while len(outcomes) < kills:
        way = list(WAYS)[len(outcomes) % len(WAYS)]
        workspace = fresh.copy(scratch / "workspace")
        outcome = drill(way, workspace, expected, Kill(chance.uniform(0, seconds[way]), chance))
        shutil.rmtree(workspace.root)
        if outcome.victim is None:
            seconds[way] = outcome.after
            continue
        outcomes.append(outcome)
        result = "good" if outcome.is_good else f"NOT GOOD {outcome.wrong} {outcome.left} {outcome.open}"
        print(f"{len(outcomes):3} {way:10} {outcome.after:5.1f} s  {outcome.victim:24} {result}", flush=True)
    return outcomes


def figures(outcomes: Sequence[Outcome]) -> list[str]:
    """A table with a line for each way, and who was killed how often."""
    lines = [f"{'':10} {'kills':>6} {'same bytes':>11} {'nothing left':>13} {'no run open':>12}"]
    for way in WAYS:
        of_way = [outcome for outcome in outcomes if outcome.way == way]
        counts = (len(of_way), *(sum(not getattr(each, name) for each in of_way) for name in ("wrong", "left", "open")))
        lines.append(f"{way:10} {counts[0]:6} {counts[1]:11} {counts[2]:13} {counts[3]:12}")
    victims = Counter(outcome.victim for outcome in outcomes)
    return [*lines, "killed: " + ", ".join(f"{role} {count}" for role, count in victims.most_common())]


if __name__ == "__main__":
    sys.exit(main())
