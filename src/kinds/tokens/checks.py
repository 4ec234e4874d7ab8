"""The data checks on sentences whose words have labels."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from src.inputs.sentences import begins, torn
from src.tables.facts import Issue, TableFacts, counted, first_rows, where


def missing_words(table: TableFacts) -> Iterator[Issue]:
    """Rows without a word or a sentence."""
    for name, what in ((_word(table), "word"), (_sentence(table), "sentence")):
        missing_N = table[name].isna()
        count, rows = int(missing_N.sum()), first_rows(missing_N)
        if count:
            message = (
                f"{name!r}: {counted(count, 'row')} without a {what} ({where(rows, count)}); add it, or remove the row"
            )
            yield Issue("error", name, count, rows, message)


def torn_sentences(table: TableFacts) -> Iterator[Issue]:
    """Sentences whose rows are not consecutive: the order of their words is unknown."""
    name = _sentence(table)
    starts = np.flatnonzero(begins(table[name]) & torn(table[name]))
    if len(starts):
        rows = [int(row) for row in starts[:5]]
        message = (
            f"{name!r}: {counted(len(starts), 'time')} a sentence goes on after another one "
            f"({where(rows, len(starts))}); the rows of a sentence follow one another in the order of its words: sort "
            "them, or give every sentence a name of its own"
        )
        yield Issue("error", name, len(starts), rows, message)


def lone_words(table: TableFacts) -> Iterator[Issue]:
    """Sentences of one word each: then no word has neighbours."""
    name = _sentence(table)
    if len(table) > 1 and table.distinct[name] == len(table):
        message = f"{name!r}: every sentence has one word only; name the column that the words of one have in common"
        yield Issue("error", name, len(table), first_rows(np.ones(len(table), dtype=bool)), message)


def repeated_sentences(table: TableFacts) -> Iterator[Issue]:
    """Sentences that occur more than once, so that they may be both learnt from and scored."""
    name, word = _sentence(table), _word(table)
    begins_N = begins(table[name])
    texts = table[word].fillna("").groupby(begins_N.cumsum()).agg(" ".join)
    repeated = texts.duplicated().to_numpy()
    count = int(repeated.sum())
    if count:
        rows = [int(row) for row in np.flatnonzero(begins_N)[repeated][:5]]
        message = (
            f"{word!r}: {counted(count, 'sentence')} the same as an earlier one (beginning in {where(rows, count)}); "
            "the split does not keep them together, so remove them if they are copies and not separate observations"
        )
        yield Issue("warning", word, count, rows, message)


def _word(table: TableFacts) -> str:
    return next(name for name in table.features if table.types[name] == "token")


def _sentence(table: TableFacts) -> str:
    [name] = table.of_role("groups")
    return name


CHECKS: dict[str, Callable[[TableFacts], Iterable[Issue]]] = {
    "missing_words": missing_words,
    "torn_sentences": torn_sentences,
    "lone_words": lone_words,
    "repeated_sentences": repeated_sentences,
}
