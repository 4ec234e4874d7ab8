"""Numbers are printed with the digits that matter, and words fit them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.report import words


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


def test_sentences_start_large_and_end_in_a_stop() -> None:
    assert words.sentence("the end") == "The end."
    assert words.sentence("Is it?") == "Is it?"
