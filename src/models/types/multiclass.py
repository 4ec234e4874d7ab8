"""Multiclass problems: one of several classes. Shapes: N rows, K classes."""

from collections.abc import Mapping, Sequence

import numpy as np

from src.models.types.classes import BALANCED_SHARE, FEWEST_PER_CLASS, MOST_NUMBERED_CLASSES, SingleLabel
from src.models.types.common_sense import drawn_class, mean
from src.models.types.problem_type import Array, TargetFacts


class Multiclass(SingleLabel):
    """y_N1 is the index of the class, p_NK the probability of each."""

    def outputs(self, classes: int, targets: int, code: int = 0) -> int:
        return classes

    def perfect_predictions(self, y_NT: Array, outputs: int) -> Array:
        return (y_NT == np.arange(outputs)).astype(np.float64)

    def joined(self, columns: Sequence[Array]) -> Array:
        [p_NK] = columns
        return p_NK

    def choose_measure(self, class_shares: Mapping[str, float]) -> tuple[str, str]:
        """Accuracy if the classes are balanced, else macro F1, in which every class counts the same."""
        rarest = min(class_shares.values(), default=1.0)
        if rarest * len(class_shares) < BALANCED_SHARE:
            share = f"{rarest:.1%} of the rows, under a fifth of an equal share"
            return "macro_f1", f"the classes are imbalanced: the rarest has {share}"
        return self.measures[0], self.reason

    def guess(self, targets: Sequence[TargetFacts]) -> str | None:
        [first, *others] = targets
        if others:
            return None
        if not first.is_number:
            return f"{first.name} has {first.distinct} values, and they are not numbers"
        if first.is_whole and first.distinct <= MOST_NUMBERED_CLASSES and first.rarest >= FEWEST_PER_CLASS:
            return f"{first.name} has {first.distinct} whole numbers as values; write regression if they are amounts"
        return None


MULTICLASS = Multiclass(
    name="multiclass",
    words="one of several classes",
    returns="the predicted class and a probability for each class",
    target="class",
    targets="one",
    otherwise="multilabel",
    measures=("accuracy", "balanced_accuracy", "macro_f1", "log_loss"),
    reason="the classes are balanced enough that the share of right answers means something",
    loss="cross_entropy",
    family="classifier",
    common_sense={"majority": mean, "stratified": drawn_class},
    figures="classes",
    lowest=0.0,
    highest=1.0,
)
