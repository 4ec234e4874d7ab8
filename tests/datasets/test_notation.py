"""Numbers as people write them come back as the values that they were written from."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.datasets.notation import as_settings, plain_spelling, recognized, settings_of
from src.problem.sources import Decimal, Notation, Reading, Thousands


def column(values: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def written(value: float, notation: Notation, places: int, before: bool) -> str:
    """A number as a person writes it, with so many decimals."""
    text = f"{abs(value):,.{places}f}" if notation.thousands else f"{abs(value):.{places}f}"
    text = text.replace(",", "_").replace(".", notation.decimal).replace("_", notation.thousands or "")
    if notation.unit:
        text = f"{notation.unit}{text}" if before else f"{text} {notation.unit}"
    return f"-{text}" if value < 0 else text


MARKS: list[tuple[Decimal, Thousands | None]] = [
    (".", None), (".", ","), (",", None), (",", "."), (".", " "), (",", " "), (".", "'"),
]  # fmt: skip


@pytest.mark.parametrize(("decimal", "thousands"), MARKS)
@given(
    values=st.lists(st.integers(-(10**9), 10**9), min_size=5, max_size=40, unique=True),
    unit=st.sampled_from(["", "$", "€", "CHF", "kg", "%", "km/h"]),
    places=st.sampled_from([1, 2]),
)
@settings(max_examples=25, deadline=None)
def test_a_column_in_any_notation_comes_back_as_its_values(decimal, thousands, values, unit, places):
    notation = Notation(decimal, thousands, unit)
    numbers = [value / 10**places for value in values]
    texts = column([written(number, notation, places, before=unit in ("$", "€", "CHF")) for number in numbers])
    guess = recognized(texts)
    assert guess is not None
    assert plain_spelling(texts, guess).cast(pa.float64()).to_pylist() == numbers
    assert guess.unit == unit


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1,234", "56,789", "12,000"], Notation(thousands=",")),
        (["1,234", "0,5", "12,25"], Notation(",")),
        (["1.234.567,8", "2.000"], Notation(",", ".")),
        (["12,34,567.00", "1,00,000"], Notation(thousands=",")),
        (["1\u202f234,5", "7\u00a0000,0"], Notation(",", " ")),
        (["\u22125,5", "3,25", "2,0"], Notation(",")),
        (["$-5.00", "-$6.50", "$7"], Notation(unit="$")),
        (["45.3%", "1 %", "20%"], Notation(unit="%")),
        (["P001", "P002", "P003"], None),
        (["#1", "#2"], None),
        (["5 kg", "300 g"], None),
        (["red", "green"], None),
        (["2026-11-21", "2026-11-22"], None),
        (["12:30", "13:45"], None),
        (["1.2.3", "1.10.0"], None),
        (["+49 170 1234", "+49 30 999"], None),
        ([], None),
    ],
)
def test_a_notation_is_recognized_by_the_whole_column(values, expected):
    assert recognized(column(values)) == expected


def test_texts_that_are_no_numbers_in_the_notation_stay_as_they_are():
    texts = column(["1.234,5", "n/a", "A-7", "1,2,3"])
    assert plain_spelling(texts, Notation(",", ".")).to_pylist() == ["1234.5", "n/a", "A-7", "1,2,3"]


def test_the_settings_of_columns_name_only_what_differs_from_the_file():
    notations = {"price": Notation(",", ".", "€"), "mass": Notation(","), "rate": Notation(",", None, "%")}
    options = settings_of(notations)
    assert options == {
        "decimal": ",",
        "thousands": ".",
        "numbers": {"price": {"unit": "€"}, "rate": {"unit": "%"}},
    }
    reading = Reading.model_validate(options)
    assert reading.notation("price") == notations["price"]
    assert reading.notation("other") == Notation(",", ".")


def test_the_way_out_is_what_the_problem_file_takes():
    assert as_settings(Notation(","), "mass") == 'decimal: ","'
    assert as_settings(Notation(".", ",", "$"), "price") == 'numbers: {price: {thousands: ",", unit: "$"}}'


def test_one_mark_cannot_mean_both():
    with pytest.raises(ValueError, match="change one"):
        Reading.model_validate({"decimal": ",", "thousands": ","})
    with pytest.raises(ValueError, match=r"numbers\.price"):
        Reading.model_validate({"decimal": ",", "numbers": {"price": {"thousands": ","}}})


def test_the_ending_of_a_file_is_no_unit() -> None:
    assert recognized(pa.chunked_array([[f"{i}.jpg" for i in range(9)]])) is None
