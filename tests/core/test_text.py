"""Counts and lists in sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.core.text import counted, listing, shares


def test_counts_agree_with_their_nouns() -> None:
    assert [counted(n, "row") for n in (0, 1, 1234)] == ["no rows", "1 row", "1,234 rows"]


def test_long_lists_are_cut_and_counted() -> None:
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert listing(["a", "b", "c"], most=2) == "a, b and 1 more"
    assert listing([]) == "none"


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=30))
def test_shares_add_up_and_are_off_by_less_than_a_tenth(counts: list[int]):
    printed = [float(share.rstrip("%")) for share in shares(counts)]
    assert sum(printed) == pytest.approx(100.0 if sum(counts) else 0.0)
    for part, share in zip(counts, printed, strict=True):
        assert share == pytest.approx(100 * part / max(sum(counts), 1), abs=0.1)


def test_three_equal_shares_add_up():
    assert shares([7, 7, 7]) == ["33.4%", "33.3%", "33.3%"]
