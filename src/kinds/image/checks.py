"""The data checks on columns of pictures."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from src.inputs.pictures import FORMATS, Shape, Undecodable, decodes, look
from src.tables.columns import label_texts
from src.tables.facts import Issue, TableFacts, counted, first_rows, listed_counts, where

# Pictures with fewer pixels on a side show nothing. Pictures are stretched a lot if their ratio of sides differs from
# the median by more than this factor.
SMALLEST_SIDE, MOST_STRETCHED = 8, 2.0


def undecodable_pictures(table: TableFacts) -> Iterator[Issue]:
    """Gaps, and bytes that are not a picture or end too early."""
    for name in _pictures(table):
        wrong_N = np.array([not decodes(file) for file in table[name]])
        count, rows = int(wrong_N.sum()), first_rows(wrong_N)
        if count:
            message = (
                f"{name!r}: {counted(count, 'picture')} missing, damaged or in none of the formats "
                f"{', '.join(FORMATS)} ({where(rows, count)}); mend the files, or leave them out "
                "(the pattern `members` tells which are in)"
            )
            yield Issue("error", name, count, rows, message)


def contradicting_pictures(table: TableFacts) -> Iterator[Issue]:
    """The same picture with different labels, at most one of which is right."""
    if not table.is_single_label or not table.targets:
        return
    for name in _pictures(table):
        labels = label_texts(table[table.targets[0]])
        contradicts_N = (labels.groupby(table[name]).transform("nunique") > 1).to_numpy()
        count, rows = int(contradicts_N.sum()), first_rows(contradicts_N)
        if count:
            message = (
                f"{name!r}: {counted(count, 'row')} with a picture that another row has under another label "
                f"({where(rows, count)}); correct the labels, or remove the rows"
            )
            yield Issue("warning", name, count, rows, message)


def uneven_pictures(table: TableFacts) -> Iterator[Issue]:
    """Pictures whose shape is so different from the median that resizing distorts them, and tiny ones."""
    for name in _pictures(table):
        shapes = _shapes(table, name)
        ratio_N = np.array([shape.width / shape.height if shape else np.nan for shape in shapes])
        side_N = np.array([min(shape.width, shape.height) if shape else np.nan for shape in shapes])
        stretch_N = ratio_N / np.nanmedian(ratio_N) if np.isfinite(ratio_N).any() else ratio_N
        for odd_N, fault in (
            ((stretch_N > MOST_STRETCHED) | (stretch_N < 1 / MOST_STRETCHED), "that will be stretched over twofold"),
            (side_N < SMALLEST_SIDE, f"with a side under {SMALLEST_SIDE} pixels"),
        ):
            count, rows = int(odd_N.sum()), first_rows(odd_N)
            if count:
                message = f"{name!r}: {counted(count, 'picture')} {fault} ({where(rows, count)}); do they show enough?"
                yield Issue("warning", name, count, rows, message)


def mixed_channels(table: TableFacts) -> Iterator[Issue]:
    """Grey pictures among those in colours: if colour depends on the label, it gives the label away."""
    for name in _pictures(table):
        grey_N = np.array([shape is not None and shape.channels == 1 for shape in _shapes(table, name)])
        counts = Counter("grey" if grey else "in colours" for grey in grey_N)
        if len(counts) > 1:
            rarer_N = grey_N if counts["grey"] <= len(table) / 2 else ~grey_N
            count, rows = int(rarer_N.sum()), first_rows(rarer_N)
            message = (
                f"{name!r}: {listed_counts(counts)}; all are treated as in colours ({where(rows, count)} are of the "
                "rarer sort); make sure that colour does not tell the label"
            )
            yield Issue("warning", name, count, rows, message)


def _pictures(table: TableFacts) -> Iterable[str]:
    return (name for name in table.features if table.types[name] == "image")


def _shapes(table: TableFacts, name: str) -> list[Shape | None]:
    return [_shape(file) for file in table[name]]


def _shape(file: object) -> Shape | None:
    try:
        return look(file if isinstance(file, bytes) else b"")
    except Undecodable:
        return None


CHECKS: dict[str, Callable[[TableFacts], Iterable[Issue]]] = {
    "undecodable_pictures": undecodable_pictures,
    "contradicting_pictures": contradicting_pictures,
    "uneven_pictures": uneven_pictures,
    "mixed_channels": mixed_channels,
}
