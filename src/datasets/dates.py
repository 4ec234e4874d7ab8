"""Dates as people write them: 2024/01/05, 05.01.2024, Jan 5 2024, 20240105, Jan-24, with or without a time.

`recognized_dates` finds the form of a column; `iso_spelling` writes its dates as programs do.
"""

from itertools import product

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_DAYS = (
    *("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%m-%d-%Y"),
    *("%d-%m-%Y", "%b %d %Y", "%b %d, %Y", "%B %d, %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y"),
    *("%Y%m%d", "%d. %B %Y"),
)
_MONTHS = ("%b-%y", "%b-%Y", "%b %Y", "%B %Y", "%m/%Y", "%Y/%m", "%Y %b")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", "T%H:%M:%S")
FORMS = (*(f"{day}{time}" for time, day in product(_TIMES, _DAYS)), *_MONTHS)
# Later and earlier years are most likely no dates, but numbers of another meaning.
_YEARS = (1800, 2200)
# The first values refute nearly every form.
_HEAD = 20


def recognized_dates(text: pa.ChunkedArray) -> list[str]:
    """The forms of `FORMS` that all values of a column of texts have; none where it holds no dates. Gaps do not count.

    Two forms may fit where no day is beyond the 12th. The first is then the one in which the values are in order, if
    there is one.
    """
    values = pc.unique(pc.utf8_trim_whitespace(text.drop_null())).to_pandas()
    if not len(values) or not values.iloc[:_HEAD].str.contains(r"\d").all():
        return []
    fitting = [form for form in FORMS if _fits(values.iloc[:_HEAD], form) and _fits(values, form)]
    return sorted(fitting, key=lambda form: not pd.to_datetime(values, format=form).is_monotonic_increasing)


def iso_spelling(text: pa.ChunkedArray, form: str) -> pa.ChunkedArray:
    """The texts, with those that are dates in `form` as in 2024-01-05T13:00:00; others stay as they are."""
    plain = pc.utf8_trim_whitespace(text)
    moments = pd.to_datetime(plain.to_pandas(), format=form, errors="coerce")
    spelled = pa.chunked_array([pa.Array.from_pandas(moments.dt.strftime("%Y-%m-%dT%H:%M:%S"), type=pa.string())])
    return pc.coalesce(spelled, text)


def _fits(values: pd.Series, form: str) -> bool:
    moments = pd.to_datetime(values, format=form, errors="coerce")
    return bool(moments.notna().all() and moments.dt.year.between(*_YEARS).all())
