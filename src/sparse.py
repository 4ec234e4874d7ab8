"""Inputs of mostly zeros. Shapes: N rows, D inputs."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from src.pictures import Pictures


class SparseRows(csr_array):
    """SciPy's compressed rows, with a length: the number of rows."""

    # Why they are trained one network after another.
    looped = "sparse inputs are not stacked"

    def __len__(self) -> int:
        return self.shape[0]


# What a vectorizer makes of rows, (N, D).
Inputs = NDArray[np.float32] | SparseRows | Pictures
