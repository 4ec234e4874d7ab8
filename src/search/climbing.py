"""The rule of the capacity ladder: how far to climb, and which rung to choose.

Book: "Scaling up: developing a model that overfits".
"""

import math
from collections.abc import Sequence

from src.models.measures.measure import Measure
from src.results.networks import Rung

# The training measure has saturated when it is within the first share of the way from common sense to perfect, or when
# a rung gains less than the second share of that way on the rung before. Of a measure without a best value the way is
# the one that has been made.
SATURATED, STALLED = 0.05, 0.02
# A measure is perfect within this share of that way.
PERFECT = 0.001
# Rungs that are always climbed, and trained together, so that the search has capacities to choose from.
FEWEST_RUNGS = 3


def saturated(training: float, before: float | None, common_sense: float, measure: Measure) -> bool:
    """Whether more capacity would hardly improve the training measure; `before`: that of the rung below."""
    perfect = measure.highest if measure.direction == "maximize" else measure.lowest
    way = abs((perfect if math.isfinite(perfect) else training) - common_sense) or 1.0
    if abs(perfect - training) <= SATURATED * way:
        return True
    return before is not None and measure.gain(training, before) < STALLED * way


def is_perfect(value: float, common_sense: float, measure: Measure) -> bool:
    """Whether a measure leaves nothing to gain, whatever the network."""
    perfect = measure.highest if measure.direction == "maximize" else measure.lowest
    return math.isfinite(perfect) and abs(perfect - value) <= PERFECT * abs(perfect - common_sense)


def crosses(rung: Rung) -> bool:
    """Whether a rung proves overfitting: it overfits, and is ahead of common sense at its turning point."""
    return rung.overfits and rung.beats_baseline


def is_enough(rung: Rung) -> bool:
    """Whether the climb ends on this rung: it proves overfitting, and more capacity would hardly help."""
    return crosses(rung) and rung.saturated


def choose(rungs: Sequence[Rung], measure: Measure) -> int:
    """The largest rung that proves overfitting; where none does, the one with the best validation measure."""
    proved = [place for place, rung in enumerate(rungs) if crosses(rung)]
    best = max(range(len(rungs)), key=lambda place: measure.gain(rungs[place].best_validation, 0.0))
    return proved[-1] if proved else best
