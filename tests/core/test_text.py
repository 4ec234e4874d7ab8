"""Counts and lists in sentences."""

from src.core.text import counted, listing


def test_counts_agree_with_their_nouns() -> None:
    assert [counted(n, "row") for n in (0, 1, 1234)] == ["no rows", "1 row", "1,234 rows"]


def test_long_lists_are_cut_and_counted() -> None:
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert listing(["a", "b", "c"], most=2) == "a, b and 1 more"
    assert listing([]) == "none"
