"""The columns of the canonical typed table: their types, and their values as labels.

Every value is read by itself, so that no row's label depends on another row. Shapes: N rows.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Literal

import numpy as np
import pandas as pd
import regex
from numpy.typing import NDArray

from src.core.errors import UserError

FeatureType = Literal["numeric", "categorical", "boolean", "date", "text", "image", "token"]

# A column is text where its values have on average at least this many words, and at least this share of them is
# different. This is judged by at most this many rows, evenly spaced.
TEXT_WORDS, TEXT_DISTINCT, TEXT_ROWS = 5.0, 0.5, 1000
# Fewer words are text, too, if at least this share of them stands in other rows: names of things hardly repeat.
FEWEST_WORDS, COMMON_WORDS = 3.0, 0.5
# Scripts that put no space between words, where two characters count as a word.
UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_UNSPACED = regex.compile(UNSPACED)
_WORD = regex.compile(rf"{UNSPACED}\p{{M}}*|\p{{L}}(?:(?!{UNSPACED})[\p{{L}}\p{{M}}\p{{N}}'’])+")


def column_type(values_N: pd.Series) -> FeatureType:
    """The type of a canonical column, from its dtype alone."""
    if pd.api.types.is_datetime64_any_dtype(values_N):
        return "date"
    if values_N.dtype == "boolean":
        return "boolean"
    if values_N.dtype == object:  # bytes
        return "image"
    return "numeric" if values_N.dtype == np.float64 else "categorical"


def feature_type(values_N: pd.Series, declared: FeatureType | None) -> FeatureType:
    """The type of a column to learn from. The values decide whether texts are categories or to be read."""
    type_ = column_type(values_N)
    if type_ != "categorical":
        return type_
    if declared is not None:
        return declared
    present = values_N.iloc[:: max(len(values_N) // TEXT_ROWS, 1)].dropna()
    if not len(present) or present.nunique() < TEXT_DISTINCT * len(present):
        return "categorical"
    return "text" if (present.str.count(" ") + 1).mean() >= TEXT_WORDS or _has_common_words(present) else "categorical"


def _has_common_words(values: pd.Series) -> bool:
    """Whether the values have `FEWEST_WORDS` on average, and share most of them with one another."""
    split = [_WORD.findall(value.casefold()) for value in values]
    words = [word for each in split for word in each]
    if sum(0.5 if _UNSPACED.match(word) else 1.0 for word in words) < FEWEST_WORDS * len(values):
        return False
    rows = Counter(word for each in split for word in set(each))
    return sum(rows[word] > 1 for word in words) >= COMMON_WORDS * len(words)


def label_texts(values_N: pd.Series) -> pd.Series:
    """Class labels as text; whole numbers without a decimal point (1.0 becomes '1'), dates without a time of 0:00.

    Gaps stay gaps.
    """
    if values_N.dtype == np.float64:
        return values_N.map(lambda v: str(int(v)) if v == v // 1 else repr(v), na_action="ignore").astype("str")
    if column_type(values_N) == "date":
        return values_N.map(lambda v: str(v.date() if v == v.normalize() else v), na_action="ignore").astype("str")
    return values_N.astype("str")


def alike(values: Iterable[str]) -> list[list[str]]:
    """The values that differ only in case, spaces, width or invisible characters, together; others are left out."""
    groups: dict[str, list[str]] = {}
    for value in values:
        wide = unicodedata.normalize("NFKC", value)
        visible = "".join(character for character in wide if unicodedata.category(character) != "Cf")
        groups.setdefault(" ".join(visible.split()).casefold(), []).append(value)
    return [group for group in groups.values() if len(group) > 1]


def label_numbers(values_N: pd.Series) -> pd.Series:
    """A column that says yes or no as 0.0 and 1.0."""
    if values_N.dtype == np.float64 or values_N.dtype == "boolean":
        return values_N.astype("float64")
    return values_N.str.lower().map({"true": 1.0, "yes": 1.0, "1": 1.0, "false": 0.0, "no": 0.0, "0": 0.0})


def seconds(dates_N: pd.Series) -> NDArray[np.float64]:
    """Dates of any year as seconds since 1970; NaN for a gap."""
    since_N = dates_N.dt.as_unit("us").to_numpy() - np.datetime64(0, "us")
    return np.where(np.isnat(since_N), np.nan, since_N.astype(np.int64) / 1e6)


def time_numbers(values_N: pd.Series) -> NDArray[np.float64]:
    """The time column as numbers that sort in time: seconds for dates, the values themselves for numbers.

    Raises UserError where the column is text.
    """
    if pd.api.types.is_datetime64_any_dtype(values_N):
        return seconds(values_N)
    if values_N.dtype == np.float64:
        return values_N.to_numpy(np.float64)
    raise UserError(
        f"time: column {values_N.name!r} holds text that is neither number nor ISO date, "
        f"for example {values_N.iloc[0]!r}; write its dates as 2026-11-21 or 2026-11-21T13:00"
    )
