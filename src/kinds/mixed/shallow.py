"""Shallow models for inputs of several kinds: a linear one on all columns, and those of every part on its own.

What the best single input gives away is what a network of all of them has to beat. Shapes: N rows, D columns.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from src.kinds.mixed.parts import Part
from src.kinds.shallow import ModelOf
from src.kinds.text.shallow import SHALLOW as LINEAR
from src.problem.terms import ProblemType
from src.sparse import Inputs, Joined, SparseRows


class OnInputs:
    """A scikit-learn model of what `select` takes of joined inputs."""

    def __init__(self, model: Any, select: Callable[[Joined], Any]) -> None:
        self.model, self.select = model, select
        if hasattr(model, "predict_proba"):
            self.predict_proba = lambda x: self.model.predict_proba(self.select(x))

    def fit(self, x: Joined, y_N: NDArray[np.float32], sample_weight: NDArray[np.float32] | None = None) -> Self:
        self.model.fit(self.select(x), y_N, sample_weight=sample_weight)
        return self

    def predict(self, x: Joined) -> NDArray[np.float64]:
        return self.model.predict(self.select(x))


def shallow(parts: Sequence[Part]) -> Mapping[ProblemType, Mapping[str, ModelOf]]:
    """By problem type: `linear` on all columns, and `<model> on <part>`."""
    return {kind: dict(_models(parts, kind)) for kind in LINEAR}


def _models(parts: Sequence[Part], kind: ProblemType) -> list[tuple[str, ModelOf]]:
    found: list[tuple[str, ModelOf]] = [("linear", partial(_made, LINEAR[kind]["linear"], _side_by_side))]
    for number, part in enumerate(parts):
        select = partial(_part, number)
        for name, model in part.kind.shallow[kind].items():
            found.append((f"{name} on {part.name}", partial(_made, model, select)))
    return found


def _made(model: ModelOf, select: Callable[[Joined], Any], seed: int) -> OnInputs:
    return OnInputs(model(seed), select)


def _part(number: int, x: Joined) -> Inputs:
    return x.parts[number]


def _side_by_side(x: Joined) -> csr_array:
    """All columns of all parts, (N, D)."""
    # `hstack` takes blocks with a length, as SparseRows are, for lists of blocks.
    columns = [csr_array(part if isinstance(part, SparseRows) else np.asarray(part)) for part in x.parts]
    x_ND = hstack(columns, format="csr", dtype=np.float32)
    # Some of scikit-learn's models take no longer positions.
    x_ND.indices, x_ND.indptr = x_ND.indices.astype(np.int32), x_ND.indptr.astype(np.int32)
    return csr_array(x_ND)
