"""The score of a single column: perfect for what tells the target, chance for what does not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from src.validation import check_table
from src.validation.leaks import FEWEST_ROWS, class_score, columns_of_sum, sampled_rows, value_score
from tests.validation.tables import settings

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 3, 600)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(CLASSES.astype(float)),
        pd.Series(np.array(["a", "b", "c"])[CLASSES], dtype="str"),
        pd.Series(CLASSES + RNG.uniform(-0.3, 0.3, 600)),
        pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(CLASSES * 30 + RNG.integers(0, 10, 600), "D")),
        pd.Series([f"{'MBZ'[c]}{i % 90:03}" for i, c in enumerate(CLASSES)], dtype="str"),
        pd.Series([f"USD {c}.{i % 50:02}" for i, c in enumerate(CLASSES)], dtype="str"),
        pd.Series([f"case {i} closed as {['yes', 'no', 'open'][c]} on day {i % 9}" for i, c in enumerate(CLASSES)]),
        pd.Series([f"case {i} is {['Late, and paid', 'paid', 'lost'][c]}" for i, c in enumerate(CLASSES)]),
    ],
    ids=[
        "codes",
        "words",
        "intervals",
        "dates",
        "letters before numbers",
        "numbers in texts",
        "labels in texts",
        "words of all but one class",
    ],
)
def test_a_column_that_tells_the_class_scores_one(values: pd.Series) -> None:
    assert class_score(values, CLASSES) == 1.0


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(RNG.normal(size=600)),
        pd.Series([f"id {i}" for i in range(600)], dtype="str"),
        pd.Series([np.nan] * 600),
        pd.Series([f"row {i} cost {n:.2f}" for i, n in enumerate(RNG.normal(size=600))]),
        pd.Series([" ".join(RNG.choice(list("abcdefgh"), 6)) for _ in range(600)]),
    ],
    ids=["noise", "identifier", "empty", "numbers in texts", "texts"],
)
def test_a_column_that_tells_nothing_scores_like_chance(values: pd.Series) -> None:
    assert class_score(values, CLASSES) == pytest.approx(1 / 3, abs=0.1)


def test_a_gap_that_tells_the_class_counts() -> None:
    classes = RNG.integers(0, 2, 600)
    assert class_score(pd.Series(np.where(classes == 1, RNG.normal(size=600), np.nan)), classes) == 1.0


def test_few_rows_give_no_score() -> None:
    few = np.arange(FEWEST_ROWS - 1) % 2
    assert class_score(pd.Series(few.astype(float)), few) == 0.0
    assert value_score(pd.Series(few.astype(float)), pd.Series(few.astype(float))) == 0.0


@given(st.integers(0, 2**31 - 1), st.sampled_from([lambda v: 3 * v - 1, np.exp, lambda v: -(v**3)]))
def test_any_monotone_copy_of_a_number_scores_one(seed: int, transform: object) -> None:
    target = pd.Series(np.random.default_rng(seed).normal(size=100))
    assert value_score(transform(target), target) == pytest.approx(1.0)  # type: ignore[operator]


@pytest.mark.parametrize("transform", [lambda v: 1 / v, np.square, np.cos])
def test_a_smooth_copy_of_a_number_that_is_not_monotone_is_found_where_it_tells_the_number(transform: object) -> None:
    target = pd.Series(np.random.default_rng(1).normal(size=2000))
    score = value_score(transform(target), target)  # type: ignore[operator]
    assert score > 0.999 if transform(-1.0) != transform(1.0) else score < 0.5  # type: ignore[operator]


GRADES = RNG.integers(0, 5, 300)
AMOUNTS = RNG.normal(1000, 300, 300).round(2)


@pytest.mark.parametrize(
    ("values", "target"),
    [
        (pd.Series(np.array(list("CAEBD"))[GRADES], dtype="str"), GRADES),
        (pd.Series(np.array([2.0, 0.0, 4.0, 1.0, 3.0])[GRADES]), GRADES),
        (pd.Series(GRADES > 2, dtype="boolean"), GRADES > 2),
        (pd.Series(np.where(GRADES > 2, "late", None), dtype="str"), GRADES > 2),
        (pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(AMOUNTS, "h")), AMOUNTS),
        (pd.Series([f"USD {amount:,.2f}" for amount in AMOUNTS]), AMOUNTS),
        (pd.Series([f"order {i}: {amount} paid" for i, amount in enumerate(AMOUNTS)]), AMOUNTS),
    ],
    ids=["categories", "codes", "booleans", "gaps", "dates", "first number", "last number"],
)
def test_a_column_that_tells_the_value_scores_one(values: pd.Series, target: np.ndarray) -> None:
    assert value_score(values, pd.Series(target, dtype="float64")) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(RNG.choice(list("abc"), 300)),
        pd.Series(RNG.integers(0, 2, 300) == 1, dtype="boolean"),
        pd.Series([f"id {i}" for i in range(300)]),
        pd.Series([None] * 300, dtype="str"),
    ],
    ids=["categories", "booleans", "identifier", "empty"],
)
def test_a_column_that_tells_nothing_of_the_value_scores_low(values: pd.Series) -> None:
    assert value_score(values, pd.Series(AMOUNTS)) < 0.3


@given(st.integers(1, 50_000), st.integers(0, 10))
def test_a_sample_holds_different_rows_and_is_the_same_for_the_same_seed(rows: int, seed: int) -> None:
    sample = sampled_rows(rows, seed)
    assert len(set(sample)) == len(sample) == min(rows, 20_000)
    assert (sample == sampled_rows(rows, seed)).all()


def test_the_scores_of_a_table_are_computed_once_for_both_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[pd.Series] = []
    monkeypatch.setattr("src.validation.checks.class_score", lambda values, classes: calls.append(values) or 0.99)
    grades = pd.Series(np.array(["low", "mid", "high"])[CLASSES], dtype="str")
    frame = pd.DataFrame({"a": CLASSES * 2.0, "b": CLASSES * 3.0, "grade": grades})
    findings = check_table(frame, settings("multiclass"), Path("nowhere.json")).findings
    assert [found.column for found in findings if found.check == "target_nearly_given_away"] == ["a", "b"]
    assert len(calls) == 2


@given(seed=st.integers(0, 99), columns=st.integers(3, 8), parts=st.integers(2, 3))
@settings_of_hypothesis(max_examples=30, deadline=None)
def test_columns_that_add_up_to_the_target_are_found_and_no_others(seed: int, columns: int, parts: int) -> None:
    rng = np.random.default_rng(seed)
    numbers_ND = rng.normal(size=(200, columns)) * 10.0 ** rng.integers(-3, 4, columns)
    summed = sorted(int(place) for place in rng.choice(columns, parts, replace=False))
    target_N = (numbers_ND[:, summed] / numbers_ND[:, summed].std(axis=0)) @ rng.uniform(1, 3, parts) + 7
    assert columns_of_sum(numbers_ND, target_N) == summed


def test_what_is_nearly_a_sum_is_none() -> None:
    numbers_ND = RNG.normal(size=(200, 3))
    target_N = numbers_ND.sum(axis=1)
    assert columns_of_sum(numbers_ND, target_N + RNG.normal(size=200) * 0.02) == []
    assert columns_of_sum(numbers_ND[:8], target_N[:8]) == []
    gaps_ND = np.where(np.arange(200)[:, None] % 3 == 0, np.nan, numbers_ND)
    assert columns_of_sum(gaps_ND, target_N) == [0, 1, 2]
