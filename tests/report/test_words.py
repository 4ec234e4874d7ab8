"""Numbers are printed with the digits that matter, and words fit them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.measures import TABLE
from src.problem.terms import MEASURES
from src.report import words


@pytest.mark.parametrize(
    ("measure", "unit", "reference", "value", "printed"),
    [
        ("accuracy", "", [0.97, 0.63], 0.97431, "97.4%"),
        ("accuracy", "", [0.9991, 0.9987], 0.99912, "99.91%"),
        ("roc_auc", "", [0.9], 0.91234, "0.912"),
        ("mae", "1,000 USD", [2.2, 6.5], 2.249, "2.25 × 1,000 USD"),
        ("mae", "points", [43, 66], 43.456, "43.5 points"),
        ("mae", "", [0.08, 0.2], 0.0812, "0.081"),
        ("mse", "kg", [12345.0], 12345.6, "12,346 (kg)²"),
        ("r2", "kg", [0.4], -0.05, "−0.050"),
        ("mae", "kg", [1.0], math.nan, "not known"),
    ],
)
def test_values_are_printed_with_their_unit_and_sensible_digits(
    measure: str, unit: str, reference: list[float], value: float, printed: str
) -> None:
    assert words.printer(measure, unit, reference).value(value) == printed


def test_every_measure_has_a_meaning() -> None:
    assert set(words.MEANINGS) == set(TABLE) == {name for names in MEASURES.values() for name in names}


def test_differences_of_shares_are_percentage_points() -> None:
    assert words.printer("accuracy", "", [0.9]).difference(0.0123) == "1.2 percentage points"
    assert words.printer("mae", "kg", [2.0]).difference(0.0123) == "0.01 kg"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.001, "0.001"), (0.25, "0.25"), (0.00001, "1e-5"), (3e-4, "0.0003")]
)
def test_settings_read_as_a_person_types_them(value: float, text: str) -> None:
    assert words.setting(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_settings_keep_their_value(value: float) -> None:
    assert float(words.setting(value)) == pytest.approx(value, rel=1e-5)


@given(st.floats(-1e12, 1e12))
def test_numbers_keep_three_significant_digits(value: float) -> None:
    printed = float(words.number(value).replace(",", "").replace("−", "-"))
    assert printed == pytest.approx(value, rel=6e-3, abs=1e-300)


def test_counts_agree_with_their_nouns() -> None:
    assert [words.counted(n, "row") for n in (0, 1, 1234)] == ["no rows", "1 row", "1,234 rows"]


def test_long_lists_are_cut_and_counted() -> None:
    assert words.listing(["a"]) == "a"
    assert words.listing(["a", "b", "c"]) == "a, b and c"
    assert words.listing(["a", "b", "c"], most=2) == "a, b and 1 more"
    assert words.listing([]) == "none"


def test_sentences_start_large_and_end_in_a_stop() -> None:
    assert words.sentence("the end") == "The end."
    assert words.sentence("Is it?") == "Is it?"
