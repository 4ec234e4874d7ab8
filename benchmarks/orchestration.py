"""What Prefect, DVC and MLflow cost: seconds that they add to the steps, called as functions in one process.

    python -m benchmarks.orchestration [--problem wine] [--json figures.json]

Works in a temporary clone of the last commit, where it serves the workflow as `make serve` does and runs one problem
again and again: every step, `evaluate` and `report` alone, nothing. Each added time is the difference to the same steps
run just before without any of the three.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from benchmarks.steps import REPOSITORY
from src.core.steps import STEPS

FLOW = "flows.universal_workflow"
READY = re.compile(r"^ready: Prefect (\S+) MLflow \S+$")
AS_FUNCTIONS = """
import sys
from importlib import import_module

import tasks
from src.core.files import Layout

for step in sys.argv[2:]:
    getattr(import_module(f"tasks.{step}"), step)(Layout(sys.argv[1]))
"""
LAST = ("evaluate", "report")
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Workspace:
    """A clone in `root` with one problem; each method runs something in it and returns its wall seconds."""

    def __init__(self, root: Path, problem: str) -> None:
        self.root = root
        self.problem = problem
        subprocess.run(["git", "clone", "--quiet", "--shared", str(REPOSITORY), str(root)], check=True)
        params = (root / "params.yaml").read_text(encoding="utf-8")
        listed = re.sub(r"problems:\n(  - .*\n)+", f"problems:\n  - {problem}\n", params)
        (root / "params.yaml").write_text(listed, encoding="utf-8")

    def functions(self, steps: Sequence[str]) -> float:
        return self._timed("-c", AS_FUNCTIONS, self.problem, *steps)

    def dvc(self, *options: str) -> float:
        return self._timed("-m", "dvc", "repro", *options)

    def flow(self, *options: str, api: str) -> float:
        return self._timed("-m", FLOW, self.problem, *options, PREFECT_API_URL=api)

    def change_evaluate(self, committee: int) -> None:
        """Let `evaluate`, and so `report`, have something to do again."""
        path = self.root / "problems" / f"{self.problem}.yaml"
        changed = yaml.safe_load(path.read_text(encoding="utf-8")) | {"committee": committee}
        path.write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")

    @contextmanager
    def served(self) -> Iterator[tuple[float, str]]:
        """Serve the clone during the block: the seconds until it was ready, and the address of Prefect's API."""
        begin = time.perf_counter()
        command = [sys.executable, "-m", "flows.serve", "--prefect-port", "0", "--mlflow-port", "0"]
        process = subprocess.Popen(command, cwd=self.root, env=self._environment(), stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if ready := READY.match(line.rstrip()):
                    yield time.perf_counter() - begin, f"{ready[1]}/api"
                    return
            sys.exit("the servers did not start")
        finally:
            process.terminate()
            process.wait()

    def _timed(self, *command: str, **environment: str) -> float:
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.root,
            env=self._environment() | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout}")
        return time.perf_counter() - begin

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        return os.environ | {"PATH": path}


def press_run(api: str, problem: str) -> dict[str, float]:
    """Start the workflow as the Run button does: seconds until its first step begins, and until it has ended."""
    with httpx.Client(base_url=api, timeout=60, trust_env=False) as client:
        deployment = client.get("/deployments/name/universal-workflow/universal-workflow").json()["id"]
        pressed = time.time()
        body = {"parameters": {"problem": problem}}
        run = client.post(f"/deployments/{deployment}/create_flow_run", json=body).json()["id"]
        while client.get(f"/flow_runs/{run}").json()["state"]["type"] not in ENDED:
            time.sleep(0.1)
        ended = time.time()
        task_runs = client.post("/task_runs/filter", json={"flow_runs": {"id": {"any_": [run]}}}).json()
    first = min(_moment(task["start_time"]) for task in task_runs)
    return {"picked up": first - pressed, "ended": ended - pressed}


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def measure(workspace: Workspace, say: Callable[[str, float], None]) -> None:
    workspace.functions(STEPS)  # fills what libraries cache, which is nobody's added time
    alone = workspace.functions(STEPS)
    say("every step, as functions in one process", alone)
    with workspace.served() as (start, api):
        say("the servers' start, until ready", start)
        whole = workspace.flow("--force", api=api)
        say("every step, as a flow (Prefect, DVC, MLflow)", whole)
        say("added to every step", whole - alone)
        say("everything cached, as a flow", workspace.flow(api=api))
        pressed = press_run(api, workspace.problem)
        say("from pressing Run to the first step", pressed["picked up"])
        say("everything cached, from pressing Run to the end", pressed["ended"])

        workspace.change_evaluate(committee=4)
        workspace.functions(["define"])
        last = workspace.functions(LAST)
        say("evaluate and report, as functions in one process", last)
        again = workspace.flow(api=api)
        say("evaluate and report, as a flow", again)
        say("added to evaluate and report", again - last)
    say("nothing to do, dvc repro", workspace.dvc())
    say("every step, dvc repro --force (DVC, MLflow)", workspace.dvc("--force"))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.orchestration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--problem", default="wine", metavar="NAME", help="a file in problems/ (default: wine)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write a list of {what, seconds} here")
    options = parser.parse_args()
    figures: list[dict[str, Any]] = []

    def say(what: str, seconds: float) -> None:
        figures.append({"what": what, "seconds": round(seconds, 2)})
        print(f"{what:52s} {seconds:7.2f} s", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        measure(Workspace(Path(folder) / "clone", options.problem), say)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
