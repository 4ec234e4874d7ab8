"""What the steps find out: one model per result file in `results/<problem>/`, written and read only through here.

Measures are in the unit of the measure (accuracy: share of rows; MAE: the target's unit). A result never holds a
time, a path or a run id, so that the same inputs give the same bytes.
"""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from src.files import intact, read_model, write_json
from src.problem.terms import MEASURES, MeasureName, ProblemType

# The verdicts of `evaluate` that decide what is recommended; the first is the network's gate.
GATE, AGAINST_SHALLOW = "beats_common_sense", "beats_shallow_model"
SHALLOW_GATE = "shallow_model_still_beats_common_sense"
SEALED_TEST_VERDICT = "test_agrees_with_cross_validation"
_COMPARED = (GATE, AGAINST_SHALLOW, SHALLOW_GATE)
# How the verdicts on further targets begin.
HEAD = "head_"

Recommended = Literal["network", "shallow model", "common sense"]
Saved = Literal["network", "shallow"]
# The model that is saved to be registered and served; where common sense is recommended, the simpler one.
_SAVED: dict[Recommended, Saved] = {"network": "network", "shallow model": "shallow", "common sense": "shallow"}


def saved_model(recommended: Recommended, further_targets: bool) -> Saved:
    """Which model `Layout.model` holds: the network in any case where there are further targets, which it alone
    predicts."""
    return "network" if further_targets else _SAVED[recommended]


class Result(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")

    def write(self, path: Path) -> None:
        write_json(path, self.model_dump(mode="json"))

    @classmethod
    def read(cls, path: Path) -> Self:
        return read_model(path, cls)


_truth = {"True": True, "False": False}.__getitem__
_Columns = dict[str, Callable[[str], object]]
# How the values in the tables among the results are read; further columns depend on the problem. Values may be missing.
_CURVES: _Columns = dict.fromkeys(("epoch", "training", "validation", "training_loss", "validation_loss"), float)
COLUMNS: dict[str, _Columns] = {
    "overfit_curves.csv": {"rung": float, "network": str, "parameters": float} | _CURVES,
    "candidates.csv": {
        "candidate": float,
        "network": str,
        "parameters": float,
        **dict.fromkeys(("dropout", "l1", "l2", "learning_rate", "batch_size", "epochs", "trained_epochs"), float),
        **dict.fromkeys(("best", "chosen"), _truth),
        **dict.fromkeys(("mean", "standard_error", "difference_error", "fold_1"), float),
    },
    "fold_scores.csv": dict.fromkeys(("repeat", "fold", "network", "common_sense", "shallow"), float),
    "evaluate_curves.csv": {"repeat": float, "fold": float} | _CURVES,
}


def read_records(path: Path) -> list[dict[str, str]]:
    """The rows of a table among the results. Raises UserError where it is missing or damaged."""
    with intact(path):
        text = path.read_bytes().decode("utf-8")
        if not text.endswith("\n"):
            raise ValueError("its last line is cut short")
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
        if not rows:
            raise ValueError("no rows")
        for row in rows:
            if None in row or None in row.values():
                raise ValueError("rows of different lengths")
            for name, parse in COLUMNS[path.name].items():
                if row[name]:
                    parse(row[name])
    return rows


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


class Finding(Result):
    """One failed data check. `rows` are the first offending rows, 0-based positions in the raw table."""

    check: str
    severity: Literal["error", "warning"]
    column: str | None
    count: int
    rows: list[int]
    message: str


class ColumnSummary(Result):
    """One column of the raw table as the validation page and the report show it.

    `missing` and `distinct` are counted in all rows. The rest is of the rows that are not sealed, as far as it says
    something of the column: the ends and the median of numbers and dates, with the values in each tenth of the range;
    the most `common` values with their rows; or some `examples`.
    """

    name: str
    kind: str
    role: str
    missing: int
    distinct: int
    lowest: str = ""
    middle: str = ""
    highest: str = ""
    histogram: list[int] = []
    common: list[tuple[str, int]] = []
    examples: list[str] = []

    @property
    def values(self) -> str:
        """What is in the column: `0 to 80, median 28`, `male (577), female (314)`, or the examples."""
        if self.lowest:
            return f"{self.lowest} to {self.highest}, median {self.middle}"
        if self.common:
            shown, more = (
                ", ".join(f"{value} ({rows:,})" for value, rows in self.common),
                self.distinct - len(self.common),
            )
            return f"{shown}, {more:,} more" if more > 0 else shown
        return ", ".join(f"“{value}”" for value in self.examples)


class Validation(Result):
    """validation.json: `passed` lists the names of all checks that found nothing."""

    rows: int
    columns: list[ColumnSummary]
    passed: list[str]
    findings: list[Finding]
    verdicts: list[Verdict]


class Protocol(Result):
    """How the measure is estimated. `order`: how rows are dealt out.

    most_repeats: where `evaluate` may add repeats to the stated ones until the estimate is stable, so many at most.
    """

    kind: Literal["hold_out", "k_fold", "iterated_k_fold", "nested"]
    folds: int
    repeats: int
    most_repeats: int | None = Field(None, exclude_if=lambda value: value is None)
    order: Literal["stratified", "shuffled", "grouped", "temporal"]


class FeatureSummary(Result):
    name: str
    kind: Literal["numeric", "categorical", "boolean", "date", "text", "image", "token", "series"]


class Prepared(Result):
    """prepare.json, from the training rows alone.

    `classes` maps each class (or label column) to its number of training rows; empty for regression.
    `fold_hashes` are the SHA-256 of the stored folds: development, evaluation.
    """

    type: ProblemType
    rows: int
    features: list[FeatureSummary]
    targets: list[str]
    classes: dict[str, int]
    positive: str | None
    measure: MeasureName
    direction: Literal["maximize", "minimize"]
    protocol: Protocol
    fold_hashes: dict[str, str]
    choices: list[Choice]

    @model_validator(mode="after")
    def measure_is_of_the_type(self) -> Self:
        if self.measure not in MEASURES[self.type]:
            raise ValueError(f"{self.measure} is no measure of a problem of type {self.type}")
        return self


class FoldScores(Result):
    """A measure on every fold, in the order of the stored folds.

    `mean`: on development folds the mean of `scores`, on evaluation folds what `Measure.joined` makes of the folds.
    """

    mean: float
    scores: list[float] = Field(min_length=1)


class ReferenceScore(Result):
    """One reference model on the development folds and on the evaluation folds."""

    name: str
    development: FoldScores
    evaluation: FoldScores


class Baseline(Result):
    """baseline.json: `common_sense` and `shallow` name the best of each kind on the development folds."""

    measure: MeasureName
    direction: Literal["maximize", "minimize"]
    common_sense: ReferenceScore
    shallow: ReferenceScore
    common_sense_all: list[ReferenceScore]
    shallow_all: list[ReferenceScore]
    verdicts: list[Verdict]


class Rung(Result):
    """One network on the capacity ladder, means over the development folds.

    `turning_epoch` is the epoch (1-based) at which the smoothed mean validation loss was lowest, `best_validation` the
    measure there; `overfits` says that the curve turned: the loss rose after it while the training loss still fell;
    `beats_baseline` that `best_validation` is ahead of common sense, be it surely or not; `saturated` that more
    capacity would hardly improve the training measure (`src.climbing`).
    """

    network: dict[str, Any]
    parameters: int
    turning_epoch: int
    best_validation: float
    final_validation: float
    final_training: float
    overfits: bool
    beats_baseline: bool
    saturated: bool


class Overfit(Result):
    """overfit.json: `chosen` indexes the largest rung that proved overfitting (or the best one where none did)."""

    measure: MeasureName
    direction: Literal["maximize", "minimize"]
    rungs: list[Rung] = Field(min_length=1)
    chosen: int = Field(ge=0)
    verdicts: list[Verdict]

    @model_validator(mode="after")
    def chosen_is_a_rung(self) -> Self:
        if self.chosen >= len(self.rungs):
            raise ValueError(f"rung {self.chosen} is chosen of {len(self.rungs)}, counted from 0")
        return self


class Candidate(Result):
    """One configuration of the search: the network's own settings and how it is trained.

    weight_decay: decoupled from the gradient. clip_norm: the longest gradient. patience: the training ends after so
    many epochs without a lower validation loss. falling: the learning rate falls from step to step, to zero at the end.
    What is not used is not written.
    """

    network: dict[str, Any]
    optimizer: str
    learning_rate: float
    l1: float
    l2: float
    batch_size: int
    epochs: int
    weight_decay: float = Field(0.0, exclude_if=lambda value: value == 0)
    clip_norm: float | None = Field(None, exclude_if=lambda value: value is None)
    patience: int | None = Field(None, exclude_if=lambda value: value is None)
    falling: bool = Field(False, exclude_if=lambda value: not value)


class Regularize(Result):
    """regularize.json: the search's outcome on the development folds; `candidates.csv` holds every score.

    finalists: candidates left at the end, the others were dropped on the way; trainings: candidates times folds;
    epochs: of all trainings. `standard_error` is that of the paired difference between the chosen and the best
    candidate.
    """

    measure: MeasureName
    direction: Literal["maximize", "minimize"]
    candidates: int
    finalists: int
    trainings: int
    epochs: int
    epochs_without_halving: int
    best: Candidate
    best_score: FoldScores
    chosen: Candidate
    chosen_score: FoldScores
    standard_error: float
    verdicts: list[Verdict]


class CrossValidation(Result):
    """The measure on the evaluation folds with its interval (see `src.intervals`).

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
    sample_sizes: list[SampleSize] = []
    final: Literal["refit", "fold_ensemble"] = "refit"
    test: SealedTest
    shallow_test: TestScore
    shallow_model: ShallowSettings
    heads: list[HeadScore] = Field([], exclude_if=lambda heads: not heads)
    half_widths: dict[str, float] = {}
    chosen: Candidate
    choices: list[Choice] = []
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
