"""Correct the addresses in the records after their folder was moved or copied.

MLflow stores absolute addresses of the files of a run. After a move they lead to the old place, and after a copy into
the original folder. So opening the records corrects them first. Addresses that do not come from the workflow (an
experiment whose files somebody keeps elsewhere) stay.
"""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from src.core.errors import UserError
from src.internals.mlflow_records import locations, move_addresses
from src.tracking.address import ARTIFACTS, SQLITE, artifacts_uri, database_setting, tracking_uri

if TYPE_CHECKING:
    from sqlalchemy import Connection

EXPERIMENT_KIND = "mlflow.experimentKind"  # MLflow's tag, which every experiment of the workflow has from the start


def moves(connection: "Connection", home: Path) -> dict[str, str]:
    """The beginnings of addresses to correct, and what they have to be in the folder `home`.

    Empty if all are correct. Raises UserError if the records, on PostgreSQL, belong to another folder.
    """
    current = artifacts_uri(home)
    changes: dict[str, str] = {}
    for location in locations(connection, EXPERIMENT_KIND):
        address = urlsplit(location)
        folder, _, name = location.rpartition("/")
        former = Path(url2pathname(address.path)).parent
        if address.scheme == "file" and former.name == ARTIFACTS and folder != current:
            _check_ownership(former.parent, home, name)
            changes[f"{folder}/"] = f"{current}/"
            changes[f"{former.parent}/mlruns/"] = f"{home.resolve()}/mlruns/"  # of MLflow's own experiment, Default
    return changes


def at_home(address: str, changes: dict[str, str]) -> str:
    """The address, corrected by `changes` from `moves`."""
    for former, current in changes.items():
        if address.startswith(former):
            return current + address.removeprefix(former)
    return address


def bring_home(home: Path) -> None:
    """Make every address in the records of the folder `home` lead into it. Raises UserError like `moves`."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    with create_engine(tracking_uri(home), poolclass=NullPool).begin() as connection:
        for former, current in moves(connection, home).items():
            move_addresses(connection, former, current)


def _check_ownership(former: Path, home: Path, name: str) -> None:
    """Raise UserError if the database belongs to another folder.

    A database outside the folder does not come along when the folder is copied or cloned. The folder was moved if the
    former one is gone and the files of the records are here.
    """
    database = database_setting(home)
    if database == SQLITE or (former.exists() and former.samefile(home)):  # another path to the same folder
        return
    is_there = (former / "params.yaml").exists() and database_setting(former) == database
    if is_there or not (home / ARTIFACTS / name).exists():
        raise UserError(
            f"{home / 'params.yaml'}: database: {database} holds the records of another folder, {former}. Each folder "
            "needs its own database: create one with `createdb`, or write `database: sqlite`"
        )
