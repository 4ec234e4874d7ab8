"""Data checks that only series need, about their moments."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd

from src.tables.columns import column_type, time_numbers
from src.tables.facts import Issue, TableFacts, counted, first_rows, where
from src.tables.windows import GAP


def duplicate_moments(table: TableFacts) -> Iterator[Issue]:
    """Moments that occur more than once: it is unclear which of them a window would hold."""
    moments_N = _moments(table)
    again_N = moments_N.duplicated() & moments_N.notna()
    count, rows = int(again_N.sum()), first_rows(again_N)
    if count:
        message = (
            f"{moments_N.name!r}: {counted(count, 'moment')} that an earlier row has, too ({where(rows, count)}); a "
            "series has one row for each: remove the others, or make a table of each series"
        )
        yield Issue("error", str(moments_N.name), count, rows, message)


def unordered_moments(table: TableFacts) -> Iterator[Issue]:
    """Rows that are not in the order of time. They will be sorted."""
    moments_N = _moments(table)
    if column_type(moments_N) in ("date", "numeric"):
        back_N = np.append(False, np.diff(time_numbers(moments_N)) < 0)
        count, rows = int(back_N.sum()), first_rows(back_N)
        if count:
            message = (
                f"{moments_N.name!r}: {counted(count, 'row')} earlier than the row before ({where(rows, count)}); "
                "windows are cut after sorting by time"
            )
            yield Issue("warning", str(moments_N.name), count, rows, message)


def gaps_in_time(table: TableFacts) -> Iterator[Issue]:
    """Moments that are missing between two rows. No window spans a gap."""
    moments_N = _moments(table)
    if column_type(moments_N) not in ("date", "numeric") or len(moments_N) < 3:
        return
    time_N = time_numbers(moments_N)
    order_N = np.argsort(time_N, kind="stable")
    steps = np.diff(time_N[order_N])
    after = order_N[1:][steps > GAP * np.nanmedian(steps)]
    if len(after):
        rows = [int(row) for row in np.sort(after)[:5]]
        message = (
            f"{moments_N.name!r}: {counted(len(after), 'gap')}, before {where(rows, len(after))}; no window spans one, "
            "and what lies between two is lost where it is shorter than a window"
        )
        yield Issue("warning", str(moments_N.name), len(after), rows, message)


def unknown_targets(table: TableFacts) -> Iterator[Issue]:
    """Moments whose target is missing. No window forecasts it, and as an input the last known value replaces it."""
    for name in table.targets:
        count = table.missing[name]
        if count:
            rows = first_rows(table[name].isna())
            message = (
                f"{name!r}: {counted(count, 'moment')} without a value ({where(rows, count)}); windows that would "
                "forecast one are left out, and those that hold one see the last known value"
            )
            yield Issue("warning", name, count, rows, message)


def _moments(table: TableFacts) -> pd.Series:
    [name] = table.of_role("time")
    return table[name]


CHECKS: dict[str, Callable[[TableFacts], Iterable[Issue]]] = {
    "duplicate_moments": duplicate_moments,
    "unordered_moments": unordered_moments,
    "gaps_in_time": gaps_in_time,
    "unknown_targets": unknown_targets,
}
