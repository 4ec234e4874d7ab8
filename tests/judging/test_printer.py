"""Values are printed with the digits that their intervals deserve, and no sentence says more than its interval."""

import math
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from src.judging.printer import Printer, fixed, printer
from src.models.measures import TABLE
from src.results.verdicts import Comparison, Estimate

FINITE = st.floats(1e-6, 1e6)


def around(value: float, half: float) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half)


@pytest.mark.parametrize(
    ("measure", "unit", "compared", "half", "printed"),
    [
        ("accuracy", "", [0.97431, 0.63], 0.018, "97.4%"),
        ("accuracy", "", [0.97431, 0.63], 0.15, "97.4%"),
        ("accuracy", "", [0.97431, 0.63], 0.0015, "97.43%"),
        ("roc_auc", "", [0.91234], 0.02, "0.912"),
        ("roc_auc", "", [0.91234], 0.0003, "0.9123"),
        ("mae", "1,000 USD", [2.249, 6.5], 0.3, "2.25 × 1,000 USD"),
        ("mae", "points", [43.456, 66.0], 4.0, "43.5 points"),
        ("mae", "USD", [51_234.0, 66_000.0], 4_000.0, "51,200 USD"),
        ("mae", "USD", [51_234.0, 66_000.0], 40.0, "51,230 USD"),
        ("mae", "", [13.6, 27.4], 35.0, "13.6"),
        ("mse", "kg", [12345.6], 700.0, "12,300 (kg)²"),
        ("r2", "kg", [-0.0504], 0.02, "−0.050"),
        ("mae", "kg", [math.nan], 0.1, "not known"),
    ],
)
def test_values_have_the_usual_digits_or_more_that_the_interval_deserves(measure, unit, compared, half, printed):
    assert printer(measure, unit, compared, [around(compared[0], half)]).value(compared[0]) == printed


@pytest.mark.parametrize(
    ("measure", "value", "printed"),
    [("accuracy", 0.97431, "97.4%"), ("roc_auc", 0.91234, "0.912"), ("mae", 43.456, "43.5"), ("mae", 0.0812, "0.0812")],
)
def test_without_an_interval_there_are_usual_digits(measure, value, printed):
    assert printer(measure, "", [value]).bare(value) == printed


@given(value=FINITE, share=st.floats(1e-4, 0.5))
def test_the_last_digit_is_worth_at_most_half_of_the_half_width_and_more_digits_than_usual_at_least_a_twentieth(
    value, share
):
    half = value * share
    decimals = printer("mae", "", [value], [around(value, half)]).decimals
    assert 10.0**-decimals <= half / 2 * (1 + 1e-9) or decimals == printer("mae", "", [value]).decimals
    assert 10.0**-decimals > half / 20 * (1 - 1e-9) or decimals == printer("mae", "", [value]).decimals


@example(value=1000.0, low=0.01, width=0.0)
@given(value=FINITE, low=FINITE, width=FINITE)
def test_values_whose_difference_is_sure_are_printed_apart(value, low, width):
    gain = Estimate(value=low + width / 2, low=low, high=low + width)
    found = printer("mae", "", [value, value + gain.value], [gain])
    assert found.bare(value) != found.bare(value + gain.value)


def compared(gain: Estimate, measure: str = "accuracy", value: float = 0.9, **more) -> Comparison:
    reference = value - gain.value if TABLE[measure].direction == "maximize" else value + gain.value
    return Comparison(
        measure=measure,
        where="the evaluation folds",
        model="network",
        reference="shallow model",
        model_value=value,
        reference_value=reference,
        gain=gain,
        p_value=0.2,
        method="a test",
        **more,
    )


@given(
    low=st.floats(-0.2, 0.2), width=st.floats(1e-4, 0.3), place=st.floats(0, 1), measure=st.sampled_from(sorted(TABLE))
)
def test_the_words_and_the_printed_ends_of_a_gain_say_on_which_side_of_zero_its_interval_lies(
    low, width, place, measure
):
    gain = Estimate(value=low + place * width, low=low, high=low + width)
    text = printer(measure, "", [0.9, 0.8], [around(0.9, 0.05)]).evidence(compared(gain, measure))
    shown = re.search(r"95% interval (\S+) to (\S+)\)", text)
    assert shown is not None
    printed_low, printed_high = (float(end.replace("−", "-")) for end in shown.groups())
    words = {"surely better": low > 0, "surely worse": low + width < 0, "no sure difference": low <= 0 <= low + width}
    assert {name for name in words if name in text} == {name for name, holds in words.items() if holds}
    for end, printed in ((low, printed_low), (low + width, printed_high)):
        assert abs(end) <= 1e-12 or (math.copysign(1, printed) == math.copysign(1, end) and printed != 0)


@given(model=st.floats(0.1, 1), reference=st.floats(0.1, 1), half=st.floats(1e-3, 0.2))
def test_a_gain_is_the_difference_of_the_two_values_as_they_are_printed_or_has_another_digit(model, reference, half):
    found = printer("roc_auc", "", [model, reference], [around(model - reference, half)])
    said = found.gain(around(model - reference, half), model, reference).split()[0]
    values = [float(found.bare(value)) for value in (model, reference)]
    digits = len(said.partition(".")[2])
    assert digits > found.decimals or float(said.replace("−", "-")) == pytest.approx(values[0] - values[1])


def test_a_gain_that_chance_may_bring_is_not_called_sure():
    of = compared(around(0.05, 0.02), handicap=0.04, at_random=0.89)
    text = printer("accuracy", "", [0.9], [around(0.9, 0.02)]).evidence(of)
    assert "network 90.0% (the same predictions in random order: 89.0%)" in text
    assert "not surely more than in random order" in text
    assert text.endswith("against the random order")


@pytest.mark.parametrize(("gain", "outcome"), [(0.05, "better on these folds"), (-0.05, "surely worse")])
def test_no_gain_is_called_sure_on_the_folds_that_chose_the_model(gain: float, outcome: str):
    found = compared(around(gain, 0.02), chosen_here=True)
    text = printer("accuracy", "", [0.9], [around(0.9, 0.02)]).evidence(found)
    assert f", {outcome}; " in text
    assert text.endswith("; the model was chosen on these folds, so the gain is on the optimistic side")
    assert "surely better" not in text


def test_the_gain_and_its_interval_have_the_same_digits():
    text = printer("mae", "F", [1e-9], [around(1e-9, 1e-10)]).gain(around(1e-11, 7e-10), 1e-9, 0.99e-9)
    assert text == "0.00000000001 F (95% interval −0.00000000069 to 0.00000000071)"


def test_tiny_numbers_have_an_exponent_and_their_digits():
    found = printer("mae", "F", [1.234e-15], [around(1.234e-15, 1e-16)])
    assert found.bare(1.234e-15) == "1.23e−15"
    assert found.gain(around(2.5e-17, 1e-16), 1.2e-15, 1.175e-15) == "2.5e−17 F (95% interval −7.5e−17 to 1.25e−16)"


def test_differences_of_shares_are_percentage_points_and_never_rounded_to_nothing():
    assert Printer("accuracy", "", 1).difference(0.0123) == "1.2 percentage points"
    assert Printer("accuracy", "", 1).difference(0.000123) == "0.01 percentage points"
    assert Printer("mae", "kg", 2).difference(0.0123) == "0.01 kg"


@given(st.floats(-1e9, 1e9), st.integers(-3, 6))
def test_numbers_keep_their_decimals_and_zero_has_no_sign(value, decimals):
    text = fixed(value, decimals)
    assert float(text.replace(",", "").replace("−", "-")) == pytest.approx(round(value, decimals))
    assert text.strip("−0.,") or "−" not in text


def test_a_small_error_beside_a_large_one_is_not_printed_as_zero():
    found = printer("mae", "", [78.1], [around(78.1, 12)])
    assert (found.bare(78.118), found.bare(0.0217), found.bare(0.0)) == ("78.1", "0.02", "0.0")
