"""Density: rows without a target, each with its probability. Shapes: N rows, K outputs, M models."""

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from src.models.types.mixture import mixture
from src.models.types.problem_type import Array, ProblemType


class Density(ProblemType):
    """A model gives the bits of each row (the negative logarithm of its probability to base 2) and its dimensions.

    Dimensions are columns of a table, or numbers of a picture (pixels times channels).
    """

    def outputs(self, classes: int, targets: int, code: int = 0) -> int:
        return 2

    def columns(self, p_NK: Array, classes: Sequence[str], targets: Sequence[str]) -> dict[str, NDArray[Any]]:
        """`bits`, `dimensions`, and the natural logarithm of the row's probability."""
        bits_N, dimensions_N = p_NK.T
        return {"bits": bits_N, "dimensions": dimensions_N, "log_probability": -math.log(2) * bits_N}

    def measured_columns(self, classes: Sequence[str], targets: Sequence[str]) -> list[str]:
        return ["bits", "dimensions"]

    def combined(self, p_MNK: Array) -> Array:
        return mixture(p_MNK)


DENSITY = Density(
    name="density",
    words="how likely each row is",
    verb="say",
    returns="the probability of each row",
    targets="none",
    defaults={"committee": 1, "training": {"optimizer": "adam", "learning_rate": 0.002}},
    networks="likelihood",
    measures=("bits_per_dimension",),
    reason="it is what the network learns by",
    loss="surprise",
    family="likelihood",
    trusted=frozenset({"src.models.contexts.NeighbourContexts", "src.models.mixtures.CellMixture"}),
    largest_are_unlike=True,
    draws=True,
    figures="surprise",
    adds="draws",
)
