"""`database: postgresql://…` in params.yaml, against a PostgreSQL server that the test starts for itself."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from tests.flows.serving import Served, serving
from tests.workspaces import PROBLEM, Workspace, family, wait_for

PASSWORD = "kept-to-myself"
SERVER = "nobody"  # PostgreSQL refuses to run as root
DONE_SECONDS = 180

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("initdb") and shutil.which("postgres")), reason="PostgreSQL is not installed"),
]


@dataclass
class Cluster:
    port: int

    @property
    def address(self) -> str:
        """As it stands in params.yaml: without the password."""
        return f"postgresql://workflow@127.0.0.1:{self.port}/records"

    def query(self, sql: str, address: str | None = None) -> list[tuple]:
        with closing(psycopg2.connect(address or self.address, password=PASSWORD)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server with one empty database, whose owner has a password and no other rights."""
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))  # short, and open to another user, unlike pytest's own
    password = folder / "password"
    password.write_text(PASSWORD)
    user = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam(SERVER)
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        for path in (folder, password):
            os.chown(path, account.pw_uid, account.pw_gid)
    data = folder / "data"
    options = ["--auth=scram-sha-256", "--username=admin", f"--pwfile={password}", "--no-sync", "--no-locale"]
    subprocess.run(["initdb", *options, "--encoding=UTF8", data], check=True, capture_output=True, cwd=folder, **user)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder, "-c", "fsync=off"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **user)
    try:
        admin = f"postgresql://admin@127.0.0.1:{port}/postgres"
        cluster = Cluster(port)

        def answers() -> bool:
            assert server.poll() is None, (folder / "log").read_text()
            try:
                return bool(cluster.query("SELECT 1", admin))
            except psycopg2.OperationalError:
                return False

        wait_for(answers, 60)
        cluster.query(f"CREATE ROLE workflow LOGIN PASSWORD '{PASSWORD}'", admin)
        cluster.query("CREATE DATABASE records OWNER workflow", admin)
        yield cluster
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder)


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
    texts = [served.output, *(" ".join(process.cmdline()) for process in family(served.process.pid))]
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
