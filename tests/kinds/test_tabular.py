"""Columns become small finite numbers, by statistics of the rows given and of no others."""

import math
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from src.kinds.tabular.vectorizer import CLIP, LARGEST, MAX_CATEGORIES, Numbers, TabularVectorizer
from src.preparation.targets import TargetScaler
from src.tables.table import Feature

FEATURES = [
    Feature(name="number", type="numeric"),
    Feature(name="text", type="categorical"),
    Feature(name="truth", type="boolean"),
    Feature(name="date", type="date"),
]
TYPES = {"number": "float64", "text": "str", "truth": "boolean", "date": "datetime64[us]"}
ROW = st.fixed_dictionaries(
    {
        "number": st.one_of(st.none(), st.floats(), st.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324])),
        "text": st.one_of(st.none(), st.sampled_from(["a", "b", "c", ""]), st.text(max_size=2)),
        "truth": st.one_of(st.none(), st.booleans()),
        "date": st.one_of(st.none(), st.datetimes()),
    }
)
ROWS = st.lists(ROW, min_size=1, max_size=25)


def table(rows: list[dict]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(TYPES)).astype(TYPES)


def one(kind: str, values: list | np.ndarray, dtype: str) -> tuple[TabularVectorizer, np.ndarray]:
    """The vectorizer of a single column and what it makes of it."""
    frame = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
    vectorizer = TabularVectorizer.fit(frame, [Feature(name="x", type=kind)])
    return vectorizer, vectorizer.transform(frame)


def later(vectorizer: TabularVectorizer, values: list, dtype: str) -> list:
    return vectorizer.transform(pd.DataFrame({"x": pd.Series(values, dtype=dtype)})).tolist()


@given(learnt=ROWS, scored=ROWS)
@settings(max_examples=120, deadline=None)
def test_whatever_comes_later_the_inputs_are_finite_small_and_as_many(learnt, scored):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectorizer = TabularVectorizer.fit(table(learnt), FEATURES)
        for rows in (learnt, scored):
            x_ND = vectorizer.transform(table(rows))
            assert x_ND.dtype == np.float32
            assert np.isfinite(x_ND).all()
            assert np.abs(x_ND).max() <= CLIP
            assert x_ND.shape == (len(rows), vectorizer.transform(table(learnt)).shape[1])


@given(learnt=ROWS, scored=ROWS, index=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_statistics_come_from_the_rows_given_not_from_their_index_nor_from_rows_scored_later(learnt, scored, index):
    alone = TabularVectorizer.fit(table(learnt), FEATURES)
    both = table(learnt + scored).set_index(np.arange(len(learnt) + len(scored)) + index)
    assert TabularVectorizer.fit(both.iloc[: len(learnt)], FEATURES) == alone
    together = alone.transform(both)
    np.testing.assert_array_equal(together[len(learnt) :], alone.transform(table(scored)))


@given(learnt=ROWS, scored=ROWS)
@settings(max_examples=60, deadline=None)
def test_json_gives_the_vectorizer_back_to_the_last_bit(learnt, scored):
    vectorizer = TabularVectorizer.fit(table(learnt), FEATURES)
    again = TabularVectorizer.model_validate_json(vectorizer.model_dump_json())
    assert again == vectorizer
    assert again.transform(table(scored)).tobytes() == vectorizer.transform(table(scored)).tobytes()


def test_numbers_are_standardized():
    values = np.random.default_rng(0).normal(50, 4, 200)
    _, x_ND = one("numeric", values, "float64")
    np.testing.assert_allclose(x_ND[:, 0], (values - values.mean()) / values.std(), rtol=1e-5, atol=1e-6)


def test_with_few_rows_a_number_is_one_input_and_with_many_it_has_bins_as_well():
    values = np.random.default_rng(0).lognormal(size=4000)
    assert [one("numeric", values[:rows], "float64")[1].shape[1] for rows in (20, 1999, 2000, 4000)] == [1, 1, 5, 9]


def test_a_bin_goes_from_0_to_1_while_the_value_crosses_it():
    values = np.random.default_rng(0).lognormal(size=2000)
    vectorizer, x_ND = one("numeric", values, "float64")
    edges = vectorizer.columns[0].edges
    assert (edges[0], edges[-1]) == (values.min(), values.max())
    crossed = sum((high - low) * x_ND[:, 1 + k] for k, (low, high) in enumerate(pairwise(edges)))
    np.testing.assert_allclose(edges[0] + crossed, values, rtol=1e-5)
    inside = ((x_ND[:, 1:] > 0) & (x_ND[:, 1:] < 1)).sum(axis=0)
    assert inside.min() > 490
    assert later(vectorizer, [-1e9, 1e9], "float64")[0][1:] == [0, 0, 0, 0]
    assert later(vectorizer, [-1e9, 1e9], "float64")[1][1:] == [1, 1, 1, 1]


def test_a_column_that_is_mostly_one_value_has_its_bins_where_the_others_are():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(20_000) < 0.95, 0.0, rng.lognormal(8, 1, 20_000))
    edges = np.array(one("numeric", values, "float64")[0].columns[0].edges)
    assert edges[0] == 0
    others = values[values > 0]
    assert np.histogram(others, edges[1:])[0].max() < 1.2 * len(others) / 40


def test_no_more_bins_than_many_columns_can_bear_and_none_for_two_values():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(2000, 126)))
    for columns, inputs in ((125, 125 * 5), (126, 126)):
        part = frame.iloc[:, :columns].rename(columns=str)
        features = [Feature(name=name, type="numeric") for name in part.columns]
        assert TabularVectorizer.fit(part, features).transform(part[:3]).shape == (3, inputs)
    assert one("boolean", [True, False] * 1000, "boolean")[1].shape == (2000, 1)
    assert one("numeric", [3.0, 7.0] * 1000, "float64")[1].shape == (2000, 1)


@given(
    learnt=st.lists(st.one_of(st.floats(), st.sampled_from([0.0, 5e-324, 1e308])), min_size=1, max_size=25),
    scored=st.lists(st.floats(), max_size=10),
)
@example(learnt=[0.0, 5e-159], scored=[4e149])
@settings(max_examples=60, deadline=None)
def test_bins_make_finite_small_inputs_of_whatever_comes(learnt, scored):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        column = Numbers.fit("x", np.clip(np.where(np.isinf(learnt), np.nan, learnt), -LARGEST, LARGEST), bins=4)
        x_ND = np.column_stack(column.transform(np.clip(np.array(scored), -LARGEST, LARGEST)))
    assert np.isfinite(x_ND).all()
    assert np.abs(x_ND).max(initial=0) <= CLIP
    assert Numbers.model_validate_json(column.model_dump_json()) == column


def test_a_gap_takes_the_median_and_a_flag():
    vectorizer, x_ND = one("numeric", [1.0, 2.0, None, 30.0, math.inf], "float64")
    filled = np.array([1, 2, 2, 30, 2])
    np.testing.assert_allclose(x_ND[:, 0], (filled - filled.mean()) / filled.std(), rtol=1e-6)
    assert x_ND[:, 1].tolist() == [0, 0, 1, 0, 1]
    assert later(vectorizer, [None], "float64") == [[x_ND[2, 0], 1.0]]


def test_a_gap_where_training_rows_had_none_takes_the_median_without_a_flag():
    vectorizer, x_ND = one("numeric", [1.0, 2.0, 6.0], "float64")
    assert later(vectorizer, [None, 2.0], "float64") == [[x_ND[1, 0]], [x_ND[1, 0]]]


@pytest.mark.parametrize("value", [0.0, 0.1, 1e10, -7e-200])
def test_a_column_that_never_varied_says_nothing_whatever_comes_later(value):
    vectorizer, x_ND = one("numeric", [value] * 7, "float64")
    assert x_ND.tolist() == [[0.0]] * 7
    assert later(vectorizer, [value + 1, 1e300, None], "float64") == [[0.0]] * 3


def test_numbers_that_differ_by_little_of_their_size_still_tell_rows_apart():
    _, x_ND = one("numeric", [1.7e9, 1.7e9 + 1], "float64")
    assert x_ND[:, 0].tolist() == [-1.0, 1.0]


def test_a_column_of_gaps_is_only_a_flag():
    vectorizer, x_ND = one("numeric", [None, None], "float64")
    assert x_ND.tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert later(vectorizer, [3.0], "float64") == [[0.0, 0.0]]


def test_an_odd_value_is_clipped():
    vectorizer, _ = one("numeric", list(range(10)), "float64")
    assert later(vectorizer, [1e300, -1e300], "float64") == [[CLIP], [-CLIP]]


def test_truths_are_numbers():
    _, x_ND = one("boolean", [True, False, None, True], "boolean")
    assert x_ND[0, 0] == x_ND[3, 0] > 0 > x_ND[1, 0]
    assert x_ND[:, 1].tolist() == [0, 0, 1, 0]


def test_categories_are_one_hot_and_rare_unseen_and_missing_ones_share_the_last_column():
    vectorizer, x_ND = one("categorical", ["b"] * 3 + ["a"] * 4 + ["rare", None], "str")
    assert x_ND.shape[1] == 3
    assert x_ND[0].tolist() == [0, 1, 0]
    assert x_ND[3].tolist() == [1, 0, 0]
    assert x_ND[7:].tolist() == [[0, 0, 1]] * 2
    assert later(vectorizer, ["never", None, "rare", "a"], "str") == [[0, 0, 1]] * 3 + [[1, 0, 0]]


def test_missing_is_a_category_of_its_own_where_training_rows_had_it_often():
    vectorizer, x_ND = one("categorical", [None] * 3 + ["a"] * 3, "str")
    assert x_ND.shape[1] == 3
    assert later(vectorizer, [None], "str") == [x_ND[0].tolist()]
    assert x_ND[0].tolist() != later(vectorizer, ["never"], "str")[0]


def test_of_many_categories_the_most_frequent_have_a_column():
    values = [f"c{i:03d}" for i in range(MAX_CATEGORIES + 50) for _ in range(3 + (i >= 50))]
    vectorizer, x_ND = one("categorical", values, "str")
    assert x_ND.shape[1] == MAX_CATEGORIES + 1
    assert vectorizer.columns[0].categories == [f"c{i:03d}" for i in range(50, MAX_CATEGORIES + 50)]


def test_the_categories_do_not_depend_on_the_order_of_the_rows():
    values = list("aaabbbcccdddx")
    one_way, _ = one("categorical", values, "str")
    other_way, _ = one("categorical", values[::-1], "str")
    assert one_way == other_way


def test_dates_tell_the_day_and_the_places_in_the_cycles_that_vary():
    midnights = pd.date_range("2021-01-01", periods=400, freq="D").to_numpy()
    vectorizer, _ = one("date", midnights, "datetime64[us]")
    names = [part.name for part in vectorizer.columns[0].parts]
    assert names == ["days", "year_sine", "year_cosine", "week_sine", "week_cosine"]
    hours = pd.date_range("2021-01-01", periods=400, freq="h").to_numpy()
    vectorizer, _ = one("date", hours, "datetime64[us]")
    assert {"day_sine", "day_cosine"} <= {part.name for part in vectorizer.columns[0].parts}


def test_noon_and_midnight_differ_in_the_cycle_of_the_day_whose_spread_is_exactly_one():
    values = np.array(["2021-01-01T00:00", "2021-01-01T12:00"] * 4, dtype="datetime64[us]")
    vectorizer, x_ND = one("date", values, "datetime64[us]")
    assert [part.name for part in vectorizer.columns[0].parts] == ["days", "day_cosine"]
    assert x_ND[:2, 1].tolist() == [1.0, -1.0]


def test_a_missing_date_has_one_flag():
    _, x_ND = one("date", np.array(["2021-01-01", "2021-05-09", "NaT"], dtype="datetime64[us]"), "datetime64[us]")
    flags = [column for column in x_ND.T.tolist() if column == [0.0, 0.0, 1.0]]
    assert len(flags) == 1


def test_dates_of_any_year_are_welcome():
    values = np.array(["0001-01-01", "1600-01-01", "9999-12-31"], dtype="datetime64[us]")
    _, x_ND = one("date", values, "datetime64[us]")
    assert (np.diff(x_ND[:, 0]) > 0).all()


@given(
    columns=st.lists(
        st.lists(st.floats(-1e6, 1e6).map(lambda v: round(v, 3)), min_size=4, max_size=4), min_size=1, max_size=4
    )
)
@settings(max_examples=80, deadline=None)
def test_targets_are_standardized_and_restored_also_where_a_column_is_constant(columns):
    y_NT = np.array(columns).T
    scaler = TargetScaler.fit(y_NT)
    scaled_NT = scaler.transform(y_NT)
    np.testing.assert_allclose(scaler.restore(scaled_NT), y_NT, rtol=1e-9, atol=1e-6)
    for t in range(y_NT.shape[1]):
        spread = 0.0 if np.ptp(y_NT[:, t]) == 0 else 1.0
        assert scaled_NT[:, t].std() == pytest.approx(spread, abs=1e-6)
    assert TargetScaler.model_validate_json(scaler.model_dump_json()) == scaler


def test_a_constant_target_is_not_blown_up_by_rounding_errors():
    scaler = TargetScaler.fit(np.full((10, 1), 0.1))
    assert scaler.scale == [1.0]
