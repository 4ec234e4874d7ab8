import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.workspaces import ROOT

OURS = "import flows; from flows.serving.prefect_tables import migrate; migrate()"
PREFECT_S = (
    "import flows, asyncio; from prefect.server.database import provide_database_interface;"
    "asyncio.run(provide_database_interface().create_db())"
)


def tables(database: Path) -> tuple[dict[str, set[str]], list[tuple]]:
    """What makes each table, index and trigger, as a set of lines (constraints have no order), and the version."""
    with closing(sqlite3.connect(database)) as connection:
        made = connection.execute("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master").fetchall()
        version = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return {name: {line.strip().rstrip(",") for line in sql.splitlines()} for name, sql in made}, version


@pytest.mark.slow
def test_the_tables_are_those_that_prefect_itself_makes(tmp_path: Path):
    found = []
    for name, code in {"ours": OURS, "theirs": PREFECT_S}.items():
        own = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
        (tmp_path / name).mkdir()
        environment = own | {"PREFECT_HOME": str(tmp_path / name)}
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
        found.append(tables(tmp_path / name / "prefect.db"))
    assert found[0] == found[1]
    assert len(found[0][0]) > 100
