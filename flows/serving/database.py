"""Where Prefect keeps its records: next to those of MLflow, as `database` in params.yaml says.

`sqlite`: the file .prefect/prefect.db. `postgresql://user@host/name`: the schema `prefect` of that database.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from src.core.errors import UserError
from src.tracking.address import DATABASE as MLFLOW_FILE
from src.tracking.address import SQLITE, database_setting
from src.tracking.moved import bring_home

SCHEMA = "prefect"
FILE = ".prefect/prefect.db"
# Extensions that the whole database shares lie in `public`.
_SEARCH_PATH = f"{SCHEMA}, public"
_PATIENCE_SECONDS = 5


def prefect_environment(home: Path) -> dict[str, str]:
    """The environment variables that tell a Prefect server started in the folder `home` where its database is."""
    database = database_setting(home)
    if database == SQLITE:
        return {"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{FILE}"}
    return {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": urlsplit(database)._replace(scheme="postgresql+asyncpg").geturl(),
        "PREFECT_SERVER_DATABASE_SQLALCHEMY_CONNECT_ARGS_SEARCH_PATH": _SEARCH_PATH,
    }


def prepare(home: Path) -> None:
    """Check that the records of both servers can be used. Raises UserError with the reason if not."""
    database = database_setting(home)
    if database == SQLITE:
        (home / FILE).parent.mkdir(exist_ok=True)
        _check_file(home / FILE, "the history of runs in Prefect")
        _check_file(
            home / MLFLOW_FILE, "the records, which `python -m src.tracking <problem>` makes anew from the results"
        )
    else:
        _prepare_postgresql(database)
        bring_home(home)  # raises if the records belong to another folder


def _check_file(path: Path, what: str) -> None:
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.DatabaseError as error:
        way_out = (
            "another program uses it; end that, or wait for it"
            if "locked" in str(error)
            else f"if it is damaged, move it away: it holds {what}"
        )
        raise UserError(f"{os.path.relpath(path)}: {error}; {way_out}") from None


def _prepare_postgresql(database: str) -> None:
    import psycopg2

    try:
        with closing(psycopg2.connect(database, connect_timeout=_PATIENCE_SECONDS)) as connection:
            connection.autocommit = True
            connection.cursor().execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    except psycopg2.Error as error:
        raise UserError(
            f"params.yaml: database: {database}: {str(error).strip()}\n"
            "The database has to be there and its user allowed to create schemas in it; a password is taken from "
            "PGPASSWORD or ~/.pgpass"
        ) from None
