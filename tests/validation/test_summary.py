"""What the summary of a column tells, and that the sealed rows stay unseen."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.report.sections.columns import bars
from src.validation.summary import BINS, summarize
from tests.validation.tables import ROWS, facts, good_frame

NONE_SEALED = np.array([], dtype=np.intp)


def text(values: list[str]) -> pd.Series:
    return pd.Series(values, dtype="str")


def of(values: pd.Series, sealed: np.ndarray = NONE_SEALED):
    return summarize(facts(good_frame().assign(tried=values)), "tried", sealed)


def test_numbers_are_told_by_their_ends_median_and_tenths():
    found = of(pd.Series(np.arange(ROWS, dtype=float)))
    assert found.values == "0 to 119, median 60"
    assert found.histogram == [12] * BINS


def test_dates_are_told_like_numbers():
    days = pd.Series(pd.date_range("2024-01-01", periods=ROWS, freq="D", unit="us"))
    assert of(days).values == "2024-01-01 to 2024-04-29, median 2024-03-01"
    assert sum(of(days).histogram) == ROWS


def test_categories_are_told_by_the_commonest_and_texts_by_examples():
    few = of(pd.Series([1.0, 2.0, 3.0, 3.0] * (ROWS // 4)))
    assert (few.values, few.histogram) == ("3 (60), 1 (30), 2 (30)", [])
    found = of(text(["b"] * 60 + ["a"] * 40 + ["c", "d", "e", "e"] * 5))
    assert found.values == "b (60), a (40), e (10), c (5), 1 more"
    assert of(text([f"word {i}" for i in range(ROWS)])).values == "“word 0”, “word 1”, “word 2”"


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=ROWS, max_size=ROWS))
def test_any_numbers_have_a_summary(values):
    found = of(pd.Series(values, dtype="float64"))
    assert sum(found.histogram) in (0, np.isfinite(values).sum())
    assert len(bars(found.histogram)) == len(found.histogram)


@pytest.mark.parametrize(
    "sealed_value", [999.0, "sealed", pd.Timestamp("2999-01-01")], ids=["number", "category", "date"]
)
def test_what_sealed_rows_hold_is_not_shown(sealed_value):
    values = [sealed_value] * 50
    usual = {float: 1.0, str: "usual"}.get(type(sealed_value), pd.Timestamp("2024-01-01"))
    values += [usual] * (ROWS - 50) if sealed_value != 999.0 else list(range(ROWS - 50))
    dtype = {float: "float64", str: "str"}.get(type(sealed_value), "datetime64[us]")
    found = of(pd.Series(values, dtype=dtype), np.arange(50))
    shown = found.model_dump_json()
    assert "999" not in shown
    assert "sealed" not in shown
    assert (found.distinct > 1, found.missing) == (True, 0)


def test_a_histogram_is_a_line_of_bars_in_which_few_rows_still_show():
    assert bars([0, 1, 50, 100]) == "▁▂▅█"
    assert bars([]) == ""
