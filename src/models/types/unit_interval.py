"""Regression of numbers between 0 and 1, such as shares."""

from collections.abc import Sequence

from src.models.types.common_sense import mean, median
from src.models.types.problem_type import Array, TargetFacts
from src.models.types.values import Values, in_unit_interval


class UnitInterval(Values):
    """The targets are not standardized, so they lie between 0 and 1, like the sigmoid's outputs."""

    def joined(self, columns: Sequence[Array]) -> Array:
        return super().joined(columns).clip(self.lowest, self.highest)

    def guess(self, targets: Sequence[TargetFacts]) -> str | None:
        [first, *others] = targets
        if others or not first.is_number or not in_unit_interval(first):
            return None
        low, high = first.ends
        return f"{first.name} lies between {low:g} and {high:g}; write regression if it may leave [0, 1]"


UNIT_INTERVAL = UnitInterval(
    name="unit_interval_regression",
    words="a number between 0 and 1",
    returns="the predicted value of each target, between 0 and 1",
    target="number",
    targets="any",
    otherwise="regression",
    measures=("mae", "rmse", "mse", "r2"),
    reason="the mean absolute error reads in the target's own unit",
    loss="cross_entropy",
    family="regressor",
    common_sense={"median": median, "mean": mean},
    figures="values",
    lowest=0.0,
    highest=1.0,
)
