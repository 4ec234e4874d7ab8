"""`database: postgresql://…` in params.yaml, against a PostgreSQL server that the test starts for itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.served import Served, serving
from tests.postgresql import PASSWORD, Cluster, cluster, needs_postgresql
from tests.workspaces import PROBLEM, Workspace, command, family, wait_for

__all__ = ["cluster"]

DONE_SECONDS = 180

pytestmark = [pytest.mark.slow, needs_postgresql]


def on_postgresql(workspace: Workspace, cluster: Cluster, **environment: str) -> Workspace:
    params = workspace.root / "params.yaml"
    params.write_text(params.read_text().replace("\ndatabase: sqlite", f"\ndatabase: {cluster.address}"))
    assert cluster.address in params.read_text()
    return Workspace(workspace.root, workspace.environment | environment)


@pytest.fixture(scope="module")
def served(fresh: Workspace, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    workspace = fresh.copy(tmp_path_factory.mktemp("served") / "workspace")
    with serving(on_postgresql(workspace, cluster, PGPASSWORD=PASSWORD)) as running:
        yield running


def test_a_run_is_in_the_records_of_both_servers_and_no_file_holds_any(served: Served, cluster: Cluster):
    deployment = served.get(f"{served.api}/deployments/name/universal-workflow/universal-workflow").json()["id"]
    parameters = {"problem": PROBLEM, "until": "validate"}
    run = served.post(f"deployments/{deployment}/create_flow_run", {"parameters": parameters}).json()["id"]

    def end() -> dict | None:
        state = served.get(f"{served.api}/flow_runs/{run}").json()["state"]
        return state if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

    state = wait_for(end, DONE_SECONDS)
    assert state["type"] == "COMPLETED", state
    experiment = served.get(
        f"{served.mlflow}/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": PROBLEM}
    ).json()["experiment"]["experiment_id"]
    assert cluster.query(f"SELECT count(*) FROM mlflow.runs WHERE experiment_id = {experiment}") > [(1,)]
    assert cluster.query(f"SELECT state_type::text FROM prefect.flow_run WHERE id = '{run}'") == [("COMPLETED",)]
    root = served.workspace.root
    assert [str(path) for path in (*root.glob("mlflow.db"), *root.glob(".prefect/*.db"))] == []


def test_each_server_has_its_tables_in_a_schema_of_its_own(served: Served, cluster: Cluster):
    tables = cluster.query(
        "SELECT table_schema, table_name FROM information_schema.tables"
        " WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
    )
    assert {schema for schema, _ in tables} == {"prefect", "mlflow"}
    assert {("prefect", "alembic_version"), ("mlflow", "alembic_version")} <= {*tables}


def test_the_password_is_nowhere_to_be_read(served: Served):
    texts = [served.output, *(command(process) for process in family(served.process.pid))]
    texts += [path.read_text(errors="replace") for path in (served.workspace.root / ".workflow").rglob("*.log")]
    assert not [text for text in texts if PASSWORD in text]
    for path in ("admin/settings", "admin/version"):
        assert PASSWORD not in served.get(f"{served.api}/{path}").text


def test_a_database_that_lets_nobody_in_is_told_and_nothing_starts(fresh: Workspace, cluster: Cluster, tmp_path: Path):
    workspace = on_postgresql(fresh.copy(tmp_path / "workspace"), cluster, PGPASSWORD="wrong")
    run = workspace.run("flows.serve", "--prefect-port", "0", "--mlflow-port", "0", check=False)
    assert run.returncode == 1
    assert f"error: params.yaml: database: {cluster.address}: " in run.stdout
    assert "password authentication failed" in run.stdout
    assert "PGPASSWORD" in run.stdout
    assert "Traceback" not in run.stdout
    assert not (workspace.root / ".workflow" / "logs").exists()
