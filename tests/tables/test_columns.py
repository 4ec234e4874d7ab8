"""Kinds, labels and seconds are read off each value by itself."""

import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.tables.columns import column_type, feature_type, label_numbers, label_texts, seconds


def dates(*values: str | None) -> pd.Series:
    return pd.Series(np.array(values, dtype="datetime64[us]"))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Series([1.0, None]), "numeric"),
        (pd.Series([None, None], dtype="float64"), "numeric"),
        (pd.Series(["a", None], dtype="str"), "categorical"),
        (pd.Series([True, None], dtype="boolean"), "boolean"),
        (dates("2020-01-01", None), "date"),
    ],
)
def test_the_kind_of_a_column_is_that_of_its_type(values, kind):
    assert column_type(values) == kind


RNG = random.Random(0)


def rows_of(words: str, most: int, between: str = " ") -> list[str]:
    """120 texts of words, or of characters where nothing stands between them."""
    known = words.split() if between else list(words)
    return [between.join(RNG.choices(known, k=most)) for _ in range(120)]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (rows_of("good bad ok fine nice film plot cast", 4), "text"),
        (rows_of("我喜欢这个电影非常推荐大家去看浪费时间的了不", 12, ""), "text"),
        (rows_of("ดีมากไม่ชอบหนังเรื่องนี้เลยครับ", 20, ""), "text"),
        (rows_of("映画はとても面白かったつまらない時間", 14, ""), "text"),
        (rows_of("王李张刘陈杨黄伟芳娜敏静", 3, ""), "categorical"),
        ([f"name{i} sur{i} of{i} place{i}" for i in range(120)], "categorical"),
        ([f"Ann{i} Lee" for i in range(120)], "categorical"),
        ([f"{i} 234 567" for i in range(120)], "categorical"),
        ([f"P-{i} X{i}" for i in range(120)], "categorical"),
        (["the red one", "the blue one", "the green one"] * 40, "categorical"),
    ],
)
def test_text_is_told_by_words_that_repeat_in_other_rows_and_by_the_script(values, kind):
    assert feature_type(pd.Series(values, dtype="str"), None) == kind


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pd.Series([1.0, 1.5, -0.0, -3.0, 1e20, 0.1]), ["1", "1.5", "0", "-3", "100000000000000000000", "0.1"]),
        (pd.Series([True, False], dtype="boolean"), ["True", "False"]),
        (pd.Series(["1.0", " a", "yes"], dtype="str"), ["1.0", " a", "yes"]),
        (dates("2020-01-01", "9999-12-31"), ["2020-01-01", "9999-12-31"]),
        (dates("2020-01-01", "2020-01-02T12:30"), ["2020-01-01", "2020-01-02 12:30:00"]),
    ],
)
def test_labels_read_as_a_person_writes_them(values, texts):
    assert label_texts(values).tolist() == texts


ANY_COLUMN = st.one_of(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1).map(
        lambda v: pd.Series(v, dtype="float64")
    ),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=1).map(lambda v: pd.Series(v, dtype="boolean")),
    st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1).map(lambda v: pd.Series(v, dtype="str")),
    st.lists(st.one_of(st.none(), st.datetimes()), min_size=1).map(lambda v: pd.Series(v, dtype="datetime64[us]")),
)


@given(values=ANY_COLUMN)
@settings(max_examples=150, deadline=None)
def test_a_label_depends_on_its_own_value_alone_and_gaps_stay_gaps(values):
    together = label_texts(values)
    assert together.dtype == "str"
    assert (together.isna() == values.isna()).all()
    for row in range(len(values)):
        alone = label_texts(values.iloc[[row]])
        assert alone.iloc[0] == together.iloc[row] or pd.isna(values.iloc[row])


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (pd.Series([0.0, 1.0, None]), [0.0, 1.0, np.nan]),
        (pd.Series([True, False, None], dtype="boolean"), [1.0, 0.0, np.nan]),
        (pd.Series(["True", "FALSE", "yes", "No", "1", "0", None, "perhaps"], dtype="str"),
         [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, np.nan, np.nan]),
    ],
)  # fmt: skip
def test_a_label_column_becomes_ones_and_noughts(values, numbers):
    np.testing.assert_array_equal(label_numbers(values).to_numpy(np.float64), numbers)


def test_dates_of_any_year_become_seconds():
    found = seconds(dates("1970-01-01", "1970-01-02T00:00:00.5", None, "0001-01-01", "9999-12-31", "1600-02-29"))
    np.testing.assert_array_equal(
        found, [0.0, 86400.5, np.nan, -719162 * 86400.0, 2932896 * 86400.0, -135081 * 86400.0]
    )
