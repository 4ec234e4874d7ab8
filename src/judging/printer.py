"""How values of a measure are printed: with the digits that their intervals deserve, everywhere alike.

The last digit is worth between a twentieth and a half of the half width of the narrowest interval at hand; values that
are compared get up to two digits more, until those that differ are printed differently.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from src.models.measures import TABLE, Form
from src.results.baseline import Baseline
from src.results.evaluate import Evaluate
from src.results.networks import Overfit, Regularize
from src.results.result import Result
from src.results.verdicts import AGAINST_SHALLOW, HEAD, Comparison, Estimate, Verdict

Judged = Baseline | Overfit | Regularize | Evaluate
Found = TypeVar("Found", Baseline, Overfit, Regularize, Evaluate)

UNKNOWN = "not known"
# Digits beyond what the interval deserves.
MOST_MORE = 2
# Values that differ by less are the same; what remains is rounding.
SAME = 1e-12


class HasEnds(Protocol):
    """An interval."""

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


@dataclass(frozen=True)
class Printer:
    """Prints values of one measure, with so many `decimals` (of percent, where values are shares; negative: rounded to
    tens, hundreds, ...)."""

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
        """The number alone (shares with their %), for tables whose header names the unit."""
        if not math.isfinite(value):
            return UNKNOWN
        text = fixed(self._shown(value), self.decimals)
        return f"{text}%" if self.form == "share" else text

    def difference(self, value: float) -> str:
        """A difference of two values, shares in percentage points; what is not zero is not printed as zero."""
        finer = self._finer([value])
        if self.form != "share":
            return finer.value(value)
        points = finer.bare(value).rstrip("%")
        return f"{points} percentage {'point' if points.lstrip('−') == '1' else 'points'}"

    def gain(self, gain: Estimate, model: float, reference: float) -> str:
        """By how much a model is better than a reference, with its interval, whose ends keep their sign.

        The gain itself has a digit more where it would not be the difference of the two values as they are printed.
        """
        ends = value = self._finer([gain.low, gain.high])
        shown, other, difference = (
            round(self._shown(value), self.decimals) for value in (model, reference, gain.value)
        )
        if abs(abs(shown - other) - abs(difference)) > 10.0**-self.decimals / 2:
            value = replace(value, decimals=max(value.decimals, self.decimals + 1))
        low, high = (ends.bare(end).rstrip("%") for end in (gain.low, gain.high))
        return f"{value.difference(gain.value)} (95% interval {low} to {high})"

    def _finer(self, values: Sequence[float]) -> "Printer":
        """A printer that prints none of the values as zero that is not."""
        finer = self
        for value in values:
            while abs(value) > SAME and float(fixed(self._shown(value), finer.decimals, "-").replace(",", "")) == 0:
                finer = replace(finer, decimals=finer.decimals + 1)
        return finer

    def value(self, value: float) -> str:
        text = self.bare(value)
        return f"{text} {self.unit_words}" if self.unit_words and text != UNKNOWN else text

    def interval(self, low: float, high: float) -> str:
        return f"{self.bare(low)} to {self.bare(high)}"

    @property
    def heading(self) -> str:
        """The measure with its unit, for a table's header or an axis."""
        return f"{self.title} [{self.unit_words}]" if self.unit_words else self.title

    def evidence(self, of: Comparison) -> str:
        """A comparison in one sentence; the words follow from the interval alone."""
        words = {"better": "surely better", "worse": "surely worse", "not sure": "no sure difference"}[of.outcome]
        if of.outcome == "not sure" and of.at_random is not None:
            words = "not surely more than at random"
        random = f" (its predictions dealt out at random {self.bare(of.at_random)})" if of.at_random is not None else ""
        gain = self.gain(of.gain, of.model_value, of.reference_value)
        return (
            f"{self.title} on {of.where}: {of.model} {self.bare(of.model_value)}{random}, {of.reference} "
            f"{self.bare(of.reference_value)}; gain {gain}, {words}; {of.method}, {p_text(of.p_value)}{of.note}"
        )

    def _shown(self, value: float) -> float:
        return value * 100 if self.form == "share" else value


def printer(measure: str, unit: str, compared: Sequence[Sequence[float]], intervals: Iterable[HasEnds] = ()) -> Printer:
    """A printer with the digits that the intervals deserve, and that tell the values of each group `compared` apart.

    Where there is no interval: one decimal of a percentage, three of a number, three significant digits of the rest.
    """
    form = TABLE[measure].form
    factor = 100 if form == "share" else 1
    groups = [[value * factor for value in group if math.isfinite(value)] for group in compared]
    largest = max((abs(value) for group in groups for value in group), default=0.0)
    halves = [(of.high - of.low) / 2 * factor for of in intervals]
    known = [half for half in halves if math.isfinite(half) and half > SAME]
    if known:
        decimals = max(-_magnitude(min(known) / 2), min(1 - _magnitude(largest), 0))
    elif form == "share":
        decimals = 1
    elif form == "number":
        decimals = 3
    else:
        decimals = max(2 - _magnitude(largest), 0)
    most = decimals + MOST_MORE
    while decimals < most and not all(_told_apart(group, decimals) for group in groups):
        decimals += 1
    return Printer(measure, unit, min(decimals, 12))


def printer_of(found: Judged, unit: str = "") -> Printer:
    """The printer of everything that a step found: scores, intervals and verdicts."""
    compared, intervals = _COMPARED[type(found)](found)
    pairs = [(of.model_value, of.reference_value) for of in _comparisons(found)]
    return printer(found.measure, unit, [*compared, *pairs], intervals)


def worded(found: Found) -> Found:
    """The same findings; the evidence of verdicts that compare models is printed with the digits of all of them."""
    printing = printer_of(found)
    verdicts = [
        verdict.model_copy(update={"evidence": printing.evidence(verdict.comparison)})
        if verdict.comparison is not None and _is_main(verdict)
        else verdict
        for verdict in found.verdicts
    ]
    return found.model_copy(update={"verdicts": verdicts})


def fixed(value: float, decimals: int, minus: str = "−") -> str:
    """A number with so many decimals; negative ones round to tens, hundreds, ..."""
    text = f"{round(value, decimals) + 0.0:,.{max(decimals, 0)}f}"
    return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", minus)


def p_text(p_value: float) -> str:
    return "p < 0.0001" if p_value < 0.0001 else f"p = {p_value:.2g}"


def _is_main(verdict: Verdict) -> bool:
    """Whether a verdict is on the problem's own target, and not on a further one."""
    return not verdict.name.startswith(HEAD)


def _comparisons(found: Judged) -> list[Comparison]:
    return [verdict.comparison for verdict in found.verdicts if verdict.comparison is not None and _is_main(verdict)]


def _told_apart(values: Sequence[float], decimals: int) -> bool:
    """Whether values that differ are printed differently; rounding keeps their order."""
    pairs = pairwise(sorted(values))
    return all(b - a <= SAME * max(abs(a), abs(b)) or fixed(a, decimals) != fixed(b, decimals) for a, b in pairs)


def _magnitude(value: float) -> int:
    """The power of ten below a value."""
    return math.floor(math.log10(value)) if value > 0 else 0


Compared = tuple[list[Sequence[float]], list[HasEnds]]


def _of_baseline(found: Baseline) -> Compared:
    everything = [*found.common_sense_all, *found.shallow_all]
    return [[of.development.mean for of in everything]], [of.gain for of in _comparisons(found)]


def _of_overfit(found: Overfit) -> Compared:
    return [[rung.best_validation for rung in found.rungs]], [of.gain for of in _comparisons(found)]


def _of_regularize(found: Regularize) -> Compared:
    behind = Estimate(value=0.0, low=-2 * found.standard_error, high=2 * found.standard_error)
    gains = [of.gain for of in _comparisons(found)]
    return [[found.best_score.mean, found.chosen_score.mean]], [behind, *gains]


def _of_evaluate(found: Evaluate) -> Compared:
    cross, test = found.cross_validation, found.test
    headline = [v.comparison.gain for v in found.verdicts if v.name == AGAINST_SHALLOW and v.comparison is not None]
    tiles = [cross.mean, found.shallow, found.baseline, test.value, found.shallow_test.value]
    return [tiles, [test.low, cross.high], [test.high, cross.low]], [cross, test, *headline]


# What the values of a step are compared with, and the intervals that say how many digits they deserve.
_COMPARED: dict[type[Result], Callable[[Any], Compared]] = {
    Baseline: _of_baseline,
    Overfit: _of_overfit,
    Regularize: _of_regularize,
    Evaluate: _of_evaluate,
}
