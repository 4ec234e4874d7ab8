"""The base of regression types: each target column holds numbers. Shapes: N rows, T target columns."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from src.models.types.problem_type import Array, ProblemType, TargetFacts


def in_unit_interval(target: TargetFacts) -> bool:
    low, high = target.ends
    return low >= 0 and high <= 1


class Values(ProblemType):
    """One output for each target column."""

    def outputs(self, classes: int, targets: int, code: int = 0) -> int:
        return targets

    def columns(self, p_NK: Array, classes: Sequence[str], targets: Sequence[str]) -> dict[str, NDArray[Any]]:
        """`predicted__<target>`."""
        return {f"predicted__{name}": p_NK[:, i] for i, name in enumerate(targets)}

    def measured_columns(self, classes: Sequence[str], targets: Sequence[str]) -> list[str]:
        return [f"predicted__{name}" for name in targets]

    def described(self, targets: int) -> str:
        return f"{self.words} for each" if targets > 1 else self.words
