"""The base of binary and multiclass problems: each row has one class. Shapes: N rows, C classes, K outputs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.models.types.problem_type import Array, ProblemType

# Below this share of the rarest class, accuracy rewards a model that never finds it.
BALANCED_SHARE = 0.2
# Below this one, it flatters such a model.
UNEVEN_SHARE = 1 / 3
# Whole numbers with at most so many different values, none of them rare, count as classes.
MOST_NUMBERED_CLASSES = 20
FEWEST_PER_CLASS = 10

# Affirmative labels: one of these is the positive class unless the problem says otherwise.
AFFIRMATIVE = ("1", "true", "yes", "y", "t", "positive", "malignant", "+", ">50k")


def in_order(labels: Iterable[str]) -> list[str]:
    """Class labels in the order of their codes: numbers by their size, before words."""

    def key(label: str) -> tuple[int, float, str]:
        try:
            number = float(label)
        except ValueError:
            number = math.nan
        return (0, number, label) if math.isfinite(number) else (1, 0.0, label)

    return sorted(labels, key=key)


def choose_positive(counts: Mapping[str, float]) -> tuple[str, str]:
    """The positive class, given the number of rows of each (or their share), and why."""
    affirmative = [label for label in counts if label.lower() in AFFIRMATIVE]
    if len(affirmative) == 1:
        return affirmative[0], "the class that affirms"
    return min(counts, key=lambda label: (counts[label], label)), "the rarer class is usually the one looked for"


class SingleLabel(ProblemType):
    """The target column holds the class of each row."""

    def of_classes(self, p_NK: Array) -> Array:
        """The probability of each class, (N, C)."""
        return p_NK

    def columns(self, p_NK: Array, classes: Sequence[str], targets: Sequence[str]) -> dict[str, NDArray[Any]]:
        """`predicted`, the class, and `probability__<class>`."""
        p_NC = self.of_classes(p_NK)
        likeliest_N = self.likeliest(p_NC)
        predicted_N = np.array(classes, dtype=object)[likeliest_N]
        predicted_N[np.isnan(p_NC[:, 0])] = None
        return {"predicted": predicted_N} | {f"probability__{c}": p_NC[:, i] for i, c in enumerate(classes)}

    def likeliest(self, p_NC: Array) -> NDArray[np.intp]:
        return p_NC.argmax(axis=1)

    def measured_columns(self, classes: Sequence[str], targets: Sequence[str]) -> list[str]:
        return [f"probability__{name}" for name in classes]
