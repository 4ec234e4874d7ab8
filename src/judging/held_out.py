"""What models leave behind of the rows that were held out: all that scores, intervals and comparisons rest on.

Shapes: J splits, V held-out rows of one, N rows of the table, K outputs, S statistics of a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.models.measures import Measure
from src.tables.protocols import Split
from src.tables.table import Table

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Statistics:
    """The statistics_NS of rows, their weights, and the measure that is a function of both."""

    measure: Measure
    s_NS: Array
    w_N: Array

    def __len__(self) -> int:
        return len(self.w_N)

    @property
    def value(self) -> float:
        return self.measure.value_of(self.s_NS, self.w_N)

    def of(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Statistics":
        """Those of some of the rows; of one that is drawn twice, twice."""
        return Statistics(self.measure, self.s_NS[rows], self.w_N[rows])


def statistics(measure: Measure, table: Table, rows: NDArray[np.intp], p_NK: Array) -> Statistics:
    """What a model's answers for these rows of the table leave behind of them."""
    return Statistics(measure, measure.statistics(table.y_NT[rows], p_NK[None])[0], table.w_N[rows])


@dataclass(frozen=True)
class Measured:
    """The statistics of the held-out rows of each split, in the order of the splits."""

    splits: Sequence[Split]
    statistics: Sequence[Statistics]
    measure: Measure

    @property
    def scores(self) -> Array:
        """The measure on the rows of each split, (J,)."""
        return np.array([of.value for of in self.statistics])

    @property
    def repeats(self) -> "list[Measured]":
        """The splits of each repeat by themselves."""
        numbers = [split.repeat for split in self.splits]
        return [self._among([i for i, own in enumerate(numbers) if own == of]) for of in sorted(set(numbers))]

    @property
    def rows(self) -> NDArray[np.intp]:
        """All rows that were held out, sorted."""
        return np.unique(np.concatenate([split.validation for split in self.splits]))

    def value(self, kept_N: NDArray[np.bool_] | None = None) -> float:
        """The measure, joined from the folds of each repeat by `Measure.joined` and averaged over the repeats.

        kept_N: rows of the table that count; all by default. Folds that keep no row are left out.
        """
        return float(np.mean([of._joined(kept_N) for of in self.repeats]))

    def _joined(self, kept_N: NDArray[np.bool_] | None) -> float:
        folds = self.statistics
        if kept_N is not None:
            folds = [of.of(kept_N[split.validation]) for of, split in zip(folds, self.splits, strict=True)]
        return self.measure.joined([(of.s_NS, of.w_N) for of in folds if len(of)])

    def _among(self, places: Sequence[int]) -> "Measured":
        return Measured([self.splits[i] for i in places], [self.statistics[i] for i in places], self.measure)


@dataclass(frozen=True)
class HeldOut:
    """A model's answers for the held-out rows of each split, in the order of the splits.

    `predictions` hold (V, K) of each: what is predicted, or what the model thinks of the row itself (see `Measure`).
    """

    splits: Sequence[Split]
    predictions: Sequence[Array]

    def measured(self, table: Table, measure: Measure) -> Measured:
        parts = zip(self.splits, self.predictions, strict=True)
        of_splits = [statistics(measure, table, split.validation, p_VK) for split, p_VK in parts]
        return Measured(self.splits, of_splits, measure)

    def scores(self, table: Table, measure: Measure) -> Array:
        """The measure on the rows of each split, (J,)."""
        return self.measured(table, measure).scores

    def value(self, table: Table, measure: Measure) -> float:
        """See `Measured.value`."""
        return self.measured(table, measure).value()

    def shuffled(self, seed: int) -> "HeldOut":
        """The same predictions, dealt out to the rows of each fold at random."""
        rng = np.random.default_rng(seed)
        return HeldOut(self.splits, [p_VK[rng.permutation(len(p_VK))] for p_VK in self.predictions])
