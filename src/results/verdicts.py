"""Verdicts, the comparisons and estimates behind them, and automatic choices."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from src.problem.terms import MeasureName
from src.results.result import Result

# The verdicts of `evaluate` that decide what is recommended; the first is the gate.
GATE, AGAINST_SHALLOW = "beats_common_sense", "beats_shallow_model"
SHALLOW_GATE = "shallow_model_still_beats_common_sense"
# Of models that draw rows, these decide, too.
NEW_ROWS, SHALLOW_NEW_ROWS = "new_rows", "shallow_model_new_rows"
SEALED_TEST_VERDICT = "test_agrees_with_cross_validation"
# The prefix of verdicts on further targets.
HEAD = "head_"
# Verdicts without which no score says anything about new rows. All other verdicts compare models, as the recommendation
# does, or describe the way to them.
FOUNDATIONS = {"data_fit_to_learn_from": "the data are not fit to learn from"}


class Estimate(Result):
    """A value with its interval, of 95% unless another confidence is stated."""

    value: float
    low: float
    high: float


class Comparison(Result):
    """A model against a reference on the same held-out rows, in the measure's unit.

    where: the folds. gain: how much better the model is, with its 95% interval; above zero is better, whatever the
    measure's direction. at_random: the score of the model's own predictions in random order, where it is better than
    the reference; handicap: by how much, which the gain has to exceed. p_value: two-sided, of a gain between zero and
    the handicap. method: of the interval and the p-value. chosen_here: the model was chosen by its scores on these very
    folds, so the gain is on the optimistic side. note: the end of the sentence.
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
    chosen_here: bool = Field(False, exclude_if=lambda chosen: not chosen)
    note: str = Field("", exclude_if=lambda value: value == "")

    @property
    def outcome(self) -> Literal["better", "not sure", "worse"]:
        """What may be claimed of the model: a difference is sure where the interval excludes zero (or the handicap)."""
        if self.gain.low > self.handicap:
            return "better"
        return "worse" if self.gain.high < 0 else "not sure"


class Verdict(Result):
    """A step's finding: whether it holds, and the numbers behind it in one sentence.

    comparison: where the verdict claims that one model is better than another; it holds where that is sure.
    """

    name: str
    holds: bool
    evidence: str
    comparison: Comparison | None = Field(None, exclude_if=lambda value: value is None)


def without_foundation(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts that rule out an answer."""
    return [verdict for verdict in verdicts if verdict.name in FOUNDATIONS and not verdict.holds]


class Choice(Result):
    """What `auto` chose for a setting, and why."""

    setting: str
    chosen: str
    reason: str
