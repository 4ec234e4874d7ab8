"""The data checks on columns of text."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from src.tables.columns import label_texts
from src.tables.facts import Issue, TableFacts, counted, first_rows, where

# At least one letter or digit of any alphabet.
_SOMETHING = r"[\p{L}\p{N}]"


def empty_texts(table: TableFacts) -> Iterator[Issue]:
    """Texts without a letter or digit: nothing can be told of them, but for what comes next in them."""
    if table.settings.problem_type.reads_on:
        return
    for name in _texts(table):
        has_letters = pc.match_substring_regex(pa.array(table[name].fillna(""), pa.large_string()), _SOMETHING)
        empty_N = ~np.asarray(has_letters)
        count, rows = int(empty_N.sum()), first_rows(empty_N)
        if count:
            fault = f"{counted(count, 'text')} without a letter or digit ({where(rows, count)})"
            message = f"{name!r}: {fault}: nothing can be told of them; remove the rows"
            yield Issue("warning", name, count, rows, message)


def contradicting_texts(table: TableFacts) -> Iterator[Issue]:
    """The same text with different labels, at most one of which is right."""
    if not table.is_single_label or not table.targets:
        return
    for name in _texts(table):
        labels = label_texts(table[table.targets[0]])
        contradicts_N = (labels.groupby(table[name]).transform("nunique") > 1).to_numpy()
        count, rows = int(contradicts_N.sum()), first_rows(contradicts_N)
        if count:
            message = (
                f"{name!r}: {counted(count, 'row')} with a text that another row has under another label "
                f"({where(rows, count)}); correct the labels, or remove the rows"
            )
            yield Issue("warning", name, count, rows, message)


def _texts(table: TableFacts) -> Iterable[str]:
    return (name for name in table.features if table.types[name] == "text")


CHECKS: dict[str, Callable[[TableFacts], Iterable[Issue]]] = {
    "empty_texts": empty_texts,
    "contradicting_texts": contradicting_texts,
}
