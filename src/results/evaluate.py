"""The results of `evaluate`."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field

from src.core.files import intact
from src.problem.terms import MeasureName
from src.results.networks import Candidate
from src.results.result import Result
from src.results.verdicts import (
    AGAINST_SHALLOW,
    GATE,
    SEALED_TEST_VERDICT,
    SHALLOW_GATE,
    Choice,
    Comparison,
    Estimate,
    Verdict,
)

_COMPARED = (GATE, AGAINST_SHALLOW, SHALLOW_GATE)

Recommended = Literal["network", "shallow model", "common sense"]
Saved = Literal["network", "shallow"]

# The model that is saved and registered; where none is recommended, the one that needs no network.
_SAVED: dict[Recommended, Saved] = {
    "network": "network",
    "shallow model": "shallow",
    "common sense": "shallow",
}


def saved_model(recommended: Recommended, further_targets: bool) -> Saved:
    """The model in `Layout.model`. With further targets it is the network, which alone predicts them."""
    return "network" if further_targets else _SAVED[recommended]


class CrossValidation(Result):
    """The measure on the evaluation folds with its interval (see `src.judging.intervals`).

    mean: over the repeats, each joined from its folds by `Measure.joined`. scores: of single folds.
    half_samples: how many cross-validated halves of the rows the interval rests on; 0: it rests on the rows.
    widened: how many times as wide it is as an interval that rests on the rows.
    """

    mean: float
    low: float
    high: float
    folds: int
    repeats: int
    half_samples: int
    widened: float = Field(1.0, exclude_if=lambda times: times == 1)
    scores: list[float] = Field(min_length=1)


class Nested(Result):
    """What the search chose inside each evaluation fold; `cross_validation` then has the scores of these choices.

    plain: what the plain protocol would have reported, with one choice made on all rows and scored on fresh folds of
    the same rows. optimism: how much better that is (negative: worse).
    """

    chosen: list[Candidate]
    plain: float
    optimism: float


class SampleSize(Result):
    """The measure of one network trained on a share of the training rows, on the evaluation folds.

    rows: trained on, averaged over the folds. pace: as many epochs or (within limits) as many gradient steps as the
    network on all rows, whichever is better.
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
    """The score of the main target. `opening`: which evaluation of these rows this is, counted from 1."""

    opening: int = Field(ge=1)


class ShallowSettings(Result):
    """How the final shallow model is built.

    name: as in baseline.json. estimator: the class of scikit-learn. settings: those that differ from its defaults.
    columns: how many numbers it reads from a row. rows: how many it was fitted to.
    """

    name: str
    estimator: str
    settings: dict[str, str]
    columns: int
    rows: int


class HeadScore(Result):
    """The scores of a further target by its own measure, on the rows that have this target.

    common_sense, cross_validation: on the evaluation folds. test: None where no sealed row has the target.
    """

    name: str
    type: str
    weight: float
    measure: MeasureName
    direction: Literal["maximize", "minimize"]
    common_sense: float
    cross_validation: Estimate
    test: TestScore | None


class WrittenText(Result):
    """A text that the saved model wrote. copied: its stretches, from and to, that are in the training texts."""

    temperature: float
    text: str
    copied: list[tuple[int, int]]


class Writings(Result):
    """Texts of a model that reads on. compressed: bits per character that compressors need for the sealed texts."""

    texts: list[WrittenText]
    compressed: dict[str, float]


class Grid(Result):
    """Pictures that a model drew, side by side in one, as a data URI."""

    caption: str
    picture: str


class Drawn(Result):
    """Rows that the saved model drew by a fixed seed, and the training row nearest to each: as pictures or as cells."""

    grids: list[Grid] = Field([], exclude_if=lambda grids: not grids)
    header: list[str] = Field([], exclude_if=lambda header: not header)
    samples: list[list[str]] = Field([], exclude_if=lambda samples: not samples)
    nearest: list[list[str]] = Field([], exclude_if=lambda nearest: not nearest)


class Concept(Result):
    """The mean code of training rows with a value, less that of the others, added to the code of a sealed row.

    rows: training rows with the value. area: how well the place along it tells the sealed rows with the value. row: the
    first sealed row without the value. picture, cells: what it stands for then, at each strength.
    """

    value: str
    rows: int
    area: Estimate | None = None
    row: int
    picture: str = Field("", exclude_if=lambda picture: not picture)
    cells: list[list[str]] = Field([], exclude_if=lambda cells: not cells)


class Turned(Result):
    """The first sealed row with a value, its code less the mean code of that value, plus that of each of the others."""

    value: str
    row: int
    others: list[str]
    picture: str = Field("", exclude_if=lambda picture: not picture)
    cells: list[list[str]] = Field([], exclude_if=lambda cells: not cells)


class Concepts(Result):
    """Those of a reference column. header: of the cells; empty where rows are pictures."""

    name: str
    strengths: list[float]
    header: list[str] = Field([], exclude_if=lambda header: not header)
    concepts: list[Concept]
    turned: list[Turned]


class Probe(Result):
    """A linear model of what the chosen network says of rows before it learns from targets, on the evaluation folds.

    method: how it was pretrained. random: the same from random weights.
    """

    method: str
    pretrained: Estimate
    random: Estimate


class Weights(Result):
    """The chosen network with as many parameters, and its score on the evaluation folds."""

    parameters: int
    score: Estimate


class TiedWeights(Result):
    """The chosen network with a decoder whose weights are the encoder's, beside one with weights of its own."""

    tied: Weights
    untied: Weights
    comparison: Comparison


class CodeSize(Result):
    """The error of so many principal components on the held-out rows of the first evaluation fold."""

    numbers: int
    error: float


class CodeUnit(Result):
    """A number of the code (from 1), and the sealed rows in which it is largest: their positions, and as shown."""

    number: int
    rows: list[int]
    shown: list[str]


class CodeViews(Result):
    """How to look at the codes of the saved model.

    numbers: how many of the code may be other than 0. sizes: what principal components of other numbers would reach;
    none for bits, which are not comparable. units: the numbers of the code that vary most, where its rows
    can be shown. plane: where a code has two numbers and its rows are pictures, what is rebuilt of places in the plane,
    from the top left.
    """

    numbers: int
    sizes: list[CodeSize]
    units: list[CodeUnit]
    plane: list[list[str]] = Field([], exclude_if=lambda plane: not plane)


class Evaluate(Result):
    """evaluate.json. `shallow` and `baseline` are scored on the folds of `cross_validation`, in the same way.

    shallow_estimate: `shallow` with its 95% interval, which rests on the rows (`resampled_variance` in
    `src.judging.intervals`). test: of the network. shallow_test: of the shallow model, fitted to all training rows too.
    recommended: the shallow model where it is surely better than common sense and the network is not surely better
    still; otherwise the network where it is surely better than common sense; otherwise common sense. It is the answer
    only if the other verdicts allow one, see `src.results.answer`.
    heads: scores of further targets. half_widths: for each target, half the width of the saved model's 95% prediction
    interval, where it has one. sample_sizes: from few rows to all. final: how the final network is made.
    choices: what `auto` chose once there were scores. extra: other measures of the saved model. writings: texts of it,
    if it reads on. drawn: rows of it, if it draws. concepts: what its code says of reference columns.
    tied_weights: of networks that rebuild rows and may have such.
    probe: of networks that learn from rows without a target first.
    """

    measure: MeasureName
    direction: Literal["maximize", "minimize"]
    baseline: float
    shallow: float
    shallow_estimate: Estimate
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
    code: CodeViews | None = Field(None, exclude_if=lambda code: code is None)
    writings: Writings | None = Field(None, exclude_if=lambda writings: writings is None)
    drawn: Drawn | None = Field(None, exclude_if=lambda drawn: drawn is None)
    concepts: list[Concepts] = Field([], exclude_if=lambda concepts: not concepts)
    tied_weights: TiedWeights | None = Field(None, exclude_if=lambda tied: tied is None)
    probe: Probe | None = Field(None, exclude_if=lambda probe: probe is None)
    recommended: Recommended
    verdicts: list[Verdict]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a complete evaluation. Raises UserError where a verdict that others rely on is missing."""
        evaluation = super().read(path)
        with intact(path):
            compared = {verdict.name: verdict.comparison for verdict in evaluation.verdicts}
            missing = [name for name in (*_COMPARED, SEALED_TEST_VERDICT) if name not in compared]
            if missing:
                raise ValueError(f"verdicts: {missing[0]} is missing")
            without = [name for name in _COMPARED if compared[name] is None]
            if without:
                raise ValueError(f"verdicts: {without[0]} has no comparison")
        return evaluation

    @property
    def saved(self) -> Saved:
        """The model in `Layout.model`."""
        return saved_model(self.recommended, bool(self.heads))

    @property
    def saved_first(self) -> tuple[Saved, Saved]:
        """Both models, the saved one first."""
        return ("network", "shallow") if self.saved == "network" else ("shallow", "network")

    @property
    def estimates(self) -> dict[Saved, Estimate]:
        """The cross-validated measure of both models with its 95% interval."""
        cross = self.cross_validation
        network = Estimate(value=cross.mean, low=cross.low, high=cross.high)
        return {"network": network, "shallow": self.shallow_estimate}

    @property
    def tests(self) -> dict[Saved, TestScore]:
        """The scores of both models on the sealed test set."""
        return {"network": self.test, "shallow": self.shallow_test}

    @property
    def saved_estimate(self) -> Estimate:
        return self.estimates[self.saved]

    @property
    def saved_test(self) -> TestScore:
        return self.tests[self.saved]
