"""The results of `baseline`."""

from typing import Literal

from pydantic import Field

from src.problem.terms import MeasureName
from src.results.result import Result
from src.results.verdicts import Verdict


class FoldScores(Result):
    """A measure on every fold, in the order of the stored folds.

    mean: on development folds the mean of `scores`; on evaluation folds the folds joined by `Measure.joined`.
    """

    mean: float
    scores: list[float] = Field(min_length=1)


class RivalScore(Result):
    """A model of common sense or a shallow one, on the development folds and on the evaluation folds."""

    name: str
    development: FoldScores
    evaluation: FoldScores


class Baseline(Result):
    """baseline.json: `common_sense` and `shallow` are the best of their sort on the development folds."""

    measure: MeasureName
    direction: Literal["maximize", "minimize"]
    common_sense: RivalScore
    shallow: RivalScore
    common_sense_all: list[RivalScore]
    shallow_all: list[RivalScore]
    verdicts: list[Verdict]
