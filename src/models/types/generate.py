"""Generate: new rows like those of the table. Shapes: N rows, M models, S statistics of a row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.models.samples import COVERED, COVERED_BY_REAL, JUDGED, NEAR
from src.models.types.problem_type import Array, ProblemType

# The statistics of a row that are kept beside it.
_KEPT = {"judged": JUDGED, "samples_nearest": NEAR, "covered": COVERED, "covered_by_real": COVERED_BY_REAL}


class Generate(ProblemType):
    """A model draws rows. A judge compares them with held-out ones, see `src.models.samples`.

    Networks learn by a loss whose value for a row they give as two numbers, their ratio.
    """

    def outputs(self, classes: int, targets: int, code: int = 0) -> int:
        return 2

    def columns(self, p_NK: Array, classes: Sequence[str], targets: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Of the statistics of held-out rows those that a reader can use."""
        return {name: p_NK[:, place] for name, place in _KEPT.items()}

    def measured_columns(self, classes: Sequence[str], targets: Sequence[str]) -> list[str]:
        """None: the measures compare features of all rows, which are not kept."""
        return []

    def combined(self, p_MNK: Array) -> Array:
        """Each row has the sample of one of the models, in turn."""
        rows = np.arange(p_MNK.shape[1])
        return np.asarray(p_MNK[rows % len(p_MNK), rows])


GENERATE = Generate(
    name="generate",
    words="new rows like those of the table",
    verb="draw",
    returns="new rows, as many as wanted",
    targets="none",
    defaults={
        "committee": 1,
        "training": {"optimizer": "adam", "learning_rate": 0.002},
    },
    networks="likelihood",
    measures=("frechet_distance", "kernel_distance"),
    reason="it compares drawn rows with held-out ones by their means and covariances, as a judge sees them",
    loss="surprise",
    family="generator",
    trusted=frozenset(
        {
            "src.models.by_class.ByClass",
            "src.models.contexts.NeighbourContexts",
            "src.models.component_mixture.ComponentMixture",
            "src.models.copula.GaussianCopula",
            "src.models.mixtures.CellMixture",
        }
    ),
    draws=True,
    generates=True,
    figures="samples",
    adds="samples",
)
