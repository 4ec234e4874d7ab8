"""Verdicts, the comparisons and estimates behind them, and the choices that a step made by itself."""

from typing import Literal

from pydantic import Field

from src.problem.terms import MeasureName
from src.results.result import Result

# The verdicts of `evaluate` that decide what is recommended; the first is the network's gate.
GATE, AGAINST_SHALLOW = "beats_common_sense", "beats_shallow_model"


SHALLOW_GATE = "shallow_model_still_beats_common_sense"


SEALED_TEST_VERDICT = "test_agrees_with_cross_validation"


# How the verdicts on further targets begin.
HEAD = "head_"


class Estimate(Result):
    """A value with its 95% interval (or the stated confidence)."""

    value: float
    low: float
    high: float


class Comparison(Result):
    """A model against a reference on the same held-out rows, in the measure's unit.

    `gain`: by how much the model is better, with its 95% interval; above zero is better, whatever the measure's
    direction. `at_random`: what the model's own predictions score when they are dealt out at random, where that is
    better than the reference, by the `handicap`; then the gain has to be larger than that. `where`: the folds. `note`:
    what else the sentence says.
    `p_value`: two-sided, of a gain that is no more than the handicap. `method`: of the interval and the p-value.
    """

    measure: MeasureName
    where: str
    model: str
    reference: str
    model_value: float
    reference_value: float
    gain: Estimate
    handicap: float = Field(0.0, exclude_if=lambda value: value == 0)
    at_random: float | None = Field(None, exclude_if=lambda value: value is None)
    p_value: float
    method: str
    note: str = Field("", exclude_if=lambda value: value == "")

    @property
    def outcome(self) -> Literal["better", "not sure", "worse"]:
        """What may be said of the model: a difference is sure where the interval leaves it out."""
        if self.gain.low > self.handicap:
            return "better"
        return "worse" if self.gain.high < 0 else "not sure"


class Verdict(Result):
    """A step's finding: whether it holds, and the numbers behind it as one sentence.

    `comparison`: of a verdict that says one model is better than another; it holds where that is sure.
    """

    name: str
    holds: bool
    evidence: str
    comparison: Comparison | None = Field(None, exclude_if=lambda value: value is None)


class Choice(Result):
    """What `auto` chose for a setting, and the stated rule that chose it."""

    setting: str
    chosen: str
    reason: str
