"""Binary problems: one of two classes, of which one counts as positive. Shapes: N rows, one output."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from src.models.types.classes import BALANCED_SHARE, UNEVEN_SHARE, SingleLabel
from src.models.types.common_sense import drawn_flags, mean
from src.models.types.problem_type import Array, TargetFacts


class Binary(SingleLabel):
    """y_N1 is 1 where the class is the positive one, the last of the two; p_N1 is its probability."""

    def outputs(self, classes: int, targets: int, code: int = 0) -> int:
        return 1

    def of_classes(self, p_NK: Array) -> Array:
        return np.column_stack([1 - p_NK[:, 0], p_NK[:, 0]])

    def likeliest(self, p_NC: Array) -> NDArray[np.intp]:
        return (p_NC[:, 1] >= 0.5).astype(np.intp)

    def measured_columns(self, classes: Sequence[str], targets: Sequence[str]) -> list[str]:
        return super().measured_columns(classes, targets)[-1:]

    def choose_measure(self, class_shares: Mapping[str, float]) -> tuple[str, str]:
        """Accuracy if the classes are balanced, else average precision (area under the precision-recall curve)."""
        rarest = min(class_shares.values(), default=1.0)
        if rarest < BALANCED_SHARE:
            return "average_precision", f"the rarer class has {rarest:.1%} of the rows, under {BALANCED_SHARE:.0%}"
        if rarest < UNEVEN_SHARE:
            uneven = f"the classes are uneven: whoever always names the frequent one is right in {1 - rarest:.1%}"
            return self.measures[0], f"{uneven}; balanced_accuracy counts both the same"
        return self.measures[0], f"{self.reason}: the rarer one has {rarest:.1%} of the rows"

    def guess(self, targets: Sequence[TargetFacts]) -> str | None:
        [first, *others] = targets
        return f"{first.name} has two values" if first.distinct == 2 and not others else None


BINARY = Binary(
    name="binary",
    words="one of two classes",
    returns="the predicted class and a probability for each of the two classes",
    target="class",
    targets="one",
    otherwise="multilabel",
    measures=("accuracy", "balanced_accuracy", "f1", "roc_auc", "average_precision", "log_loss"),
    reason="the classes are balanced",
    loss="cross_entropy",
    family="classifier",
    common_sense={"majority": mean, "stratified": drawn_flags},
    figures="two_classes",
    has_positive=True,
    most_classes=2,
    lowest=0.0,
    highest=1.0,
)
