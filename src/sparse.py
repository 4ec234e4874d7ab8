"""Inputs of mostly zeros. Shapes: N rows, D inputs."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


class SparseRows(csr_array):
    """SciPy's compressed rows, with a length: the number of rows."""

    def __len__(self) -> int:
        return self.shape[0]


# What a vectorizer makes of rows, (N, D).
Inputs = NDArray[np.float32] | SparseRows
