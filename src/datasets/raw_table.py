"""What every reader of a file format returns: columns as read, and what the format says about their types."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import pyarrow as pa

from src.core.errors import UserError
from src.core.names import is_unprintable
from src.core.names import shown as named
from src.problem.terms import RESERVED_COLUMNS, ColumnType

ColumnTypes = tuple[ColumnType, ...]
# What a column of texts may hold where nothing declares its type.
GUESSES: ColumnTypes = ("numeric", "boolean", "date")
Runs = list[tuple[int, ColumnTypes]]


@dataclass(frozen=True)
class RawTable:
    """The rows of one file. Columns are texts, or values if the format has types.

    types: those that the file itself declares. guesses: the types to try, in order, for a column of texts; if there are
    none, it stays text. runs: the types to try for consecutive rows, by where these end, if they are not the same in
    the whole column. of_nothing: the types to try for rows without a value, if those differ. left_out: columns of
    the file that describe no row.
    """

    table: pa.Table
    types: dict[str, ColumnType]
    guesses: dict[str, ColumnTypes]
    runs: dict[str, Runs] = field(default_factory=dict)
    of_nothing: ColumnTypes | None = None
    left_out: Sequence[str] = ()

    def guesses_in_runs(self, name: str) -> Runs:
        """The types to try for a column, in runs of rows."""
        return self.runs.get(name) or [(self.table.num_rows, self.guesses.get(name, ()))]


def common(guesses: Iterable[ColumnTypes]) -> ColumnTypes:
    """The types that are to be tried in every part."""
    first, *others = guesses
    return tuple(type_ for type_ in first if all(type_ in other for other in others))


def check_names(names: Sequence[str], shown: str) -> None:
    """Raise UserError if column names cannot be used; `shown` names the file."""
    for place, name in enumerate(names, start=1):
        if any(map(is_unprintable, name)):
            raise UserError(
                f"{shown}: the name of column {place}, {named(name)}, holds a character that cannot be printed; "
                "rename the column"
            )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        places = [str(i) for i, name in enumerate(names, start=1) if name == twice[0]]
        raise UserError(
            f"{shown}: column name {twice[0]!r} is there {len(places)} times (columns {', '.join(places)}); "
            "every column needs its own name"
        )
    reserved = [name for name in names if name in RESERVED_COLUMNS]
    if reserved:
        raise UserError(
            f"{shown}: column name {reserved[0]!r} is reserved for the workflow's own use; rename the column"
        )


def check_rows(count: int, shown: str) -> None:
    if not count:
        raise UserError(f"{shown} has column names but no rows; give a file with data")


def nearest(name: str, names: Sequence[str]) -> str:
    """A hint for a name that does not exist: the nearest, whatever its case, spaces and underscores."""
    plain = {" ".join(other.replace("_", " ").split()).casefold(): other for other in reversed(names)}
    near = get_close_matches(" ".join(name.replace("_", " ").split()).casefold(), plain, n=1)
    return f"did you mean {plain[near[0]]!r}?" if near else f"the columns are: {', '.join(names[:30])}"
