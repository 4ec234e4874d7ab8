"""What the registry of models holds, looked up straight in its database: importing MLflow would take seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from src.core.errors import UserError
from src.tracking.address import DATABASE, SQLITE, database_setting, tracking_uri
from src.tracking.moved import at_home, moves

CHAMPION = "champion"
STANDING = "promotion"  # the tag that says what a version is and why, see `src.tracking.promotion`
_VERSIONS = "SELECT version, storage_location FROM model_versions WHERE name = :name AND current_stage <> :deleted"
_ALIAS = "SELECT version FROM registered_model_aliases WHERE name = :name AND alias = :alias"
_TAGS = "SELECT version, value FROM model_version_tags WHERE name = :name AND key = :key"
_DELETED = "Deleted_Internal"


@dataclass(frozen=True)
class Versions:
    """The versions of a problem's model: the addresses of their files; what each is and why, where that is known."""

    places: Mapping[int, str] = field(default_factory=dict)
    standings: Mapping[int, str] = field(default_factory=dict)
    champion: int | None = None

    def __bool__(self) -> bool:
        return bool(self.places)

    @property
    def why(self) -> str:
        """Which version is the champion and why, or why there is none."""
        if self.champion is None:
            newest = max(self.places, default=None)
            told = self.standings.get(newest) if newest is not None else None
            return f"none; version {newest}, the newest: {told}" if told else "none"
        standing = self.standings.get(self.champion, "")
        decided = standing.startswith(f"{CHAMPION}: ")
        reason = standing.removeprefix(f"{CHAMPION}: ") if decided else "somebody gave it the alias in MLflow"
        return f"version {self.champion}: {reason}"


def versions_of(problem: str, home: Path) -> Versions:
    """What the records of the repository at `home` hold. Raises UserError where they cannot be read."""
    from sqlalchemy import create_engine, inspect, text
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    if database_setting(home) == SQLITE and not (home / DATABASE).exists():
        return Versions()
    try:
        with create_engine(tracking_uri(home), poolclass=NullPool).connect() as connection:
            if not inspect(connection).has_table("model_versions"):
                return Versions()
            rows = connection.execute(text(_VERSIONS), {"name": problem, "deleted": _DELETED})
            changes = moves(connection, home)
            places = {int(version): at_home(str(place), changes) for version, place in rows}
            tags = connection.execute(text(_TAGS), {"name": problem, "key": STANDING})
            standings = {int(version): str(value) for version, value in tags if int(version) in places}
            champion = connection.execute(text(_ALIAS), {"name": problem, "alias": CHAMPION}).scalar()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        raise UserError(f"the database of the models cannot be read: {reason}; see `database` in params.yaml") from None
    held = None if champion is None or int(champion) not in places else int(champion)
    return Versions(places, standings, held)
