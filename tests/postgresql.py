"""A PostgreSQL server of the tests' own.

A test module that needs one imports the fixture `cluster` and `needs_postgresql` from here.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from tests.workspaces import wait_for

PASSWORD = "kept-to-myself"
SERVER = "nobody"  # PostgreSQL refuses to run as root

needs_postgresql = pytest.mark.skipif(
    not (shutil.which("initdb") and shutil.which("postgres")), reason="PostgreSQL is not installed"
)


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
        server.send_signal(signal.SIGINT)  # at once: MLflow keeps its connections
        server.wait(30)
        shutil.rmtree(folder)
