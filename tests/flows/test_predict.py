"""A trained model is used: from the shell, as a flow of the Prefect UI, and over HTTP."""

import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx
import pandas as pd
import pytest

from src.results.evaluate import Evaluate
from tests.flows.runs import prefect_server
from tests.workspaces import PROBLEM, SLOW_TO_LOAD, Workspace, imports, wait_for

COMMAND = "flows.predict"
TABLE = "data/local/tiny.csv"
BOOBY_TRAP = "open('somebody-s-code-ran', 'w').close()\n"


@pytest.fixture(scope="module")
def champion(finished: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished workspace whose model somebody made the champion, whatever so quick a training came to."""
    workspace = finished.copy(tmp_path_factory.mktemp("champion") / "workspace")
    told = workspace.run("flows.promote", PROBLEM, "1", "--reason", "for the tests").stdout
    assert f"version 1 of model '{PROBLEM}' is the champion now: " in told
    assert "at the command line promoted it: for the tests" in told
    return workspace


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((PROBLEM, "7"), f"error: {PROBLEM} has no version 7; there are: 1"),
        (("tini", "1"), f"error: problems/: no problem is called 'tini'; did you mean '{PROBLEM}'?"),
    ],
    ids=["version", "problem"],
)
def test_what_does_not_exist_is_not_promoted(champion: Workspace, arguments: tuple[str, str], told: str):
    run = champion.run("flows.promote", *arguments, check=False)
    assert (run.returncode, run.stdout.strip()) == (1, told)


def test_the_sealed_test_rows_get_from_the_raw_file_what_evaluate_predicted(champion: Workspace, tmp_path: Path):
    output = tmp_path / "out.csv"
    told = champion.run(COMMAND, PROBLEM, TABLE, str(output)).stdout
    assert f"{PROBLEM} version 1 (champion): 80 of 80 rows scored; predictions: {output}" in told
    found = pd.read_csv(output).set_index("row")
    saved = Evaluate.read(champion.results / "evaluate.json").saved
    every = pd.read_parquet(champion.results / "predictions.parquet")
    predicted = every[(every["split"] == "test") & (every["model"] == saved)]
    ours = found.loc[predicted["row"]]
    assert ours["predicted"].tolist() == predicted["predicted"].tolist()
    assert ours["probability__yes"].tolist() == pytest.approx(predicted["probability__yes"].tolist(), rel=1e-5)


def test_neither_code_nor_pickles_beside_the_model_are_run(champion: Workspace, tmp_path: Path):
    workspace, folder = champion.copy(tmp_path / "workspace"), tmp_path / "model"
    with sqlite3.connect(workspace.root / "mlflow.db") as registry:
        ((place,),) = registry.execute("SELECT storage_location FROM model_versions")
        shutil.copytree(url2pathname(urlsplit(place).path), folder)
        registry.execute("UPDATE model_versions SET storage_location = ?", (folder.as_uri(),))
    scripts = list(folder.rglob("*.py"))
    assert scripts
    for script in scripts:
        script.write_text(BOOBY_TRAP)
    (folder / "python_model.pkl").write_bytes(b"cos\nsystem\n(S'touch somebody-s-code-ran'\ntR.")
    workspace.run(COMMAND, PROBLEM, TABLE, "out.csv")
    assert not list(tmp_path.rglob("somebody-s-code-ran"))


def test_the_exit_code_is_1_when_no_row_is_scored(champion: Workspace, tmp_path: Path):
    table = tmp_path / "new.csv"
    table.write_text("first,second,third\n1,2,x\n")
    run = champion.run(COMMAND, PROBLEM, str(table), str(tmp_path / "out.csv"), check=False)
    assert run.returncode == 1
    assert "0 of 1 rows scored; no predictions were written" in run.stdout
    assert (tmp_path / "out.csv.refused.csv").read_text().splitlines()[1:] == [
        "0,2,third,'x' is not a number with a decimal point"
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("tinny", TABLE, "out.csv"), "did you mean 'tiny'?"),
        ((PROBLEM, TABLE, "out.txt"), "has to end in .csv or .parquet"),
        ((PROBLEM, TABLE, TABLE), "would replace the table"),
    ],
)
def test_a_mistake_is_told_before_anything_is_loaded(fresh: Workspace, arguments: tuple[str, ...], told: str):
    reporting = Workspace(fresh.root, fresh.environment | {"PYTHONPROFILEIMPORTTIME": "1"})
    run = reporting.run(COMMAND, *arguments, check=False)
    assert run.returncode == 1
    assert told in run.stdout
    assert not imports(run.stdout)[0] & SLOW_TO_LOAD


@pytest.mark.parametrize("command", [COMMAND, "flows.serve_model"])
def test_help_teaches(fresh: Workspace, command: str):
    told = fresh.run(command, "--help").stdout
    assert "one of the files in problems/: " in told


@pytest.fixture(scope="module")
def prefect(champion: Workspace) -> Iterator[str]:
    with prefect_server(champion) as api:
        yield api


CALL = """
import json, sys
from flows.predict import predict
from flows.promote import promote
for given in json.loads(sys.argv[1]):
    flow = promote if "version" in given else predict
    state = flow(**given, return_state=True)
    print(json.dumps([state.type.value, state.message]))
"""


@pytest.mark.slow
def test_the_flows_score_files_of_the_repository_and_no_others_and_promote_what_there_is(
    champion: Workspace, prefect: str, tmp_path: Path
):
    bad = "first,second,third\n1,2,3\n1,2,<b>|x\n"
    (champion.root / "new.csv").write_text(bad)
    (tmp_path / "new.csv").write_text(bad)
    (champion.root / "way-out").symlink_to(tmp_path)
    good = {"problem": PROBLEM, "table": "new.csv", "output": "scored/out.parquet"}
    calls = [
        good,
        good | {"table": "../new.csv"},
        good | {"table": "way-out/new.csv"},
        good | {"output": "way-out/o.csv"},
        {"problem": PROBLEM, "version": 1, "reason": "it is the only one"},
        {"problem": PROBLEM, "version": 2},
    ]
    environment = champion._environment() | {"PREFECT_API_URL": prefect, "WORKFLOW_MLFLOW_URL": "http://127.0.0.1:1"}
    run = subprocess.run(
        [sys.executable, "-c", CALL, json.dumps(calls)],
        cwd=champion.root,
        env=environment,
        capture_output=True,
        text=True,
    )
    states = [json.loads(line) for line in run.stdout.splitlines()]
    kinds = ["COMPLETED", "FAILED", "FAILED", "FAILED", "COMPLETED", "FAILED"]
    assert [kind for kind, _ in states] == kinds, run.stderr
    assert "1 of 2 rows scored" in states[0][1]
    assert all("leads out of the repository's folder" in message for _, message in states[1:4])
    assert "in the Prefect UI promoted it: it is the only one" in states[4][1]
    assert states[5][1] == f"{PROBLEM} has no version 2; there are: 1"
    assert not list(tmp_path.glob("o*"))
    assert len(pd.read_parquet(champion.root / "scored" / "out.parquet")) == 1
    found = httpx.post(f"{prefect}/artifacts/filter", json={}, trust_env=False).json()
    pages = {artifact["key"]: artifact["data"] for artifact in found}
    assert pages["progress-predict-tiny"] == 100
    assert f"[version 1 (champion)](http://127.0.0.1:1/#/models/{PROBLEM}/versions/1)" in pages["predict-tiny"]
    assert "| row 1 (line 3) | third | '&lt;b&gt;\\|x' is not a number with a decimal point |" in pages["predict-tiny"]


@pytest.mark.slow
def test_a_served_model_answers_here_and_to_nobody_else_and_ends_on_ctrl_c(champion: Workspace):
    process = champion.popen("flows.serve_model", PROBLEM, "--port", "0", start_new_session=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.partition(" answers at ")[2].partition("/predict")[0]
        assert url.startswith("http://127.0.0.1:"), line
        rows = [{"first": 1, "second": 2, "third": 3}]
        with httpx.Client(base_url=url, trust_env=False) as client:
            assert client.post("/predict", json=rows).json()["model_version"] == 1
            refused = client.post("/predict", json=rows, headers={"Host": "evil.example"})
            assert (refused.status_code, url in refused.json()["detail"]) == (403, True)
            assert client.post("/predict", json=rows, headers={"Origin": "http://evil.example"}).status_code == 403
        leave_midway(url)
        process.send_signal(signal.SIGINT)
        wait_for(lambda: process.poll() is not None, 60)
        assert process.returncode == 0
        assert process.stdout.read() == "", "nothing is logged of refused requests, nor of clients who left"
    finally:
        process.kill()


def leave_midway(url: str) -> None:
    """Announce a request, send half of it and hang up."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port)) as client:
        head = f"POST /predict HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        client.sendall(f"{head}Content-Length: 100\r\n\r\n[".encode())


def test_a_model_that_is_not_there_cannot_be_served(fresh: Workspace):
    run = fresh.run("flows.serve_model", PROBLEM, "--port", "0", check=False)
    assert run.returncode == 1
    assert f"error: {PROBLEM} has no model yet" in run.stdout
