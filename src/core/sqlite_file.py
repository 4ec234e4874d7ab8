"""Create SQLite databases with all of their tables or not at all.

MLflow and Prefect create their tables in hundreds of statements, which take seconds. If that is interrupted, they
refuse the file ever after. So a database is made beside its place and renamed when it is complete.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_WHOLE = 0x776F726B  # the `application_id` of databases made here
_SIDECARS = ("-journal", "-wal", "-shm")


@contextmanager
def new_database(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` for a new database, which replaces `path` when the block succeeds.

    Close every connection within the block. The caller ensures that no other process does the same meanwhile.
    """
    partial = path.with_name(f"{path.name}.new")
    _remove(partial)
    try:
        yield partial
        with closing(sqlite3.connect(partial)) as connection:
            connection.execute(f"PRAGMA application_id = {_WHOLE}")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _remove(path)  # with its journal, which SQLite would apply to the new file
        partial.replace(path)
    finally:
        _remove(partial)


def is_whole(path: Path, filled_when_made: Iterable[str] = ()) -> bool:
    """Whether the database at `path` exists and has all of its tables.

    Databases of earlier versions, or made by a library, lack our mark. They count as whole if any table holds a row,
    except for tables that are filled while they are created. Raises sqlite3.Error.
    """
    if not path.exists():
        return False
    with closing(sqlite3.connect(path)) as connection:
        if connection.execute("PRAGMA application_id").fetchone()[0] == _WHOLE:
            return True
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return any(_has_rows(connection, table) for table in tables - {"alembic_version", *filled_when_made})


def _has_rows(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone() is not None  # noqa: S608


def _remove(database: Path) -> None:
    for path in (database, *(database.with_name(f"{database.name}{ending}") for ending in _SIDECARS)):
        path.unlink(missing_ok=True)
