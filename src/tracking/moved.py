"""A folder that was moved or copied, with its records.

MLflow keeps absolute addresses of the files of a run. In a folder that has another path now they lead to where it was,
or into the folder that it was copied from. So whoever opens the records first brings the addresses home. Addresses that
do not come from the workflow (an experiment whose files somebody keeps elsewhere) stay.
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

EXPERIMENT_KIND = "mlflow.experimentKind"  # the tag that marks an experiment of the workflow from its first moment


def moves(connection: "Connection", home: Path) -> dict[str, str]:
    """What addresses in the records begin with, and what they have to begin with in the folder `home`.

    Empty where all is at home. Raises UserError where the records, on PostgreSQL, belong to another folder.
    """
    here = artifacts_uri(home)
    found: dict[str, str] = {}
    for location in locations(connection, EXPERIMENT_KIND):
        address = urlsplit(location)
        folder, _, name = location.rpartition("/")
        former = Path(url2pathname(address.path)).parent
        if address.scheme == "file" and former.name == ARTIFACTS and folder != here:
            _check_ownership(former.parent, home, name)
            found[f"{folder}/"] = f"{here}/"
            found[f"{former.parent}/mlruns/"] = f"{home.resolve()}/mlruns/"  # of MLflow's own experiment, Default
    return found


def at_home(address: str, changes: dict[str, str]) -> str:
    """The address with the beginning that `changes`, from `moves`, have for it."""
    for former, here in changes.items():
        if address.startswith(former):
            return here + address.removeprefix(former)
    return address


def bring_home(home: Path) -> None:
    """Let every address in the records of the folder `home` lead into it. Raises UserError like `moves`."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    with create_engine(tracking_uri(home), poolclass=NullPool).begin() as connection:
        for former, here in moves(connection, home).items():
            move_addresses(connection, former, here)


def _check_ownership(former: Path, home: Path, name: str) -> None:
    """A database apart from the folder does not come along when that is copied, or cloned by somebody else.

    The folder was moved where the other one is gone and the files of the records came along.
    """
    database = database_setting(home)
    if database == SQLITE or (former.exists() and former.samefile(home)):  # another path to the same folder
        return
    is_there = (former / "params.yaml").exists() and database_setting(former) == database
    if is_there or not (home / ARTIFACTS / name).exists():
        raise UserError(
            f"{home / 'params.yaml'}: database: {database} holds the records of another folder, {former}. A folder "
            "needs a database of its own: make one with `createdb`, or write `database: sqlite`"
        )
