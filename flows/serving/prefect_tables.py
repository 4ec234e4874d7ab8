"""Makes Prefect's tables in an SQLite file, or brings them up to date, before a server opens it.

These are Prefect's own migrations, over a plain connection. Over Prefect's asynchronous one every call, and there are
34,000, is handed to another thread and back, which takes twice as long, and longer still on a busy machine.
"""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from prefect.server.database import provide_database_interface
from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy import event

from src.core.sqlite_file import is_whole, new_database


def migrate() -> None:
    """Do so for the database of Prefect's settings; nothing for PostgreSQL, where the server does it well by itself.

    A new database is there with all of its tables or not at all, wherever this is interrupted.
    """
    configuration = provide_database_interface().database_config
    if not isinstance(configuration, AioSqliteConfiguration):
        return
    path = Path(str(sqlalchemy.make_url(configuration.connection_url).database))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes would make the same tables
        if is_whole(path):
            _migrate(path, configuration)
        else:
            with new_database(path) as partial:
                _migrate(partial, configuration)


def _migrate(path: Path, configuration: AioSqliteConfiguration) -> None:
    interface = provide_database_interface()
    plain = _PlainEngine(path, configuration)

    async def engine() -> _PlainEngine:
        return plain

    interface.engine = engine  # type: ignore[method-assign,assignment]
    try:
        asyncio.run(interface.create_db())
    finally:
        del interface.engine
        plain.engine.dispose()


class _PlainEngine:
    """As much of an asynchronous engine as the migrations use."""

    def __init__(self, path: Path, configuration: AioSqliteConfiguration) -> None:
        def set_up(connection: Any, record: Any) -> None:
            connection.isolation_level = None  # the migrations begin and end transactions themselves
            configuration.setup_sqlite(connection, record)

        url = sqlalchemy.URL.create("sqlite", database=str(path))
        self.engine = sqlalchemy.create_engine(url, paramstyle="named")
        event.listen(self.engine, "connect", set_up)
        event.listen(self.engine, "begin", configuration.begin_sqlite_stmt)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["_PlainConnection"]:
        with self.engine.connect() as connection:
            yield _PlainConnection(connection)


class _PlainConnection:
    def __init__(self, connection: sqlalchemy.Connection) -> None:
        self.connection = connection

    async def run_sync(self, function: Callable[[sqlalchemy.Connection], None]) -> None:
        function(self.connection)
