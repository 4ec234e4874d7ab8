"""Multilabel problems: a yes or no for each of several labels. Shapes: N rows, K labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.models.types.common_sense import drawn_flags, mean
from src.models.types.problem_type import Array, ProblemType, TargetFacts


class Multilabel(ProblemType):
    """Each target column is a label; y_NK is 1 where a row has it, p_NK the probability of that."""

    def outputs(self, classes: int, targets: int, code: int = 0) -> int:
        return targets

    def columns(self, p_NK: Array, classes: Sequence[str], targets: Sequence[str]) -> dict[str, NDArray[Any]]:
        """`predicted__<label>`, 0 or 1, and `probability__<label>`."""
        flags_NK = np.ma.MaskedArray((p_NK >= 0.5).astype(np.int64), np.isnan(p_NK))
        predicted: dict[str, NDArray[Any]] = {f"predicted__{name}": flags_NK[:, i] for i, name in enumerate(targets)}
        return predicted | {f"probability__{name}": p_NK[:, i] for i, name in enumerate(targets)}

    def measured_columns(self, classes: Sequence[str], targets: Sequence[str]) -> list[str]:
        return [f"probability__{name}" for name in targets]

    def guess(self, targets: Sequence[TargetFacts]) -> str | None:
        several = len(targets) > 1 and all(target.is_flag for target in targets)
        return "several targets that are each yes or no, none excluding another" if several else None


MULTILABEL = Multilabel(
    name="multilabel",
    words="a yes or no for each of several labels",
    returns="for each label a yes or no and its probability",
    target="flag",
    targets="several",
    otherwise="binary",
    measures=("mean_average_precision", "micro_f1", "macro_f1", "hamming_accuracy", "subset_accuracy"),
    reason="labels are ranked by their probability, as the book advises for multilabel problems",
    loss="cross_entropy",
    family="classifier",
    common_sense={"majority": mean, "stratified": drawn_flags},
    figures="labels",
    lowest=0.0,
    highest=1.0,
)
