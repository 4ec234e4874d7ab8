"""The results of `validate` and `prepare`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from src.models.types.problem_type import ProblemType
from src.models.types.registry import TYPES
from src.problem.terms import MeasureName, TypeName
from src.results.result import Result
from src.results.verdicts import Choice, Verdict


class Finding(Result):
    """One failed data check. `rows`: the first rows that fail it, as positions in the raw table from 0."""

    check: str
    severity: Literal["error", "warning"]
    column: str | None
    count: int
    rows: list[int]
    message: str


class ColumnSummary(Result):
    """One column of the raw table as the validation page and the report show it.

    `missing` and `distinct` count all rows. Everything else leaves out the sealed rows, and is filled as far as it
    suits the column. Numbers and dates have their ends, their median and a histogram over tenths of the range; other
    columns the most `common` values with their number of rows, or some `examples`.
    """

    name: str
    type: str
    role: str
    missing: int
    distinct: int
    lowest: str = ""
    middle: str = ""
    highest: str = ""
    histogram: list[int] = Field(default_factory=list)
    common: list[tuple[str, int]] = Field(default_factory=list)
    examples: list[str] = Field(default_factory=list)

    @property
    def values(self) -> str:
        """The values in a few words: `0 to 80, median 28`, `male (577), female (314)`, or the examples."""
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
    """validation.json: `passed` lists the checks without findings."""

    rows: int
    columns: list[ColumnSummary]
    passed: list[str]
    findings: list[Finding]
    verdicts: list[Verdict]


class Protocol(Result):
    """How the measure is estimated. `order`: how rows are assigned to folds.

    most_repeats: the most repeats, where `evaluate` may add some until the estimate is stable.
    """

    method: Literal["hold_out", "k_fold", "iterated_k_fold", "nested"]
    folds: int
    repeats: int
    most_repeats: int | None = Field(None, exclude_if=lambda value: value is None)
    order: Literal["stratified", "shuffled", "grouped", "temporal"]


class FeatureSummary(Result):
    name: str
    type: Literal["numeric", "categorical", "boolean", "date", "text", "image", "token", "series"]


class Prepared(Result):
    """prepare.json, from the training rows alone.

    `classes` maps each class (or label column) to its number of training rows; empty where they hold numbers.
    `fold_hashes` are the SHA-256 of the stored folds: development, evaluation.
    """

    type: TypeName
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

    @property
    def problem_type(self) -> ProblemType:
        return TYPES[self.type]

    @property
    def searched_by(self) -> MeasureName:
        """The measure that the steps overfit and regularize go by."""
        return self.problem_type.searched_by or self.measure

    @model_validator(mode="after")
    def measure_is_of_the_type(self) -> Self:
        if self.measure not in self.problem_type.measures:
            raise ValueError(f"{self.measure} is not a measure for problems of type {self.type}")
        return self
