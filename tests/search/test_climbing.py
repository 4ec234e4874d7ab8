"""The rule of the ladder, and that the report tells the one that is followed."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.judging.printer import printer_of
from src.models.measures import TABLE
from src.report.sections.ladder import rule, rungs_table
from src.results.networks import Overfit, Rung
from src.search.climbing import choose, is_perfect, saturated

# Its best value is nowhere: the way is the one from common sense so far.
WITHOUT_END = replace(TABLE["r2"], highest=math.inf)
ACCURACY, MAE = TABLE["accuracy"], TABLE["mae"]
NAMES = ["4", "8", "16-16", "32-32"]


def rung(place: int, overfits: bool, ahead: bool, is_saturated: bool, best: float = 0.9) -> Rung:
    return Rung(
        network={"architecture": "mlp", "units": [int(units) for units in NAMES[place].split("-")], "dropout": 0.0},
        parameters=10 * 2**place,
        turning_epoch=7,
        best_validation=best,
        final_validation=0.85,
        final_training=0.95,
        overfits=overfits,
        beats_baseline=ahead,
        saturated=is_saturated,
    )


@pytest.mark.parametrize(
    ("measure", "training", "before", "expected"),
    [
        (WITHOUT_END, 0.99, None, False),
        (WITHOUT_END, 5.0, 4.0, False),
        (WITHOUT_END, 5.0, 4.99, True),
        (ACCURACY, 0.99, None, True),  # nearly perfect
        (ACCURACY, 0.90, None, False),
        (ACCURACY, 0.90, 0.80, False),
        (ACCURACY, 0.90, 0.895, True),  # hardly above the rung before
        (MAE, 0.01, None, True),
        (MAE, 0.3, 0.4, False),
        (MAE, 0.3, 0.301, True),
    ],
)
def test_training_has_saturated_near_the_perfect_value_or_where_more_capacity_adds_nothing(
    measure, training, before, expected
):
    assert saturated(training, before, 0.6, measure) == expected


def test_the_largest_rung_that_overfits_and_is_ahead_is_chosen():
    rungs = [rung(0, True, True, False), rung(1, True, True, False), rung(2, False, True, False)]
    assert choose(rungs, ACCURACY) == 1
    assert choose([*rungs, rung(3, True, False, True)], ACCURACY) == 1


def test_the_best_rung_is_chosen_where_none_overfits():
    rungs = [rung(place, False, True, True, best) for place, best in enumerate((0.8, 0.9, 0.7))]
    assert (choose(rungs, ACCURACY), choose(rungs, MAE)) == (1, 2)


FLAGS = st.tuples(st.booleans(), st.booleans(), st.booleans())


@given(st.lists(FLAGS, min_size=1, max_size=4))
def test_the_report_tells_the_rule_that_chose(flags):
    """What the text says of the chosen rung and of the last one is what the table's columns say of them."""
    rungs = [rung(place, *of) for place, of in enumerate(flags)]
    found = Overfit(measure="accuracy", direction="maximize", rungs=rungs, chosen=choose(rungs, ACCURACY), verdicts=[])
    table, text = rungs_table(found, printer_of(found)), rule(rungs, found.chosen)
    columns = {name: [row[place] for row in table.rows] for place, name in enumerate(table.header)}
    overfits, ahead, is_saturated = (
        [value == "yes" for value in columns[name]]
        for name in ("Overfits", "Ahead of common sense", "Training saturated")
    )
    [chosen] = table.marked
    proved = [place for place in range(len(rungs)) if overfits[place] and ahead[place]]
    name, last = (columns["Hidden units"][place] for place in (chosen, -1))
    if proved:
        assert chosen == proved[-1]
        assert "The largest rung that overfits and is ahead of common sense is chosen" in text
        assert f": {name}. The search" in text
    else:
        assert f"so {name} is chosen, whose validation measure" in text
    assert (f"It ended on {last}, where all three hold." in text) == (overfits[-1] and ahead[-1] and is_saturated[-1])


@pytest.mark.parametrize(
    ("name", "value", "common_sense", "perfect"),
    [
        ("accuracy", 1.0, 0.6, True),
        ("accuracy", 0.99, 0.6, False),
        ("mae", 0.01, 78.1, True),
        ("mae", 2.7, 78.1, False),
    ],
)
def test_a_perfect_measure_leaves_nothing_to_gain(name: str, value: float, common_sense: float, perfect: bool):
    assert is_perfect(value, common_sense, TABLE[name]) == perfect
