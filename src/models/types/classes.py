"""What binary and multiclass problems share: each row is of one class. Shapes: N rows, C classes, K outputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.models.types.problem_type import Array, ProblemType

# Below this share of the rarest class, accuracy rewards a model that never finds it.
BALANCED_SHARE = 0.2


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
