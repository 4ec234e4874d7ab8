"""The flow: one task per step, each in the state that DVC's answer means."""

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from flows.running import stages
from src.core.processes import is_alive
from src.core.steps import STEPS
from tests.workspaces import PROBLEM, ROOT, Workspace, family, has_loaded_torch, step_of, tiny_table, wait_for

FLOW = "flows.universal_workflow"
GONE_SECONDS = 3


def states(output: str) -> dict[str, str]:
    """The final state of every task by its step."""
    return dict(re.findall(r"Task run '(\w+)' - Finished in state (\w+)", output))


@pytest.fixture
def online(workspace: Workspace, server: dict[str, str]) -> Workspace:
    return Workspace(workspace.root, workspace.environment | server)


@pytest.mark.slow
def test_after_a_run_every_task_is_cached_and_nothing_changes(online: Workspace, finished: Workspace):
    run = online.run(FLOW, PROBLEM)
    assert states(run.stdout) == dict.fromkeys(STEPS, "Cached")
    assert online.lock == finished.lock


@pytest.mark.slow
def test_forced_up_to_a_step_the_flow_runs_just_these_and_the_lock_file_keeps_its_bytes(
    online: Workspace, finished: Workspace
):
    run = online.run(FLOW, PROBLEM, "--force", "--until", "prepare")
    assert states(run.stdout) == dict.fromkeys(STEPS[: STEPS.index("prepare") + 1], "Completed")
    assert online.lock == finished.lock
    assert "Data and pipelines are up to date" in online.run("dvc", "repro").stdout


@pytest.mark.slow
def test_a_failed_step_fails_the_flow_with_the_step_s_own_words_and_exit_code_1(online: Workspace):
    online.set(target="abvoe")
    run = online.run(FLOW, PROBLEM, check=False)
    assert run.returncode == 1
    assert states(run.stdout) == {"define": "Completed", "fetch": "Cached", "validate": "Failed"}
    assert re.search(r"Task run 'validate' - Finished in state Failed\(.*abvoe", run.stdout)
    assert "Traceback" not in run.stdout


REMOTE = tiny_table(90).encode()


class Flaky(BaseHTTPRequestHandler):
    """Gives a table, but is out of order at first."""

    failures = 0
    asked = 0

    def do_GET(self) -> None:
        Flaky.asked += 1
        broken = Flaky.asked <= Flaky.failures
        self.send_response(503 if broken else 200)
        self.end_headers()
        self.wfile.write(b"" if broken else REMOTE)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def remote(online: Workspace) -> Iterator[Callable[[int, str], None]]:
    """Lets the problem's data come from an address that answers 503 so many times; steps then try just once."""
    download = online.root / "src" / "datasets" / "download.py"
    download.write_text(download.read_text().replace("WAITS = (1.0, 3.0, 9.0)", "WAITS = ()"))
    flow = online.root / "flows" / "universal_workflow.py"
    flow.write_text(flow.read_text().replace("[10, 60, 300]", "[1, 2, 3]"))
    with ThreadingHTTPServer(("127.0.0.1", 0), Flaky) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()

        def use(failures: int, sha256: str) -> None:
            Flaky.asked, Flaky.failures = 0, failures
            file = {"url": f"http://127.0.0.1:{http.server_port}/tiny.csv", "sha256": sha256}
            online.set(data={"source": "address", "files": [file]})

        yield use
        http.shutdown()


@pytest.mark.slow
def test_a_step_that_fails_for_a_passing_reason_runs_again_after_a_while(
    online: Workspace, remote: Callable[[int, str], None]
):
    remote(2, sha256(REMOTE).hexdigest())
    run = online.run(FLOW, PROBLEM, "--until", "fetch")
    assert Flaky.asked == 3
    assert states(run.stdout) == {"define": "Completed", "fetch": "Completed"}
    assert "the server answered 503" in run.stdout
    flow_run = re.search(r"View at .*/flow-run/(\S+)", run.stdout).group(1)
    api = online.environment["PREFECT_API_URL"]
    tasks = httpx.post(f"{api}/task_runs/filter", json={"flow_runs": {"id": {"any_": [flow_run]}}}).json()
    (fetch,) = (task for task in tasks if task["name"] == "fetch")
    assert fetch["run_count"] == 3
    history = httpx.get(f"{api}/task_run_states/", params={"task_run_id": fetch["id"]}).json()
    assert [state["name"] for state in history].count("AwaitingRetry") == 2


@pytest.mark.slow
def test_a_step_that_fails_for_good_does_not_run_again(online: Workspace, remote: Callable[[int, str], None]):
    remote(0, "0" * 64)
    run = online.run(FLOW, PROBLEM, "--until", "fetch", check=False)
    assert run.returncode == 1
    assert Flaky.asked == 1
    assert re.search(r"Task run 'fetch' - Finished in state Failed\(.*wrong checksum", run.stdout)
    assert "Traceback" not in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_ended_flow_ends_what_it_started(online: Workspace, sent: signal.Signals):
    online.set(training={"epochs": 100_000, "batch_size": 16})
    flow = online.popen(FLOW, PROBLEM)
    try:
        step = wait_for(lambda: step_of(flow.pid, "overfit"), 120)
        wait_for(lambda: has_loaded_torch(step), 60)
        children = family(flow.pid)[:-1]
        flow.send_signal(sent)
        output, _ = flow.communicate(timeout=30)
        assert flow.returncode != 0
        if sent != signal.SIGKILL:
            assert states(output)["overfit"] == "Cancelled"
            assert "overfit was stopped; finished steps are kept" in output
            assert "Traceback" not in output
            assert "Crashed" not in output
        wait_for(lambda: not any(map(is_alive, children)), GONE_SECONDS)
    finally:
        flow.kill()


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_ends_a_run_without_a_server_at_once_and_tells_that(fresh: Workspace, tmp_path: Path):
    """It reaches all processes of the terminal, but not the server that Prefect has started for the run."""
    flow = fresh.copy(tmp_path / "workspace").popen(FLOW, PROBLEM, start_new_session=True)
    try:
        wait_for(lambda: step_of(flow.pid, "validate"), 240)
        os.killpg(flow.pid, signal.SIGINT)
        output, _ = flow.communicate(timeout=20)
    finally:
        flow.kill()
    assert flow.returncode == 130
    assert states(output)["validate"] == "Cancelled"
    assert "validate was stopped; finished steps are kept" in output
    assert "Crashed" not in output


@pytest.mark.parametrize(
    ("problem", "told"),
    [("tinny", "did you mean 'tiny'?"), ("../problems/tiny", "no problem is called")],
)
def test_a_problem_that_is_not_there_is_told_before_anything_starts(fresh: Workspace, problem: str, told: str):
    run = fresh.run(FLOW, problem, check=False)
    assert run.returncode == 1
    assert told in run.stdout
    assert "Traceback" not in run.stdout


def test_help_teaches(fresh: Workspace):
    told = fresh.run(FLOW, "--help").stdout
    assert "one task per step" in told


def test_the_reason_of_a_failure_is_the_step_s_own_message():
    lines = ["> python -m tasks.fetch tiny", "error: tiny.csv does not exist", "  copy it there", "ERROR: failed"]
    assert stages.reason(lines) == "tiny.csv does not exist\n  copy it there"


def test_the_reason_of_a_bug_is_the_last_line_of_its_traceback():
    lines = ["Traceback (most recent call last):", "  File ...", "ValueError: no", "", "ERROR: failed to reproduce"]
    assert stages.reason(lines) == "ValueError: no"


def test_the_reason_of_a_failure_of_dvc_is_dvc_s_message():
    assert stages.reason(["ERROR: 'results' is busy"]) == "'results' is busy"
    assert stages.reason([]) == ""


def test_the_form_has_a_dropdown_of_problems_and_a_help_text_for_every_field():
    from prefect.utilities.callables import parameter_schema

    from flows.universal_workflow import universal_workflow

    schema = parameter_schema(universal_workflow).model_dump()
    assert list(schema["properties"]) == ["problem", "overrides", "force", "until"]
    assert schema["properties"]["problem"]["enum"] == sorted(file.stem for file in (ROOT / "problems").glob("*.yaml"))
    assert schema["properties"]["until"]["enum"] == list(STEPS)
    assert all(field.get("description") for field in schema["properties"].values())
    assert schema["required"] == ["problem"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"problem": "../../etc/passwd"}, "field 'problem'. Failure reason: '../../etc/passwd' is not one of"),
        ({"overrides": {"folds": 1}}, "field 'overrides.folds'. Failure reason: 1 is less than the minimum of 2"),
        ({"overrides": {"folds": "3"}}, "field 'overrides.folds'"),
        ({"overrides": {"training": {"learning_rate": 11}}}, "field 'overrides.training.learning_rate'"),
        ({"overrides": {"measure": "acuracy"}}, "field 'overrides.measure'"),
        ({"overrides": {"engine": {"workers": 0}}}, "field 'overrides.engine.workers'"),
        (
            {"overrides": {"epoch": 5}},
            "field 'overrides'. Failure reason: Additional properties are not allowed ('epoch'",
        ),
        ({"until": "deploy"}, "field 'until'"),
        ({"overrides": {"folds": None, "measure": None, "engine": {"workers": None}}}, ""),
        ({"overrides": {"folds": 3, "measure": "auto", "engine": {"workers": 2}}}, ""),
    ],
)
def test_the_server_refuses_a_bad_value_by_the_name_of_its_field(given: dict[str, object], told: str):
    """With the schema of the deployment, by which it validates before there is a run."""
    from prefect.utilities.callables import parameter_schema
    from prefect.utilities.schema_tools.validation import ValidationError, validate

    from flows.universal_workflow import universal_workflow

    schema = parameter_schema(universal_workflow).model_dump_for_openapi()
    try:
        validate({"problem": "wine"} | given, schema, raise_on_error=True)
        refused = ""
    except ValidationError as error:
        refused = str(error)
    assert told in refused
    assert bool(told) == bool(refused)
