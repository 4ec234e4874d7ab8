"""How well a number tells some rows from the others. Shapes: N rows, B blocks of rows."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from src.judging.intervals import jackknife_values, transformed_interval

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Area:
    """The area under the ROC curve of a score that should be large for some rows: the mean over the folds.

    low, high: its 95% interval. left_out: the areas with one block of rows left out at a time. freedom: the degrees of
    freedom of its variance.
    """

    value: float
    low: float
    high: float
    left_out: Floats
    freedom: int

    @classmethod
    def of(cls, folds_N: NDArray[np.int64], score_N: Floats, is_one_N: NDArray[np.bool_]) -> Self:
        def area(kept_N: NDArray[np.bool_]) -> float:
            folds = (kept_N & (folds_N == fold) for fold in np.unique(folds_N))
            return float(np.nanmean([_area(score_N[rows], is_one_N[rows]) for rows in folds]))

        value, left_out_B = area(np.ones(len(folds_N), dtype=bool)), jackknife_values(area, np.arange(len(folds_N)))
        freedom = int(is_one_N.sum()) - 1
        interval = transformed_interval(value, _spread(left_out_B), 0.0, 1.0, freedom)
        return cls(value, interval.low, interval.high, left_out_B, freedom)

    def minus(self, other: Self) -> tuple[float, float, float]:
        """The difference of two areas of the same rows, and its 95% interval."""
        from scipy.stats import t

        gain = self.value - other.value
        half = t.ppf(0.975, self.freedom) * math.sqrt(_spread(self.left_out - other.left_out))
        return gain, gain - half, gain + half


def _spread(left_out_B: Floats) -> float:
    return float((len(left_out_B) - 1) * left_out_B.var())


def _area(score_N: Floats, is_one_N: NDArray[np.bool_]) -> float:
    """By the ranks (Mann and Whitney 1947); NaN where all rows are alike."""
    from scipy.stats import rankdata

    ones, others = int(is_one_N.sum()), int((~is_one_N).sum())
    if not ones or not others:
        return math.nan
    return float((rankdata(score_N)[is_one_N].sum() - ones * (ones + 1) / 2) / (ones * others))
