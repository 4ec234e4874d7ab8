"""Predictions and statistics of held-out rows: the basis of all scores, intervals and comparisons.

Shapes: J splits, V held-out rows of one, N rows of the table, K outputs, S statistics of a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.models.measures.measure import Measure
from src.tables.protocols import Split
from src.tables.table import Table

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Statistics:
    """The statistics of rows, their weights, and the measure that is computed from both."""

    measure: Measure
    s_NS: Array
    w_N: Array

    def __len__(self) -> int:
        return len(self.w_N)

    @property
    def value(self) -> float:
        return self.measure.value_of(self.s_NS, self.w_N)

    def of(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Statistics":
        """The statistics of some rows; a row that is drawn twice counts twice."""
        return Statistics(self.measure, self.s_NS[rows], self.w_N[rows])


def statistics(measure: Measure, table: Table, rows: NDArray[np.intp], p_NK: Array) -> Statistics:
    """The statistics of a model's predictions for these rows of the table."""
    return Statistics(measure, measure.statistics(table.truth_NT[rows], p_NK[None])[0], table.w_N[rows])


@dataclass(frozen=True)
class Measured:
    """The statistics of the held-out rows of each split, in the order of the splits."""

    splits: Sequence[Split]
    statistics: Sequence[Statistics]
    measure: Measure

    @property
    def scores(self) -> Array:
        """The measure on the rows of each split, (J,)."""
        return np.array([fold.value for fold in self.statistics])

    @property
    def repeats(self) -> "list[Measured]":
        """The splits of each repeat separately."""
        numbers = [split.repeat for split in self.splits]
        return [self._among([i for i, n in enumerate(numbers) if n == repeat]) for repeat in sorted(set(numbers))]

    @property
    def rows(self) -> NDArray[np.intp]:
        """All held-out rows, sorted."""
        return np.unique(np.concatenate([split.validation for split in self.splits]))

    def value(self, kept_N: NDArray[np.bool_] | None = None) -> float:
        """The measure, joined from the folds of each repeat by `Measure.joined` and averaged over the repeats.

        kept_N: rows of the table that count; all by default. Folds that keep no row are left out.
        """
        return float(np.mean([repeat._joined(kept_N) for repeat in self.repeats]))

    def _joined(self, kept_N: NDArray[np.bool_] | None) -> float:
        folds = self.statistics
        if kept_N is not None:
            folds = [fold.of(kept_N[split.validation]) for fold, split in zip(folds, self.splits, strict=True)]
        return self.measure.joined([(fold.s_NS, fold.w_N) for fold in folds if len(fold)])

    def _among(self, places: Sequence[int]) -> "Measured":
        return Measured([self.splits[i] for i in places], [self.statistics[i] for i in places], self.measure)


@dataclass(frozen=True)
class HeldOut:
    """A model's outputs for the held-out rows of each split, in the order of the splits.

    predictions: (V, K) for each split, predictions of the targets or scores of the rows themselves (see `Measure`).
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
        """The same predictions, shuffled among the rows of each fold."""
        rng = np.random.default_rng(seed)
        return HeldOut(self.splits, [p_VK[rng.permutation(len(p_VK))] for p_VK in self.predictions])
