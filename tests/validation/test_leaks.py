"""The score of a single column: perfect for what tells the target, chance for what does not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.validation.leaks import FEWEST_ROWS, class_score, sampled_rows, value_score

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 3, 600)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(CLASSES.astype(float)),
        pd.Series(np.array(["a", "b", "c"])[CLASSES], dtype="str"),
        pd.Series(CLASSES + RNG.uniform(-0.3, 0.3, 600)),
        pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(CLASSES * 30 + RNG.integers(0, 10, 600), "D")),
    ],
    ids=["codes", "words", "intervals", "dates"],
)
def test_a_column_that_tells_the_class_scores_one(values: pd.Series) -> None:
    assert class_score(values, CLASSES) == 1.0


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(RNG.normal(size=600)),
        pd.Series([f"id {i}" for i in range(600)], dtype="str"),
        pd.Series([np.nan] * 600),
    ],
    ids=["noise", "identifier", "empty"],
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


@given(st.integers(1, 50_000), st.integers(0, 10))
def test_a_sample_holds_different_rows_and_is_the_same_for_the_same_seed(rows: int, seed: int) -> None:
    sample = sampled_rows(rows, seed)
    assert len(set(sample)) == len(sample) == min(rows, 20_000)
    assert (sample == sampled_rows(rows, seed)).all()
