"""Regression: numbers of any size. Shapes: T target columns."""

from collections.abc import Sequence

from src.models.types.common_sense import mean, median
from src.models.types.problem_type import TargetFacts
from src.models.types.values import Values, in_unit_interval


class Regression(Values):
    """Networks learn targets that are standardized by the training rows."""

    def guess(self, targets: Sequence[TargetFacts]) -> str | None:
        if not all(target.is_number for target in targets):
            return None
        [first, *others] = targets
        if others:
            return "several targets that are all numbers"
        if in_unit_interval(first):  # a type of its own
            return None
        low, high = first.ends
        return f"{first.name} is a number from {low:g} to {high:g} with {first.distinct:,} different values"


REGRESSION = Regression(
    name="regression",
    words="a number",
    returns="the predicted value of each target",
    target="number",
    targets="any",
    measures=("mae", "rmse", "mse", "r2"),
    reason="the mean absolute error reads in the target's own unit",
    loss="squared_error",
    losses=("absolute", "huber"),
    family="regressor",
    common_sense={"median": median, "mean": mean},
    figures="values",
)
