"""The run's page in Prefect: progress that moves, and at the end what was found out, with links to the records."""

import base64
import io
import logging
import re
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from PIL import Image

from flows.running import artifacts
from flows.running.artifacts import CAPTIONS, MLFLOW_URL, SHORTEST_PAUSE, Progress, key, links, publish
from src.core.files import Layout
from src.results.answer import WITH_VERDICTS
from src.results.verdicts import Verdict
from src.tracking.identity import find_workflow_run
from tasks.report import report
from tests.report.examples import example
from tests.report.written_results import write_results
from tests.workspaces import PROBLEM, Workspace, wait_for

FLOW = "flows.universal_workflow"
STEPS = ("define", "fetch", "overfit", "regularize")


class Client:
    """Stands in for Prefect's: remembers every move."""

    def __init__(self) -> None:
        self.moves: list[tuple[float, str]] = []
        self.broken = False

    def update_artifact(self, artifact: object, update: SimpleNamespace) -> None:
        if self.broken:
            raise httpx.ConnectError("nobody answers")
        self.moves.append((update.data, update.description))


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    client = Client()
    monkeypatch.setattr(artifacts, "get_client", lambda sync_client: client)
    monkeypatch.setattr(artifacts, "create_progress_artifact", lambda *_, **__: "id")
    monkeypatch.setattr(artifacts, "get_run_logger", lambda: logging.getLogger("run"))
    return client


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(artifacts, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def created(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str]]:
    """What `publish` makes: key to description and text."""
    found: dict[str, tuple[str, str]] = {}
    monkeypatch.setattr(
        artifacts, "create_markdown_artifact", lambda text, key, description: found.update({key: (description, text)})
    )
    monkeypatch.setattr(artifacts, "get_run_logger", lambda: logging.getLogger("run"))
    return found


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A finished problem. Tests must not write into it."""
    layout = write_results(tmp_path_factory.mktemp("results"), example("multiclass"))
    report(layout)
    return layout


def test_progress_is_steps_done_and_the_share_of_the_step_at_hand(client: Client, clock: SimpleNamespace):
    with Progress("wine-1", STEPS) as progress:
        progress.begin("overfit")
        progress.line("Running stage 'overfit@wine':")
        clock.now += 2
        progress.line("overfit 8: 40% of 5 trainings, 2 s, about 3 s to go")
        progress.complete()
    assert client.moves == [
        (50.0, "step 3 of 4: overfit"),
        (60.0, "step 3 of 4: overfit; overfit 8: 40% of 5 trainings, 2 s, about 3 s to go"),
        (100.0, "all 4 steps are done"),
    ]


def test_progress_moves_at_most_once_a_second_and_never_back(client: Client, clock: SimpleNamespace):
    with Progress("wine-1", STEPS) as progress:
        progress.begin("overfit")
        for job in ("overfit 8", "overfit 16"):
            for percent in range(0, 100, 5):
                progress.line(f"{job}: {percent}% of 5 trainings, 9 s")
                clock.now += SHORTEST_PAUSE / 10
        seen = [percent for percent, _ in client.moves]
        progress.complete()
    assert seen == sorted(seen)
    assert len(seen) <= 5


def test_a_step_that_is_up_to_date_moves_nothing(client: Client):
    with Progress("wine-1", STEPS) as progress:
        for step in STEPS:
            progress.begin(step)
        progress.complete()
    assert client.moves == [(100.0, "all 4 steps are done")]


def test_a_failed_run_s_progress_says_where_it_ended(client: Client):
    with Progress("wine-1", STEPS) as progress:
        progress.begin("fetch")
    assert client.moves == [(25.0, "ended in step 2 of 4: fetch")]


def test_a_server_that_does_not_answer_is_told_once_and_fails_nothing(client: Client, caplog: pytest.LogCaptureFixture):
    client.broken = True
    with Progress("wine-1", STEPS) as progress:
        for step in STEPS:
            progress.begin(step)
            progress.line("Running")
    assert caplog.messages == ["warning: the run's page will not show progress: nobody answers"]


@pytest.mark.parametrize("name", ["wine-1a2b3c4d", "Größe_2 (neu)-1a2b3c4d", "breast_cancer-00ff00ff"])
def test_every_name_makes_a_valid_key(name: str):
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", key("verdicts", name))


def test_the_verdicts_of_all_steps_and_all_scores_are_told(results: Layout, created: dict):
    publish(results, "wine-1", results.root)
    description, text = created["verdicts-wine-1"]
    for step, result in WITH_VERDICTS.items():
        for verdict in result.read(results.result(step)).verdicts:
            assert f"| {step} | {verdict.name.replace('_', ' ')} |" in text
    for model in ("common sense", "shallow model", "network", "network, sealed test"):
        assert re.search(rf"^\| {model} \| [\d.,]+%? \|", text, re.MULTILINE)
    assert "test" in description


def test_the_figures_are_within_the_artifact(results: Layout, created: dict):
    publish(results, "wine-1", results.root)
    pictures = re.findall(r"!\[(.*)\]\(data:image/png;base64,(.*)\)", created["figures-wine-1"][1])
    assert [caption for caption, _ in pictures] == list(CAPTIONS.values())
    for _, picture in pictures:
        Image.open(io.BytesIO(base64.b64decode(picture))).verify()
    assert len(created["figures-wine-1"][1]) < 200_000


def test_a_run_up_to_a_step_tells_of_the_steps_up_to_it_only(results: Layout, created: dict):
    publish(results, "wine-1", results.root, STEPS)
    description, text = created["verdicts-wine-1"]
    assert description == "verdicts up to the step regularize"
    assert "| overfit | overfits |" in text
    assert "evaluate" not in text
    assert "Scores" not in text
    assert "figures-wine-1" not in created
    assert "report" not in created["links-wine-1"][1]


def test_evidence_cannot_break_out_of_its_cell():
    text = artifacts._verdict_table([("validate", Verdict(name="x", holds=False, evidence="a|b <script> [l](j:a) `c"))])
    assert "<script>" not in text
    assert r"| **no** | a\|b &lt;script&gt; \[l\](j:a) \`c |" in text


def test_what_cannot_be_shown_is_told_and_the_rest_is_shown(
    results: Layout, created: dict, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    def fail(folder: Path) -> str:
        raise KeyError("a bug")

    monkeypatch.setattr(artifacts, "figures", fail)
    publish(results, "wine-1", results.root)
    assert created.keys() == {"verdicts-wine-1", "links-wine-1"}
    assert caplog.messages == ["warning: the run's page will not show the figures: 'a bug'"]
    assert caplog.records[0].exc_info


def test_links_lead_to_the_run_and_the_report_in_mlflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv(MLFLOW_URL, "http://127.0.0.1:5000/")
    monkeypatch.setattr(artifacts, "find_workflow_run", lambda *_: ("7", "abc"))
    short, full = links(Layout("wine", tmp_path), "wine-1", tmp_path, report=True)
    run = "http://127.0.0.1:5000/#/experiments/7/runs/abc"
    assert short == f"[MLflow run]({run}) and [report]({run}/artifacts/report.html)"
    assert f"]({run}/artifacts/report.html)" in full


def test_without_a_server_the_links_are_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv(MLFLOW_URL, raising=False)
    monkeypatch.setattr(artifacts, "find_workflow_run", lambda *_: ("7", "abc"))
    _, full = links(Layout("wine", tmp_path), "wine-1", tmp_path, report=True)
    assert "http" not in full
    assert "`make serve`" in full
    assert "`results/wine/report.html` in the repository's folder" in full


def test_the_report_of_an_isolated_run_lies_in_its_experiment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(artifacts, "find_workflow_run", lambda *_: None)
    _, full = links(Layout("wine", tmp_path / "copy"), "wine-1", tmp_path, report=True)
    assert "Nothing is recorded" in full
    assert "`results/wine/report.html` in the repository's folder, once `make apply run=wine-1`" in full


@pytest.fixture
def online(workspace: Workspace, server: dict[str, str]) -> Workspace:
    return Workspace(workspace.root, workspace.environment | server | {MLFLOW_URL: "http://127.0.0.1:5"})


def artifacts_of(server: dict[str, str], flow_run: str) -> dict[str, dict]:
    """The flow run's artifacts by the kind in their key."""
    body = {"flow_runs": {"id": {"any_": [flow_run]}}}
    found = httpx.post(f"{server['PREFECT_API_URL']}/artifacts/filter", json=body, timeout=30).raise_for_status().json()
    return {each["key"].partition("-")[0]: each for each in found}


@pytest.mark.slow
def test_a_run_in_which_all_was_cached_shows_everything_and_links_to_the_run_that_computed_it(
    online: Workspace, server: dict[str, str]
):
    output = online.run(FLOW, PROBLEM).stdout
    name = re.search(rf"({PROBLEM}-[0-9a-f]{{8}}), trigger", output)[1]
    found = artifacts_of(server, re.search(r"runs/flow-run/([0-9a-f-]{36})", output)[1])
    assert found.keys() == {"progress", "verdicts", "figures", "links"}
    assert found["progress"]["data"] == 100
    assert "| evaluate | beats common sense |" in found["verdicts"]["data"]
    assert found["figures"]["data"].count("data:image/png;base64,") == 2
    experiment, run = find_workflow_run(online.root, PROBLEM, name)
    assert f"http://127.0.0.1:5/#/experiments/{experiment}/runs/{run}/artifacts/report.html" in found["links"]["data"]


@pytest.mark.slow
def test_progress_moves_while_a_step_trains(online: Workspace, server: dict[str, str]):
    online.set(training={"epochs": 100_000, "batch_size": 16})
    flow = online.popen(FLOW, PROBLEM)
    try:
        lines = iter(flow.stdout.readline, "")
        flow_run = next(found[1] for line in lines if (found := re.search(r"runs/flow-run/([0-9a-f-]{36})", line)))
        next(line for line in lines if "Task run 'overfit'" in line and "% of" in line)

        def moved() -> dict | None:
            progress = artifacts_of(server, flow_run)["progress"]
            return progress if "% of" in progress["description"] else None

        first = wait_for(moved, 20)
        assert first["description"].startswith("step 6 of 9: overfit; overfit ")
        assert first["data"] >= round(100 * 5 / 9, 1)
        wait_for(lambda: moved()["description"] != first["description"], 20)
    finally:
        flow.terminate()
        flow.communicate(timeout=60)
