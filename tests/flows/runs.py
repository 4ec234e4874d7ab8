"""A Prefect server and a runner for the tests, and a flow in the place of the real one that lasts as long as wanted."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import psutil

from flows.serving import database, ports
from flows.serving.service import Service, stop
from tests.workspaces import PROBLEM, Workspace, family, wait_for

START_SECONDS = 180
PATIENCE = 180  # on a busy machine

# A server that calls runs late at once, and looks out for new schedules often.
_IMPATIENT = {
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
}

# With `force` it has a child process and goes on until the file `release-<its problem>` is there; with another `until`
# than the last step it does so in a subflow.
LASTING_FLOW = '''
import subprocess, time
from contextlib import nullcontext
from pathlib import Path

import psutil
from prefect import flow, task

from flows.arguments import ProblemName, StepName, is_isolated
from flows.overrides import Overrides
from tasks.workspace import locked_by


@task(name="step")
def step(problem, force):
    if force:
        child = subprocess.Popen(["sleep", "1000"])
        try:
            while not Path(f"release-{problem}").exists():
                time.sleep(0.05)
        finally:
            child.kill()


@flow(name="part")
def part(problem, force):
    step(problem, force)


@flow(name="universal-workflow", flow_run_name="run-of-{problem}", persist_result=False)
def universal_workflow(
    problem: ProblemName, overrides: Overrides = Overrides(), force: bool = False, until: StepName = "report"
):
    """A flow for tests."""
    with nullcontext() if is_isolated({"problem": problem, "overrides": overrides}) else locked_by(psutil.Process()):
        (step if until == "report" else part)(problem, force)
'''


def with_lasting_flow(workspace: Workspace, root: Path) -> Workspace:
    """A copy of the workspace that serves the flow above, and has a second problem like the first."""
    copy = workspace.copy(root)
    (root / "flows" / "lasting.py").write_text(LASTING_FLOW)
    table = root / "flows" / "runner" / "deployments.py"
    served = 'ENTRYPOINTS = {"universal-workflow": "flows.lasting.universal_workflow"}\n'
    table.write_text(re.sub(r"ENTRYPOINTS = \{\n.*?^\}\n", served, table.read_text(), flags=re.DOTALL | re.MULTILINE))
    (root / "problems" / "other.yaml").write_text(copy.problem_file.read_text())
    params = root / "params.yaml"
    params.write_text(params.read_text().replace(f"  - {PROBLEM}\n", f"  - {PROBLEM}\n  - other\n"))
    return copy


def environment(workspace: Workspace) -> dict[str, str]:
    return workspace._environment()


@contextmanager
def prefect_server(workspace: Workspace) -> Iterator[str]:
    """A Prefect server of the workspace; the address of its API."""
    listener = ports.listening("127.0.0.1", 0, "")
    database.prepare(workspace.root)
    server = Service(
        "server",
        "flows.serving.prefect_server",
        [str(os.getpid()), str(listener.fileno()), "127.0.0.1"],
        environment(workspace) | database.prefect_environment(workspace.root) | _IMPATIENT,
        workspace.root / ".workflow" / "server.log",
        listener,
    )
    server.start(workspace.root)
    try:
        wait_for(server.is_ready, START_SECONDS)
        yield f"{ports.url(listener)}/api"
    finally:
        stop([server], 5)
        listener.close()


@dataclass
class Runner:
    """A process `python -m flows.runner` that has said that it is ready, and what it was asked to run."""

    workspace: Workspace
    api: str
    service: Service = field(init=False)

    def __post_init__(self) -> None:
        self.service = Service(
            "runner",
            "flows.runner",
            ["--isolated", "2"],
            environment(self.workspace) | {"PREFECT_API_URL": self.api},
            self.workspace.root / ".workflow" / "runner.log",
        )

    def start(self) -> None:
        self.service.start(self.workspace.root)
        wait_for(lambda: self.service.is_ready() or not self.service.is_running(), START_SECONDS)
        assert self.service.is_running(), self.log

    @property
    def log(self) -> str:
        return self.service.log.read_text()

    def get(self, path: str, **options: object):
        return _content(self._ask("GET", path, **options))

    def post(self, path: str, body: object):
        return _content(self._ask("POST", path, json=body))

    def delete(self, path: str) -> None:
        found = self._ask("DELETE", path)
        assert found.is_success or found.status_code == httpx.codes.NOT_FOUND, found.text  # when asked again

    def deployment(self, name: str = "universal-workflow") -> dict:
        return self.get(f"deployments/name/{name}/{name}")

    def create(self, **parameters: object) -> httpx.Response:
        """What the server answers to somebody who presses Run; asked again, it makes no second run."""
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}, "idempotency_key": str(uuid4())}
        return self._ask("POST", f"deployments/{self.deployment()['id']}/create_flow_run", json=body)

    def create_unchecked(self, deployment: dict, parameters: object) -> str:
        """The id of a new run whose parameters the server has not looked at."""
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}, "enforce_parameter_schema": False}
        return self.post(f"deployments/{deployment['id']}/create_flow_run", body | {"idempotency_key": str(uuid4())})[
            "id"
        ]

    def send_malformed(self, path: str) -> httpx.Response:
        return self._ask("POST", path, content=b"{bad")

    def logs(self, id_: str) -> list[dict]:
        return self.post("logs/filter", {"logs": {"flow_run_id": {"any_": [id_]}}})

    def press_run(self, problem: str = PROBLEM, **parameters: object) -> str:
        """The id of a new run."""
        return _content(self.create(problem=problem, **parameters))["id"]

    def run(self, id_: str) -> dict:
        return self.get(f"flow_runs/{id_}")

    def state(self, id_: str) -> str:
        return self.run(id_)["state"]["name"]

    def message(self, id_: str) -> str:
        return self.run(id_)["state"]["message"]

    def steps(self, id_: str) -> dict[str, str]:
        """The states of the run's steps, by name."""
        found = self.post("task_runs/filter", {"flow_runs": {"id": {"any_": [id_]}}})
        return {step["name"]: step["state_name"] for step in found}

    def runs_in(self, state: str) -> list[str]:
        """The runs whose state is called `state`."""
        return [
            run["id"] for run in self.post("flow_runs/filter", {"flow_runs": {"state": {"name": {"any_": [state]}}}})
        ]

    def subflows(self, id_: str) -> list[str]:
        found = self.post("flow_runs/filter", {"flow_runs": {"parent_flow_run_id": {"any_": [id_]}}})
        return [run["id"] for run in found]

    def open_runs(self) -> list[str]:
        """The runs that have not ended."""
        types = ["SCHEDULED", "PENDING", "RUNNING", "CANCELLING"]
        found = self.post("flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": types}}}})
        return [run["id"] for run in found if not run["auto_scheduled"]]

    def wait_for_state(self, id_: str, *names: str) -> str:
        def state() -> str | None:
            found = self.state(id_)
            return found if found in names else None

        return wait_for(state, PATIENCE)

    def wait_for_step(self, id_: str) -> None:
        wait_for(lambda: "Running" in self.steps(id_).values(), PATIENCE)

    def wait_for_subflow(self, id_: str) -> str:
        """The run's subflow, once a step of it goes on."""
        part = wait_for(lambda: self.subflows(id_), PATIENCE)[0]
        self.wait_for_step(part)
        return part

    def cancel(self, id_: str) -> None:
        self.set_state(id_, "CANCELLING", "Cancelling")

    def set_state(self, id_: str, type_: str, name: str) -> None:
        self.post(f"flow_runs/{id_}/set_state", {"state": {"type": type_, "name": name}})

    def release(self, problem: str = PROBLEM) -> None:
        (self.workspace.root / f"release-{problem}").touch()

    def children(self) -> list[psutil.Process]:
        return family(self.service.pid)[:-1]

    def process_of(self, id_: str) -> psutil.Process:
        """The process that a lasting flow happens in: the parent of its child."""

        def child() -> psutil.Process | None:
            for found in self.children():
                with suppress(psutil.NoSuchProcess):  # the sleep of an earlier run, which is just ending
                    if found.name() == "sleep" and found.environ()["PREFECT__FLOW_RUN_ID"] == id_:
                        return found
            return None

        return wait_for(child, PATIENCE).parent()

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        stop([self.service], 10)

    def _ask(self, method: str, path: str, **options: object) -> httpx.Response:
        """As Prefect's client does, again when SQLite was busy; and when an answer did not come in time."""

        def answer() -> httpx.Response | None:
            try:
                found = httpx.request(method, f"{self.api}/{path}", timeout=30, trust_env=False, **options)
            except httpx.ReadTimeout:
                return None
            return None if found.status_code == httpx.codes.SERVICE_UNAVAILABLE else found

        return wait_for(answer, PATIENCE)


def _content(response: httpx.Response):
    assert response.is_success, response.text
    return response.json() if response.content else None
