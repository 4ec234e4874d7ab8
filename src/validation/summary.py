"""Every column of the raw table at a glance, as the validation page and the report show it."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.results.data import ColumnSummary
from src.tables.columns import seconds
from src.tables.facts import TableFacts, show

MOST_COMMON, MOST_EXAMPLES = 4, 3
# Numbers with at most so many different values are described like categories.
FEW_NUMBERS = 10
# Examples are taken from so many first values.
EXAMPLE_ROWS = 1000
BINS = 10


def summarize(table: TableFacts, name: str, sealed: NDArray[np.intp]) -> ColumnSummary:
    """Summarize a column: gaps and distinct values of all rows, and the values themselves of rows not sealed."""
    values_N = table[name].drop(table[name].index[sealed])
    present = values_N.dropna()
    summary = ColumnSummary(
        name=name,
        type=table.types[name],
        role=table.roles[name],
        missing=table.missing[name],
        distinct=table.distinct[name],
    )
    if not len(present) or summary.type == "image":
        return summary
    if summary.type == "date" or (summary.type == "numeric" and summary.distinct > FEW_NUMBERS):
        return summary.model_copy(update=_range(present))
    if summary.type != "text" and 2 * table.distinct[name] <= len(table) - table.missing[name]:
        counts = present.value_counts()
        counts = counts.iloc[np.lexsort((counts.index.astype(str), -counts.to_numpy(np.int64)))].head(MOST_COMMON)
        return summary.model_copy(update={"common": [(show(value), int(rows)) for value, rows in counts.items()]})
    examples = present.head(EXAMPLE_ROWS).drop_duplicates().head(MOST_EXAMPLES)
    return summary.model_copy(update={"examples": [show(value) for value in examples]})


def _range(present: pd.Series) -> dict[str, object]:
    """The ends and the median of numbers or dates, and how many values lie in each of `BINS` parts of the range."""
    ordered = present.sort_values(kind="stable")
    ends = {
        key: show(ordered.iloc[place]) for key, place in (("lowest", 0), ("middle", len(ordered) // 2), ("highest", -1))
    }
    numbers = present.to_numpy(np.float64) if present.dtype == np.float64 else seconds(present)
    return ends | {"histogram": _histogram(numbers[np.isfinite(numbers)])}


def _histogram(values: NDArray[np.float64]) -> list[int]:
    """The number of values in each of `BINS` equal parts of their range; empty if they are all equal."""
    halves = values / 2  # the range of the largest numbers would overflow
    lowest, width = halves.min(initial=np.inf), halves.max(initial=-np.inf) - halves.min(initial=np.inf)
    if not width > 0:
        return []
    places = ((halves - lowest) / width * BINS).astype(np.intp).clip(max=BINS - 1)
    return np.bincount(places, minlength=BINS).tolist()
