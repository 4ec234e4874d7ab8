"""The first creation of MLflow's and Prefect's databases, interrupted at any moment: the next one makes them whole."""

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.workspaces import ROOT

pytestmark = pytest.mark.slow

# Each child has its libraries when it is forked, so that an attempt takes just the time until its end.
SERVANT = """
import os, signal, sys
from pathlib import Path
home = Path(sys.argv[2])
os.environ["PREFECT_HOME"] = str(home / ".prefect")
import flows
if sys.argv[1] == "mlflow.db":
    import mlflow.store.tracking.sqlalchemy_store
    from src.tracking.database import open_database
    def create():
        with open_database(home) as client:
            client.search_experiments()
else:
    from prefect.server.database import provide_database_interface
    from flows.serving.prefect_tables import make_tables
    def create():
        make_tables()
        used = provide_database_interface().database_config.connection_url
        assert used.endswith("/prefect.db"), f"a server in this process would lose what it writes to {used}"
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        exec(line)
        create()
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""
LITTLE_ROOM = "import resource; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit({}, ({}, {}))"


HALF_OF_THE_MIGRATIONS = (
    "from alembic import command; from alembic.script import ScriptDirectory; from sqlalchemy import create_engine;"
    "from mlflow.store.db.utils import _get_alembic_config;"
    "from mlflow.store.tracking.dbmodels.initial_models import Base;"
    "uri = 'sqlite:///{}'; Base.metadata.create_all(create_engine(uri)); config = _get_alembic_config(uri);"
    "revisions = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()][::-1];"
    "command.upgrade(config, revisions[len(revisions) // 2]); os._exit(7)"
)


class Creation:
    """Creates one of the databases in `home`, again and again, each time in a process of its own."""

    def __init__(self, database: str, home: Path) -> None:
        self.path = home / database
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        command = [sys.executable, "-c", SERVANT, Path(database).name, str(home)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def begin(self, code: str = "pass") -> int:
        """Start a creation after `code`; the number of its process."""
        self.process.stdin.write(code + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def end(self) -> int:
        """Wait for it; 0 where it ended well."""
        return int(self.process.stdout.readline())

    def interrupt_after(self, seconds: float, by: signal.Signals) -> bool:
        """Whether the signal came before the end."""
        child = self.begin()
        time.sleep(seconds)
        with suppress(ProcessLookupError):  # it has ended already
            os.kill(child, by)
        return self.end() != 0


@pytest.fixture(params=["mlflow.db", ".prefect/prefect.db"])
def creation(request: pytest.FixtureRequest, tmp_path: Path):
    creation = Creation(request.param, tmp_path)
    yield creation
    creation.process.stdin.close()
    creation.process.wait(60)
    creation.process.stdout.close()


def schema(path: Path) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        version = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return [*sorted((name, sorted(sql.split(","))) for name, sql in tables), *version]


def test_a_creation_that_is_interrupted_at_any_moment_is_made_good_by_the_next(creation: Creation):
    chance, interrupted, finished = random.Random(0), 0, []
    for i in range(4):
        interrupted += creation.interrupt_after(chance.uniform(0, 2), signal.SIGKILL if i % 2 else signal.SIGINT)
        if creation.path.exists():
            finished.append(schema(creation.path))
            creation.path.unlink()
    assert interrupted
    for room in (0, 300_000):  # a disk that is full soon
        creation.begin(LITTLE_ROOM.format(resource.RLIMIT_FSIZE, room, room))
        assert creation.end() != 0
        assert not creation.path.exists()
    creation.begin()
    assert creation.end() == 0, "it ended well, and a server in the same process uses what it created"
    assert all(each == schema(creation.path) for each in finished)
    left = sorted(path.name for path in creation.path.parent.glob(f"{creation.path.name}*"))
    assert left == [creation.path.name, f"{creation.path.name}.lock"]


def test_what_an_earlier_version_left_of_an_interrupted_creation_is_replaced(tmp_path: Path):
    """Which wrote to the file itself: some of the migrations are done, and nothing is in the tables."""
    creation = Creation("mlflow.db", tmp_path)
    creation.begin(HALF_OF_THE_MIGRATIONS.format(creation.path))
    assert creation.end() >> 8 == 7
    cut_short = schema(creation.path)
    creation.begin()
    assert creation.end() == 0
    assert len(schema(creation.path)) > len(cut_short)
    creation.process.communicate()
