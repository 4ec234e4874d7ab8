"""What `evaluate` found."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field

from src.core.files import intact
from src.problem.terms import MeasureName
from src.results.networks import Candidate
from src.results.result import Result
from src.results.verdicts import AGAINST_SHALLOW, GATE, SEALED_TEST_VERDICT, SHALLOW_GATE, Choice, Estimate, Verdict

_COMPARED = (GATE, AGAINST_SHALLOW, SHALLOW_GATE)


Recommended = Literal["network", "shallow model", "common sense"]


Saved = Literal["network", "shallow"]


# The model that is saved to be registered and served; where common sense is recommended, the simpler one.
_SAVED: dict[Recommended, Saved] = {"network": "network", "shallow model": "shallow", "common sense": "shallow"}


def saved_model(recommended: Recommended, further_targets: bool) -> Saved:
    """Which model `Layout.model` holds: the network in any case where there are further targets, which it alone
    predicts."""
    return "network" if further_targets else _SAVED[recommended]


class CrossValidation(Result):
    """The measure on the evaluation folds with its interval (see `src.judging.intervals`).

    `mean` is that over the repeats, each joined from its folds by `Measure.joined`; `scores` are those of single folds.
    half_samples: cross-validated halves of the rows by which the interval is as wide as it is; 0: it is by the rows.
    """

    mean: float
    low: float
    high: float
    folds: int
    repeats: int
    half_samples: int
    scores: list[float] = Field(min_length=1)


class Nested(Result):
    """What the search chose inside each evaluation fold, whose scores are then those of `cross_validation`.

    `plain` is the measure that the plain protocol would have reported: one choice made on all rows, scored on fresh
    folds of the same rows. `optimism` says how much better that is (negative: worse).
    """

    chosen: list[Candidate]
    plain: float
    optimism: float


class SampleSize(Result):
    """The measure of one network learnt from a share of the training rows, on the evaluation folds.

    `rows`: learnt from, on average over the folds. `pace`: trained for as many epochs, or (within limits) as many
    gradient steps, as the network on all rows; the better of both.
    """

    share: float
    rows: int
    pace: Literal["same epochs", "same steps"]
    value: float
    scores: list[float] = Field(min_length=1)


class TestScore(Result):
    """A score on the rows of the sealed test set, with its interval."""

    value: float
    low: float
    high: float
    rows: int


class SealedTest(TestScore):
    """The main target's. `opening`: the how many-th evaluation this is that these rows were opened for."""

    opening: int = Field(ge=1)


class ShallowSettings(Result):
    """What a final shallow model is.

    name: as in baseline.json. estimator: scikit-learn's class. settings: those that are not its defaults. columns: the
    numbers that it reads of a row. rows: that it learnt from.
    """

    name: str
    estimator: str
    settings: dict[str, str]
    columns: int
    rows: int


class HeadScore(Result):
    """A further target by its own measure, on the rows that have it: `common_sense` and `cross_validation` on the
    evaluation folds, `test` where any of the sealed rows has it."""

    name: str
    type: str
    weight: float
    measure: MeasureName
    direction: Literal["maximize", "minimize"]
    common_sense: float
    cross_validation: Estimate
    test: TestScore | None


class Evaluate(Result):
    """evaluate.json. `shallow` and `baseline` are taken on the folds of `cross_validation`, and in the same way.

    `test`: of the network; `shallow_test`: of the shallow model, fitted to all training rows as well.
    `recommended`: the shallow model where it is surely better than common sense and the network is not surely better
    still; the network where that is surely better than common sense; else common sense.
    `heads`: of further targets. `half_widths`: of each target's predictions by the saved model, half the width of the
    95% interval around them, where they have one. `sample_sizes`: from few to all rows. `final`: what the network is.
    `choices`: what `auto` left open until there were scores. `extra`: other measures of the saved model.
    """

    measure: MeasureName
    direction: Literal["maximize", "minimize"]
    baseline: float
    shallow: float
    cross_validation: CrossValidation
    nested: Nested | None = None
    sample_sizes: list[SampleSize] = Field(default_factory=list)
    final: Literal["refit", "fold_ensemble"] = "refit"
    test: SealedTest
    shallow_test: TestScore
    shallow_model: ShallowSettings
    heads: list[HeadScore] = Field([], exclude_if=lambda heads: not heads)
    half_widths: dict[str, float] = Field(default_factory=dict)
    chosen: Candidate
    choices: list[Choice] = Field(default_factory=list)
    extra: dict[str, float]
    recommended: Recommended
    verdicts: list[Verdict]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The result of a whole evaluation. Raises UserError where a verdict that others ask for is missing."""
        found = super().read(path)
        with intact(path):
            compared = {verdict.name: verdict.comparison for verdict in found.verdicts}
            missing = [name for name in (*_COMPARED, SEALED_TEST_VERDICT) if name not in compared]
            if missing:
                raise ValueError(f"verdicts: {missing[0]} is missing")
            without = [name for name in _COMPARED if compared[name] is None]
            if without:
                raise ValueError(f"verdicts: {without[0]} has no comparison")
        return found

    @property
    def saved(self) -> Saved:
        """What `Layout.model` holds."""
        return saved_model(self.recommended, bool(self.heads))

    @property
    def saved_value(self) -> float:
        """The saved model's cross-validated measure."""
        return {"network": self.cross_validation.mean, "shallow": self.shallow}[self.saved]

    @property
    def saved_test(self) -> TestScore:
        return {"network": self.test, "shallow": self.shallow_test}[self.saved]


class Metrics(Result):
    """metrics.json: what `dvc metrics show` puts on one line.

    The measure, what common sense and the shallow model score, the network's cross-validated score `cv` with its 95%
    interval, and its score on the sealed test set.
    """

    measure: MeasureName
    baseline: float
    shallow: float
    cv: float
    low: float
    high: float
    test: float

    @classmethod
    def of(cls, found: Evaluate) -> Self:
        estimate = found.cross_validation
        return cls(
            measure=found.measure,
            baseline=found.baseline,
            shallow=found.shallow,
            cv=estimate.mean,
            low=estimate.low,
            high=estimate.high,
            test=found.test.value,
        )
