"""Inputs that are no plain array: of mostly zeros, and of several kinds side by side. Shapes: N rows, D inputs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from src.inputs.pictures import Pictures
from src.inputs.sentences import Sentences


class SparseRows(csr_array):
    """SciPy's compressed rows, with a length: the number of rows."""

    # Why they are trained one network after another.
    looped = "sparse inputs are not stacked"

    def __len__(self) -> int:
        return self.shape[0]


Part = NDArray[np.float32] | SparseRows | Pictures


@dataclass(frozen=True)
class Joined:
    """Inputs of the same rows, one for each encoder of a network."""

    parts: tuple[Part, ...]

    # Why they are trained one network after another.
    looped = "networks with several inputs are not stacked"

    def __len__(self) -> int:
        return len(self.parts[0])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, and numbers of a row."""
        return len(self), sum(int(np.prod(part.shape[1:])) for part in self.parts)

    def __getitem__(self, rows: slice) -> "Joined":
        return Joined(tuple(part[rows] for part in self.parts))


# What a vectorizer makes of rows, (N, D).
Inputs = Part | Joined | Sentences


def widths(x: Inputs) -> int | list[int]:
    """What a network is told of its inputs: how many they are, of pictures the channels, of sentences the words that
    have a number; of joined ones each part's."""
    return [part.shape[1] for part in x.parts] if isinstance(x, Joined) else x.shape[1]
