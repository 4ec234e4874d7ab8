"""metrics.json: the few numbers that DVC shows and compares."""

from typing import Literal, Self

from src.problem.terms import MeasureName
from src.results.answer import Used
from src.results.evaluate import Evaluate
from src.results.result import Result

Use = Literal["network", "shallow", "baseline", "nothing"]

# What to use, by names that are short enough for a line of a terminal.
USES: dict[Used, Use] = {
    "network": "network",
    "shallow model": "shallow",
    "common sense": "baseline",
    "nothing": "nothing",
}


class Metrics(Result):
    """metrics.json, which `dvc metrics show` prints on one line.

    Holds the measure, the scores of common sense and the shallow model, the network's cross-validated score `cv` with
    its 95% interval, and its score on the sealed test set. use: which of them is the answer (None: an older version
    wrote the file).
    """

    measure: MeasureName
    baseline: float
    shallow: float
    cv: float
    low: float
    high: float
    test: float
    use: Use | None = None

    @classmethod
    def of(cls, evaluation: Evaluate, use: Used) -> Self:
        estimate = evaluation.cross_validation
        return cls(
            measure=evaluation.measure,
            baseline=evaluation.baseline,
            shallow=evaluation.shallow,
            cv=estimate.mean,
            low=estimate.low,
            high=estimate.high,
            test=evaluation.test.value,
            use=USES[use],
        )
