"""Inputs that are not plain arrays: sparse rows, and several kinds side by side. Shapes: N rows, D inputs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from src.inputs.pictures import Pictures
from src.inputs.sentences import Sentences


class SparseRows(csr_array):
    """SciPy's compressed rows, with a length: the number of rows."""

    # Why their networks are trained one after another.
    looped = "sparse inputs are not stacked"

    def __len__(self) -> int:
        return self.shape[0]


Part = NDArray[np.float32] | SparseRows | Pictures


@dataclass(frozen=True)
class Joined:
    """Inputs of the same rows, one for each encoder of a network."""

    parts: tuple[Part, ...]

    # Why their networks are trained one after another.
    looped = "networks with several inputs are not stacked"

    def __len__(self) -> int:
        return len(self.parts[0])

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows, and of inputs per row."""
        return len(self), sum(int(np.prod(part.shape[1:])) for part in self.parts)

    def __getitem__(self, rows: slice) -> "Joined":
        return Joined(tuple(part[rows] for part in self.parts))


# The result of a vectorizer, (N, D).
Inputs = Part | Joined | Sentences


def widths(x: Inputs) -> int | list[int]:
    """The width of the inputs, which a network is built for: their number, the channels of pictures, or the size of the
    vocabulary of sentences. For joined inputs, a list with the width of each part."""
    return [part.shape[1] for part in x.parts] if isinstance(x, Joined) else x.shape[1]
