"""Values of a table as places: what a model that gives every value a probability is told.

Each column has two numbers per row. For one of C categories these are its place from 0 and C. For a number they are its
cell, counted from the middle of the training rows, and 0. For a missing number they are 0 and 1, its only place. So the
numbers tell by themselves how many outcomes there are. Shapes: N rows, D columns, I = 2D inputs.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NUMBER, GAP = 0, 1
# Cells farther out count as this one: single precision counts exactly up to 2**24.
FARTHEST = 2**23


def side_by_side(place_N: NDArray[np.float64], outcomes_N: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The inputs of one column."""
    return [place_N, outcomes_N]


def split(x_NI: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places and the numbers of outcomes, (N, D) each."""
    whole_NI = np.asarray(x_NI).astype(np.int64)
    return whole_NI[:, 0::2], whole_NI[:, 1::2]


def outcomes(outcomes_ND: NDArray[np.int64]) -> Sequence[int]:
    """For each column the number of its categories, or 0 for numbers."""
    most_D = outcomes_ND.max(axis=0, initial=0)
    return [int(most) if most > GAP else NUMBER for most in most_D]
