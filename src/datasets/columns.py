"""Convert the values of a column to its canonical type, value by value.

The result depends only on the value and the column's type, so changing one row never changes another. Numbers
become float64, texts `str`, booleans nullable `boolean`, dates microseconds without a zone (UTC). If no type is
declared, the training rows decide: numbers, true and false, ISO dates, else text.
"""

import base64
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from src.datasets.notation import plain_spelling
from src.problem.sources import Notation, Reading
from src.problem.terms import ColumnType

# Matches exactly what Arrow's cast accepts as a number, to find the texts that it refuses.
_NUMBER = r"(?i)^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf|infinity|nan)$"
_DATE = (
    r"^[0-9]{4}-[0-9]{2}(-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?( ?(Z|[+-][0-9]{2}:?[0-9]{2}))?)?)?$"
)
# Beyond it whole numbers are not told apart: neighbours become the same 64-bit number.
EXACT = 2**53
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_UNMISTAKABLE = pa.array(["true", "false"])
# The first values refute nearly every wrong guess; the rest is tried only if they fit.
_HEAD = 1000

CANONICAL: dict[ColumnType, pa.DataType] = {
    "numeric": pa.float64(),
    "categorical": pa.string(),
    "text": pa.string(),
    "token": pa.string(),
    "image": pa.binary(),
    "boolean": pa.bool_(),
    "date": pa.timestamp("us"),
}


class NotOfType(Exception):
    """The positions of values that do not fit a column's type, and some of these values."""

    def __init__(self, positions: NDArray[np.intp], examples: list[str]):
        super().__init__()
        self.positions, self.examples = positions, examples


def clean(text: pa.ChunkedArray, missing: Sequence[str], strip_end: str) -> pa.ChunkedArray:
    """Strip white space around every value and `strip_end` from its end; marks of missing values become null."""
    text = pc.utf8_trim_whitespace(text)
    if strip_end:
        text = pc.utf8_rtrim_whitespace(pc.utf8_rtrim(text, characters=strip_end))
    marked = pc.is_in(text, pa.array(list(dict.fromkeys(missing)), text.type))
    return pc.if_else(marked, pa.scalar(None, text.type), text)


def plain_numbers(text: pa.ChunkedArray, reading: Reading, notation: Notation) -> pa.ChunkedArray | None:
    """Numbers, if every text is one without cleaning, else None; four times as fast as `clean` and `parse`."""
    missing = reading.marks
    marks = pc.match_substring_regex(pa.array(missing, pa.string()), _NUMBER)
    nan = pc.match_substring_regex(pa.array(missing, pa.string()), "(?i)^nan$")
    if notation != Notation() or reading.strip_end or pc.any(pc.and_not(marks, nan), min_count=0).as_py():
        return None
    try:
        return pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        return None


def loses_digits(text: pa.ChunkedArray, numbers: pa.ChunkedArray) -> bool:
    """Whether a text is a whole number that its entry in `numbers` does not hold exactly, as ids of 19 digits are."""
    beyond = pc.fill_null(pc.greater(pc.abs(numbers), float(EXACT)), False)
    if not pc.any(beyond, min_count=0).as_py():
        return False
    wholes = pc.match_substring_regex(text.filter(beyond), r"^\s*[+-]?[0-9]+\s*$")
    return bool(pc.any(wholes, min_count=0).as_py())


def guess_type(text: pa.ChunkedArray, types: Sequence[ColumnType], notation: Notation) -> ColumnType:
    """The first of `types` that every value fits, else categorical. A column without values fits any type.

    Whole numbers beyond `EXACT` are categories.
    """
    for type_ in types:
        if all(_fits(part, type_, notation) for part in (text.slice(0, _HEAD), text)):
            return type_
    return "categorical"


def parse(text: pa.ChunkedArray, type_: ColumnType, notation: Notation) -> pa.ChunkedArray:
    """Convert clean texts to canonical values of a column type. Raises NotOfType with the values that do not fit.

    notation: how its numbers are written.
    """
    return _numbers(text, notation) if type_ == "numeric" else _PARSERS[type_](text)


def arrow_column_type(dtype: pa.DataType) -> ColumnType | None:
    """The column type for the Arrow type `dtype`; None if there is none."""
    tests: dict[ColumnType, Callable[[pa.DataType], bool]] = {
        "boolean": pa.types.is_boolean,
        "date": lambda t: pa.types.is_timestamp(t) or pa.types.is_date(t),
        "categorical": is_text,
        "image": lambda t: pa.types.is_binary(t) or pa.types.is_large_binary(t),
        "numeric": lambda t: (
            pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_decimal(t) or pa.types.is_null(t)
        ),
    }
    return next((type_ for type_, test in tests.items() if test(dtype)), None)


def is_text(dtype: pa.DataType) -> bool:
    return pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype)


def canonical(values: pa.ChunkedArray, type_: ColumnType) -> pa.ChunkedArray:
    """Convert typed values to the canonical Arrow type of their column type; times with a zone become UTC."""
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        values = values.cast(pa.timestamp(values.type.unit, "UTC")).cast(pa.timestamp(values.type.unit))
    return values.cast(CANONICAL[type_], safe=False)


def numeric_looking(values: pd.Series, notation: Notation) -> tuple[float, NDArray[np.intp]]:
    """The share of a text column's values that are numbers (0 to 1), and the positions of those that are not.

    Gaps do not count. A share close to one means a column of numbers with a few slips.
    """
    text = pa.chunked_array([pa.Array.from_pandas(values, type=pa.string())])
    present = len(text) - text.null_count
    wrong = _unmatched(plain_spelling(text, notation), _NUMBER)
    return (1 - len(wrong) / present if present else 0.0), wrong


def spelling(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts to compare: equal numbers, truth values and dates become the same text; `nan` becomes a gap."""
    return pa.chunked_array([_one_spelling(part) for part in text.chunks], pa.string())


def _one_spelling(text: pa.Array) -> pa.Array:
    words = pc.utf8_lower(text)
    text = pc.if_else(pc.is_in(words, _UNMISTAKABLE), words, text)
    numbers = pc.fill_null(pc.match_substring_regex(text, _NUMBER), False)
    values = pc.cast(text.filter(numbers), pa.float64())
    text = pc.replace_with_mask(text, numbers, pc.if_else(pc.is_nan(values), None, values).cast(pa.string()))
    dates = pc.fill_null(pc.match_substring_regex(text, _DATE), False)
    written = text.filter(dates)
    times = pd.to_datetime(written.to_pandas(), format="ISO8601", utc=True, errors="coerce").dt.as_unit("us")
    moments = pa.array(times.dt.tz_localize(None)).cast(pa.int64()).cast(pa.string())
    return pc.replace_with_mask(text, dates, pc.coalesce(pc.binary_join_element_wise("date", moments, " "), written))


def _fits(text: pa.ChunkedArray, type_: ColumnType, notation: Notation) -> bool:
    if type_ == "boolean":  # a guess, unlike a declaration, does not read "y" or "1" as a truth value
        words = pc.utf8_lower(text.drop_null())
        return bool(pc.all(pc.is_in(words, _UNMISTAKABLE), min_count=0).as_py())
    try:
        values = parse(text, type_, notation)
    except NotOfType:
        return False
    return type_ != "numeric" or not loses_digits(plain_spelling(text, notation), values)


def _numbers(text: pa.ChunkedArray, notation: Notation) -> pa.ChunkedArray:
    spelled = plain_spelling(text, notation)
    try:
        return pc.cast(spelled, pa.float64())
    except pa.ArrowInvalid:
        raise _not_of_type(text, _unmatched(spelled, _NUMBER)) from None


def _booleans(text: pa.ChunkedArray) -> pa.ChunkedArray:
    word = pc.utf8_lower(text)
    yes, no = pc.is_in(word, pa.array(_TRUE)), pc.is_in(word, pa.array(_FALSE))
    wrong = pc.and_(pc.is_valid(text), pc.invert(pc.or_(yes, no)))
    if pc.any(wrong, min_count=0).as_py():
        raise _not_of_type(text, np.flatnonzero(wrong.to_numpy()))
    return pc.if_else(pc.is_valid(text), yes, pa.scalar(None, pa.bool_()))


def _dates(text: pa.ChunkedArray) -> pa.ChunkedArray:
    like_dates = pc.if_else(pc.match_substring_regex(text, _DATE), text, pa.scalar(None, text.type))
    times = pd.to_datetime(like_dates.to_pandas(), format="ISO8601", utc=True, errors="coerce")
    wrong = np.flatnonzero(times.isna().to_numpy() & pc.is_valid(text).to_numpy())
    if len(wrong):
        raise _not_of_type(text, wrong)
    return pa.chunked_array([pa.Array.from_pandas(times.dt.tz_localize(None).dt.as_unit("us"))])


def _pictures(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Decode base64, by which JSON and CSV hold the bytes of files."""
    files: list[bytes | None] = []
    wrong = []
    for position, value in enumerate(text.to_pylist()):
        try:
            files.append(None if value is None else base64.b64decode(value, validate=True))
        except ValueError:
            wrong.append(position)
    if wrong:
        raise _not_of_type(text, np.array(wrong, dtype=np.intp))
    return pa.chunked_array([pa.array(files, pa.binary())])


_PARSERS: dict[ColumnType, Callable[[pa.ChunkedArray], pa.ChunkedArray]] = {
    "categorical": lambda text: text,
    "text": lambda text: text,
    "token": lambda text: text,
    "image": _pictures,
    "boolean": _booleans,
    "date": _dates,
}


def _unmatched(text: pa.ChunkedArray, pattern: str) -> NDArray[np.intp]:
    """Positions of the values, gaps left out, that do not match."""
    wrong = pc.invert(pc.match_substring_regex(text, pattern))
    return np.flatnonzero(pc.fill_null(wrong, False).to_numpy())


def _not_of_type(text: pa.ChunkedArray, positions: NDArray[np.intp]) -> NotOfType:
    return NotOfType(positions, [text[int(position)].as_py() for position in positions[:5]])
