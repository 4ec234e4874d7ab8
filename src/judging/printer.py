"""Print values of a measure with the same number of digits everywhere.

All steps of a problem print percentages with one decimal and pure numbers with three. Errors in units have as many
decimals as give common sense three significant digits. A step prints more only if an interval is narrow: the last digit
is then worth at most a quarter of its width, so values that surely differ are printed differently.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from src.models.measures import TABLE
from src.models.measures.measure import Form
from src.results.baseline import Baseline
from src.results.evaluate import Evaluate, Saved, TestScore
from src.results.networks import Overfit, Regularize
from src.results.result import Result
from src.results.verdicts import AGAINST_SHALLOW, HEAD, Comparison, Estimate, Verdict
from src.results.wording import MODELS, scored

Judged = Baseline | Overfit | Regularize | Evaluate
R = TypeVar("R", Baseline, Overfit, Regularize, Evaluate)

UNKNOWN = "not known"
# Less than this part of the last digit is rounding.
ROUNDING = 1e-10
# Numbers with more decimals have an exponent.
MOST_DECIMALS = 12
# Decimals of measures without a unit; others have three significant digits.
_USUAL: dict[Form, int] = {"share": 1, "number": 3}


class HasEnds(Protocol):
    """An interval."""

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


@dataclass(frozen=True)
class Printer:
    """Prints values of one measure with so many `decimals` (of percent for shares; negative: tens, hundreds, ...)."""

    measure: str
    unit: str
    decimals: int

    @property
    def form(self) -> Form:
        return TABLE[self.measure].form

    @property
    def title(self) -> str:
        return TABLE[self.measure].title

    @property
    def higher_is_better(self) -> bool:
        return TABLE[self.measure].direction == "maximize"

    @property
    def unit_words(self) -> str:
        """The unit as it follows a number; empty for shares and pure numbers."""
        if self.form in ("share", "number") or not self.unit:
            return ""
        unit = f"× {self.unit}" if self.unit[0].isdigit() else self.unit
        return unit if self.form == "unit" else f"({unit})²"

    def bare(self, value: float) -> str:
        """The number alone (with % for shares), for tables that name the unit. Only zero is printed as zero."""
        return self._finer([value])._plain(value)

    def _plain(self, value: float) -> str:
        if not math.isfinite(value):
            return UNKNOWN
        text = fixed(self._shown(value), self.decimals)
        return f"{text}%" if self.form == "share" else text

    def difference(self, value: float) -> str:
        """A difference of two values, in percentage points for shares; only zero is printed as zero."""
        return self._finer([value])._difference(value)

    def gain(self, gain: Estimate, model: float, reference: float) -> str:
        """How much a model is better than a reference, and the interval in the same digits; its ends keep their sign.

        All three numbers get another digit if the printed gain is not the difference of the two printed values.
        """
        finer = self._finer([gain.low, gain.high])
        shown, other, difference = (
            round(self._shown(value), self.decimals) for value in (model, reference, gain.value)
        )
        if abs(abs(shown - other) - abs(difference)) > 10.0**-self.decimals / 2:
            finer = replace(finer, decimals=max(finer.decimals, self.decimals + 1))
        low, high = (finer.bare(end).rstrip("%") for end in (gain.low, gain.high))
        return f"{finer._difference(gain.value)} (95% interval {low} to {high})"

    def _difference(self, value: float) -> str:
        if self.form != "share":
            return self.value(value)
        points = self.bare(value).rstrip("%")
        return f"{points} percentage {'point' if points.lstrip('−') == '1' else 'points'}"

    def _finer(self, values: Sequence[float]) -> "Printer":
        """A printer with enough digits that only zero is printed as zero."""
        finer, rounding = self, ROUNDING * 10.0**-self.decimals
        for value in filter(math.isfinite, values):
            while (
                abs(self._shown(value)) > rounding
                and float(fixed(self._shown(value), finer.decimals, "-").replace(",", "")) == 0
            ):
                finer = replace(finer, decimals=finer.decimals + 1)
        return finer

    def value(self, value: float) -> str:
        text = self.bare(value)
        return f"{text} {self.unit_words}" if self.unit_words and text != UNKNOWN else text

    def interval(self, low: float, high: float) -> str:
        return f"{self._plain(low)} to {self._plain(high)}"

    def with_interval(self, estimate: Estimate | TestScore) -> str:
        """`97.4% (95.1% to 98.7%)`."""
        return f"{self.bare(estimate.value)} ({self.interval(estimate.low, estimate.high)})"

    @property
    def heading(self) -> str:
        """The measure with its unit, for a table's header or an axis."""
        return f"{self.title} [{self.unit_words}]" if self.unit_words else self.title

    def evidence(self, comparison: Comparison) -> str:
        """A comparison in one sentence, worded by the interval alone.

        Where the folds chose the model, no gain is called sure.
        """
        words = {"better": "surely better", "worse": "surely worse", "not sure": "no sure difference"}
        outcome, at_random = words[comparison.outcome], comparison.at_random
        random = against = chosen = ""
        if comparison.chosen_here:
            outcome = "better on these folds" if comparison.outcome == "better" else outcome
            chosen = "; the model was chosen on these folds, so the gain is on the optimistic side"
        if at_random is not None:
            random = f" (the same predictions in random order: {self.bare(at_random)})"
            against = " against the random order"
            outcome = "not surely more than in random order" if comparison.outcome == "not sure" else outcome
        model, reference = comparison.model_value, comparison.reference_value
        return (
            f"{self.title} on {comparison.where}: {comparison.model} {self.bare(model)}{random}, "
            f"{comparison.reference} {self.bare(reference)}; gain {self.gain(comparison.gain, model, reference)}, "
            f"{outcome}; {comparison.method}, {p_text(comparison.p_value)}{against}{chosen}{comparison.note}"
        )

    def _shown(self, value: float) -> float:
        return value * 100 if self.form == "share" else value


def printer(measure: str, unit: str, values: Iterable[float], intervals: Iterable[HasEnds] = ()) -> Printer:
    """A printer with the usual digits, or more if the narrowest interval deserves them.

    An interval without width counts as far as it is from zero.

    values: the largest of them gets three significant digits if the measure is an error in units.
    """
    form = TABLE[measure].form
    factor = 100 if form == "share" else 1
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    decimals = _USUAL.get(form, 2 - _magnitude(largest))
    halves = [((interval.high - interval.low) / 2 or abs(interval.low)) * factor for interval in intervals]
    rounding = ROUNDING * 10.0**-decimals
    finite = [half for half in halves if math.isfinite(half) and half > rounding]
    if finite:
        decimals = max(decimals, -_magnitude(min(finite) / 2))
    return Printer(measure, unit, decimals)


def printer_of(result: Judged, unit: str = "") -> Printer:
    """The printer of all of a step's scores, intervals and verdicts."""
    common_sense, intervals = _SCALES[type(result)](result)
    return printer(result.measure, unit, [common_sense], intervals)


@dataclass(frozen=True)
class Scores:
    """The scores of an evaluation in words, each with its model, the saved model first.

    The records in MLflow, the model registry and the page in Prefect show these texts.
    """

    cross_validated: str
    sealed_test: str

    @classmethod
    def of(cls, result: Evaluate) -> "Scores":
        printing = printer_of(result)

        def by_model(scores: Mapping[Saved, Estimate] | Mapping[Saved, TestScore]) -> str:
            return ", ".join(f"{MODELS[model]} {printing.with_interval(scores[model])}" for model in result.saved_first)

        return cls(by_model(result.estimates), f"{by_model(result.tests)}; {scored(result.test.opening)}")


def worded(result: R) -> R:
    """The same result; the evidence of its comparisons is printed with the step's common number of digits."""
    printing = printer_of(result)
    verdicts = [
        verdict.model_copy(update={"evidence": printing.evidence(verdict.comparison)})
        if verdict.comparison is not None and _is_main(verdict)
        else verdict
        for verdict in result.verdicts
    ]
    return result.model_copy(update={"verdicts": verdicts})


def fixed(value: float, decimals: int, minus: str = "−") -> str:
    """A number with so many decimals; negative ones round to tens, hundreds, ..."""
    if decimals > MOST_DECIMALS and value:
        digits = max(decimals + _magnitude(abs(value)), 0)
        return f"{value:.{digits}e}".replace("-", minus)
    text = f"{round(value, decimals) + 0.0:,.{max(decimals, 0)}f}"
    return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", minus)


def p_text(p_value: float) -> str:
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.2g}"


def _is_main(verdict: Verdict) -> bool:
    """Whether a verdict is about the problem's main target, and not a further one."""
    return not verdict.name.startswith(HEAD)


def _comparisons(result: Judged) -> list[Comparison]:
    return [verdict.comparison for verdict in result.verdicts if verdict.comparison is not None and _is_main(verdict)]


def _magnitude(value: float) -> int:
    """The power of ten below a value."""
    return math.floor(math.log10(value)) if value > 0 else 0


Scale = tuple[float, list[HasEnds]]


def _of_baseline(result: Baseline) -> Scale:
    return result.common_sense.development.mean, _gains(result)


def _of_overfit(result: Overfit) -> Scale:
    return _reference(result), _gains(result)


def _of_regularize(result: Regularize) -> Scale:
    behind = Estimate(value=0.0, low=-2 * result.standard_error, high=2 * result.standard_error)
    return _reference(result), [behind, *_gains(result)]


def _of_evaluate(result: Evaluate) -> Scale:
    headline = [v.comparison.gain for v in result.verdicts if v.name == AGAINST_SHALLOW and v.comparison is not None]
    return result.baseline, [*result.estimates.values(), *result.tests.values(), *headline]


def _gains(result: Judged) -> list[HasEnds]:
    return [comparison.gain for comparison in _comparisons(result)]


def _reference(result: Overfit | Regularize) -> float:
    """The score of common sense on the development folds, which the last verdict compares with."""
    return next((comparison.reference_value for comparison in reversed(_comparisons(result))), math.nan)


# The score of common sense, and the intervals that decide the digits of a step's values.
_SCALES: dict[type[Result], Callable[[Any], Scale]] = {
    Baseline: _of_baseline,
    Overfit: _of_overfit,
    Regularize: _of_regularize,
    Evaluate: _of_evaluate,
}
