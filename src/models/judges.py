"""Judges of drawn rows: what they see of a row, and by which numbers rows are near each other.

What a judge sees is random by a fixed seed. Of the training rows it learns only where their numbers lie. So it favours
no model, neither one that was fitted in its space nor one whose rows it has seen.
Shapes: N rows, D columns, I = 2D inputs, F features, P rows of several sets.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from src.inputs.places import FARTHEST, NUMBER, outcomes, split
from src.models.samples import FEATURES

Array = NDArray[np.float64]

# Columns that a feature looks at together, and the length of its direction: how fast it changes.
TOGETHER, STEEP = 3, 1.5


class TableJudge:
    """Cosines in random directions, each of up to `TOGETHER` standardized columns.

    So the mean and the covariance of the features depend on how columns hang together, in straight lines or not.
    Source: Rahimi and Recht 2007, "Random features for large-scale kernel machines".
    """

    def fit(self, x_NI: NDArray[Any]) -> Self:
        """Learn the mean and the standard deviation of each column from training rows."""
        self.outcomes = outcomes(split(x_NI)[1])
        columns_ND = columns_of(x_NI, self.outcomes)
        self.mean, spread = columns_ND.mean(axis=0), columns_ND.std(axis=0)
        self.scale = np.where(spread > 0, spread, 1.0)
        rng, columns = np.random.default_rng(0), columns_ND.shape[1]
        self.directions = np.zeros((columns, FEATURES))
        for feature in range(FEATURES):
            seen = rng.choice(columns, min(TOGETHER, columns), replace=False)
            direction = rng.normal(size=len(seen))
            self.directions[seen, feature] = STEEP * direction / np.linalg.norm(direction)
        self.shifts = rng.uniform(0, 2 * np.pi, FEATURES)
        return self

    def features(self, x_NI: NDArray[Any]) -> Array:
        """(N, F)."""
        z_ND = (columns_of(x_NI, self.outcomes) - self.mean) / self.scale
        return np.asarray(np.sqrt(2) * np.cos(z_ND @ self.directions + self.shifts))

    def apart(self, sets: Sequence[NDArray[Any]]) -> list[Array]:
        """Each set as numbers by whose distances rows are near each other, in units of their spread in the last two."""
        parts = [columns_of(x_NI, self.outcomes) for x_NI in sets]
        spread = np.concatenate(parts[-2:]).std(axis=0)
        return [part_ND / np.where(spread > 0, spread, 1.0) for part_ND in parts]


def columns_of(x_NI: NDArray[Any], counts: Sequence[int]) -> Array:
    """Places as numbers: those of a number and whether it is missing, and of categories one for each.

    counts: the outcomes of each column (`src.inputs.places.outcomes`).
    """
    place_ND, outcomes_ND = split(np.nan_to_num(x_NI, posinf=FARTHEST, neginf=-FARTHEST).clip(-FARTHEST, FARTHEST))
    columns = []
    for d, count in enumerate(counts):
        if count == NUMBER:
            columns += [place_ND[:, d], outcomes_ND[:, d]]
        else:
            columns += [place_ND[:, d] == place for place in range(count)]
    return np.column_stack(columns).astype(np.float64)
