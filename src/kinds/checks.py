"""The data checks of the kinds of input, for tables with such columns to learn from."""

from collections.abc import Callable, Iterable

from src.kinds.image.checks import CHECKS as IMAGE_CHECKS
from src.kinds.series.checks import CHECKS as SERIES_CHECKS
from src.kinds.text.checks import CHECKS as TEXT_CHECKS
from src.kinds.tokens.checks import CHECKS as TOKEN_CHECKS
from src.tables.facts import Issue, TableFacts

OF_COLUMNS: dict[str, dict[str, Callable[[TableFacts], Iterable[Issue]]]] = {
    "text": TEXT_CHECKS,
    "image": IMAGE_CHECKS,
    "token": TOKEN_CHECKS,
    "series": SERIES_CHECKS,
}


def checks_for(table: TableFacts) -> dict[str, Callable[[TableFacts], Iterable[Issue]]]:
    """The checks for the columns of this table."""
    kinds = {table.types[name] for name in table.features}
    if table.settings.series is not None and table.of_role("time"):
        kinds.add("series")
    return {name: check for kind in OF_COLUMNS if kind in kinds for name, check in OF_COLUMNS[kind].items()}
