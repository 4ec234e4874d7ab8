"""Open the database of records for one writer at a time, and check that it answers before MLflow uses it.

Without the check MLflow would retry for minutes and print tracebacks where one statement shows the fault at once.
"""

import fcntl
import logging
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.core.sqlite_file import is_whole, new_database
from src.internals.mlflow_records import FILLED_WHEN_MADE, create_tables
from src.tracking.address import DATABASE, SCHEMA, artifacts_uri, sqlite_uri, tracking_uri
from src.tracking.moved import bring_home

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOCK_SECONDS = 30.0
_POLL_SECONDS = 0.05
_LOCK_NUMBER = 0x776F726B  # for PostgreSQL's advisory lock; any number that nobody else uses


@contextmanager
def open_database(home: Path, patience: float | None = None) -> Iterator["MlflowClient"]:
    """Open the records of the repository at `home`, to find or create runs as one operation.

    Creates the database if there is none, and corrects the addresses of files if the repository was moved or copied.

    Raises sqlite3.Error or psycopg2.Error if the database is unreachable, read-only, damaged or locked for `patience`
    seconds (half a minute by default). Raises TimeoutError if another step is still recording by then, and UserError
    for a wrong address or the database of another folder.
    """
    patience = LOCK_SECONDS if patience is None else patience
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    address = tracking_uri(home)
    in_a_file = address.startswith("sqlite")
    with _sqlite(home / DATABASE, patience) if in_a_file else _postgresql(address, patience):
        import mlflow

        logging.getLogger("mlflow").setLevel(logging.CRITICAL)  # it raises its errors, too
        logging.getLogger("alembic").setLevel(logging.CRITICAL)
        if in_a_file and not is_whole(home / DATABASE, FILLED_WHEN_MADE):
            with new_database(home / DATABASE) as partial:
                create_tables(sqlite_uri(partial), artifacts_uri(home))
        bring_home(home)
        mlflow.set_tracking_uri(address)
        yield mlflow.MlflowClient(tracking_uri=address, registry_uri=address)


@contextmanager
def _sqlite(database: Path, patience: float) -> Iterator[None]:
    with database.with_name(f"{DATABASE}.lock").open("w") as file:

        def locked() -> bool:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            return False

        _wait_for(locked, file.name, patience)
        if database.exists():
            with closing(sqlite3.connect(database, timeout=patience, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
        yield


@contextmanager
def _postgresql(address: str, patience: float) -> Iterator[None]:
    with closing(_connected(address)) as connection, connection.cursor() as cursor:

        def locked() -> bool:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK_NUMBER,))
            return bool(cursor.fetchone()[0])

        _wait_for(locked, "the database", patience)
        yield  # closing the connection releases the lock, and so does the end of this process


def _connected(address: str) -> Any:
    import psycopg2

    connection = psycopg2.connect(address.replace("postgresql+psycopg2:", "postgresql:"))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    return connection


def _wait_for(locked: Callable[[], bool], what: str, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not locked():
        if time.monotonic() > deadline:
            raise TimeoutError(f"another step has been recording for {patience:.0f} s ({what} is locked)")
        time.sleep(_POLL_SECONDS)


def failures() -> tuple[type[Exception], ...]:
    """The exceptions of MLflow and its database for faults outside this project."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow.exceptions import MlflowException
    from psycopg2 import Error as PostgreSQLError
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, sqlite3.Error, PostgreSQLError, OSError, subprocess.SubprocessError
