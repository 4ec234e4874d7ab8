"""`make serve`: what it opens, whom it answers, and what happens when it meets another program or loses a process."""

import http.client
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from flows import serve
from flows.serving.same_origin import SameOrigin
from flows.serving.service import Service
from src.core.errors import UserError
from src.core.processes import is_alive
from tests.flows.served import Served
from tests.workspaces import Workspace, family, wait_for

PAGES = {"prefect": "/dashboard", "mlflow": "/"}


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A port that another program has."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener


@pytest.mark.slow
class TestServed:
    """Against one `make serve` for all."""

    def test_it_tells_what_to_open_and_what_to_press(self, served: Served):
        assert f"{served.prefect}/deployments" in served.output
        for word in ("universal-workflow", "Custom run", "Compare", "Ctrl-C"):
            assert word in served.output

    def test_all_it_keeps_lies_in_its_folder(self, served: Served):
        root = served.workspace.root
        assert {".prefect/prefect.db", "mlflow.db", ".workflow/logs/prefect_server.log"} <= {
            str(path.relative_to(root)) for path in root.rglob("*")
        }
        open_files = [file.path for process in family(served.process.pid) for file in process.open_files()]
        databases = [path for path in open_files if path.endswith(".db")]
        assert databases
        assert all(Path(path).is_relative_to(root) for path in databases)

    def test_nobody_else_s_machine_can_reach_it(self, served: Served):
        listening = [
            connection.laddr
            for process in family(served.process.pid)
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        assert {urlsplit(served.prefect).port, urlsplit(served.mlflow).port} <= {address.port for address in listening}
        assert {address.ip for address in listening} == {"127.0.0.1"}

    def test_it_asks_nothing_of_other_machines(self, served: Served, connections: Path):
        opened = [line for line in connections.read_text().splitlines() if "flows." in line]
        assert opened
        assert [line for line in opened if "127.0.0.1" not in line and "socket.connect '/" not in line] == []

    @pytest.mark.parametrize("server", ["prefect", "mlflow"])
    def test_its_pages_open_and_may_load_nothing_from_elsewhere(self, served: Served, server: str):
        page = served.get(getattr(served, server) + PAGES[server], headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert "<html" in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'self' ")

    @pytest.mark.parametrize("server", ["prefect", "mlflow"])
    @pytest.mark.parametrize("path", ["/", "/api/health", "/health", "/version", "/api/2.0/mlflow/experiments/search"])
    def test_a_foreign_host_or_origin_is_refused_everywhere(self, served: Served, server: str, path: str):
        url = getattr(served, server) + path
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "http://127.0.0.1:1"}):
            assert served.get(url, headers=headers).status_code == 403, headers
        assert served.get(url).status_code != 403
        assert served.get(url, headers={"Origin": getattr(served, server)}).status_code != 403

    def test_a_foreign_page_cannot_listen_to_events(self, served: Served):
        def answer(origin: str) -> int:
            address = urlsplit(served.prefect)
            with closing(http.client.HTTPConnection(address.hostname, address.port, timeout=30)) as connection:
                upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
                key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": origin}
                connection.request("GET", "/api/events/out", headers=upgrade | key)
                return connection.getresponse().status

        assert answer("http://evil.example") == 403
        assert answer(served.prefect) == 101

    def test_a_second_one_in_the_same_folder_is_told_where_the_first_is(self, served: Served):
        second = served.workspace.run("flows.serve", check=False)
        assert second.returncode == 1
        assert f"served already: Prefect {served.prefect} MLflow {served.mlflow}" in second.stdout
        assert f"`kill {served.process.pid}`" in second.stdout

    def test_a_second_one_elsewhere_is_told_who_has_the_ports_and_starts_nothing(
        self, served: Served, fresh: Workspace, tmp_path: Path
    ):
        elsewhere = fresh.copy(tmp_path / "elsewhere")
        ports = [urlsplit(address).port for address in (served.prefect, served.mlflow)]
        run = elsewhere.run("flows.serve", f"--prefect-port={ports[0]}", f"--mlflow-port={ports[1]}", check=False)
        assert run.returncode == 1
        for port, kind, option in zip(ports, ("a Prefect", "an MLflow"), ("prefect", "mlflow"), strict=True):
            assert f"port {port} is taken by {kind} server, process " in run.stdout
            assert f"--{option}-port {port + 1}" in run.stdout or f"use --{option}-port" in run.stdout
        assert str(served.workspace.root) in run.stdout
        assert "Nothing was started." in run.stdout
        assert not (elsewhere.root / ".prefect").exists()
        assert not (elsewhere.root / "mlflow.db").exists()


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_while_it_starts_it_leaves_nothing(fresh: Workspace, tmp_path: Path, sent: signal.Signals):
    workspace = fresh.copy(tmp_path / "workspace")
    process = workspace.popen("flows.serve", "--prefect-port", "0", "--mlflow-port", "0")
    members = wait_for(lambda: len(found := family(process.pid)) >= 4 and found, 60)
    process.send_signal(sent)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert "ready" not in output
    assert "Stopped" in output
    assert "Traceback" not in output
    assert not any(map(is_alive, members))


@pytest.mark.parametrize("database", [".prefect/prefect.db", "mlflow.db"])
def test_a_damaged_database_is_told_and_nothing_is_started(fresh: Workspace, tmp_path: Path, database: str):
    workspace = fresh.copy(tmp_path / "workspace")
    (workspace.root / ".prefect").mkdir()
    (workspace.root / database).write_text("no database\n" * 100)
    run = workspace.run("flows.serve", "--prefect-port", "0", "--mlflow-port", "0", check=False)
    assert run.returncode == 1
    assert f"error: {database}: file is not a database; if it is damaged, move it away" in run.stdout
    assert "Traceback" not in run.stdout
    assert not (workspace.root / ".workflow" / "logs").exists()


@pytest.mark.slow
def test_a_database_that_another_program_keeps_locked_is_told(fresh: Workspace, tmp_path: Path):
    workspace = fresh.copy(tmp_path / "workspace")
    with closing(sqlite3.connect(workspace.root / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        run = workspace.run("flows.serve", "--prefect-port", "0", "--mlflow-port", "0", check=False)
    assert run.returncode == 1
    assert "error: mlflow.db: database is locked; another program uses it" in run.stdout


def test_a_port_of_another_program_is_told_before_anything_is_started(
    fresh: Workspace, tmp_path: Path, taken: socket.socket
):
    workspace = fresh.copy(tmp_path / "workspace")
    port = taken.getsockname()[1]
    run = workspace.run("flows.serve", "--prefect-port", "0", "--mlflow-port", str(port), check=False)
    assert run.returncode == 1
    assert f"port {port} is taken by another program, process {psutil.Process().pid} " in run.stdout
    assert "--mlflow-port" in run.stdout
    assert "Traceback" not in run.stdout
    assert not (workspace.root / ".workflow" / "logs").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--prefect-port", "4200", "--mlflow-port", "4200"], "--prefect-port and --mlflow-port are the same"),
        (["--prefect-port", "65536"], "--prefect-port: 65536 is not a port"),
        (["--mlflow-port", "x"], "--mlflow-port: invalid int value: 'x'"),
        (["--isolated", "0"], "--isolated: at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(fresh: Workspace, options: list[str], told: str):
    run = fresh.run("flows.serve", *options, check=False)
    assert run.returncode == 2
    assert told in run.stdout


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_of_another_machine_is_refused(fresh: Workspace, tmp_path: Path, host: str):
    copy = fresh.copy(tmp_path / "workspace")
    workspace = Workspace(copy.root, copy.environment | {"AUDIT": str(tmp_path)})  # it has to look the host up
    run = workspace.run("flows.serve", "--host", host, "--prefect-port", "0", "--mlflow-port", "0", check=False)
    assert run.returncode == 1
    assert f"error: --host {host}: " in run.stdout
    assert "127.0.0.1" in run.stdout


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("0.0.0.0", True)])
def test_open_to_the_network_it_warns_and_answers_to_more_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str, warned: bool
):
    looked_after: list[Service] = []

    class Nothing:
        def __init__(self, servers: list[Service], *rest: object) -> None:
            looked_after.extend(servers)

        def run(self, welcome: str) -> None:
            pass

    monkeypatch.setattr(serve, "ROOT", tmp_path)
    monkeypatch.setattr(serve, "STATE", tmp_path / ".workflow")
    monkeypatch.setattr(serve, "Signals", lambda: None)
    monkeypatch.setattr(serve, "Supervisor", Nothing)
    monkeypatch.setattr(serve.ports, "listening", lambda host, port, option: socket.create_server(("127.0.0.1", 0)))
    assert serve.main(["--host", host, "--known-as", "lab.example"]) == 0
    assert ("there is no password" in capsys.readouterr().out) == warned
    for server in looked_after:
        gate = SameOrigin(None, server.arguments[2:], "no way out")
        assert gate.is_known("localhost:4200")
        assert gate.is_known("lab.example")
        assert not gate.is_known("evil.example")
        assert gate.is_known("192.0.2.1:4200") == warned
        assert gate.is_known(socket.gethostname()) == warned


def test_help_names_every_option(fresh: Workspace):
    told = fresh.run("flows.serve", "--help").stdout
    for word in ("--prefect-port", "--mlflow-port", "--host", "Ctrl-C", "mlflow.db"):
        assert word in told


@pytest.mark.parametrize("state", ['{"proc', "[]", "3", "\ufffd", "{}"])
def test_a_damaged_note_of_who_serves_the_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str):
    monkeypatch.setattr(serve, "STATE", tmp_path)
    with serve._only_one():
        (tmp_path / "serve.json").write_text(state)
        with pytest.raises(UserError, match=r"served already.*serve\.json"), serve._only_one():
            raise AssertionError("served twice")
