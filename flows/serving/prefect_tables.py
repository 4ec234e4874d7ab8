"""Creates Prefect's tables in an SQLite file before a server opens it.

The server would create them itself, but an interrupted one leaves half of them, and no later server repairs that.
"""

import asyncio
from pathlib import Path

import sqlalchemy
from filelock import FileLock
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL, get_current_settings, temporary_settings

from src.core.sqlite_file import is_whole, new_database


def make_tables() -> None:
    """Create the database that Prefect's settings name, unless it exists; on PostgreSQL leave that to the server.

    If this is interrupted, the new database has either all of its tables or does not exist.
    """
    database = get_current_settings().server.database.connection_url
    assert database is not None
    url = sqlalchemy.make_url(database.get_secret_value())
    if url.get_backend_name() != "sqlite":
        return
    path = Path(str(url.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):  # one process at a time creates the tables
        if not is_whole(path):
            with new_database(path) as partial:
                asyncio.run(_make(f"sqlite+aiosqlite:///{partial}"))


async def _make(database: str) -> None:
    from prefect.server.database.dependencies import provide_database_interface, temporary_database_config

    # Prefect keeps the first database it is asked for; without the second context, a server in this process would
    # go on writing to the partial file.
    with temporary_settings({PREFECT_SERVER_DATABASE_CONNECTION_URL: database}), temporary_database_config(None):
        interface = provide_database_interface()
        try:
            await interface.create_db()
        finally:
            await (await interface.engine()).dispose()
