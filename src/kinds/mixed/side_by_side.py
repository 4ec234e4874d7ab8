"""Joined inputs as one table. Shapes: N rows, D columns."""

import numpy as np
from scipy.sparse import csr_array, hstack

from src.inputs.sparse import Joined, SparseRows


def side_by_side(x: Joined) -> csr_array:
    """All columns of all parts, (N, D)."""
    # `hstack` would mistake blocks with a length, such as SparseRows, for lists of blocks.
    columns = [csr_array(part if isinstance(part, SparseRows) else np.asarray(part)) for part in x.parts]
    x_ND = hstack(columns, format="csr", dtype=np.float32)
    # Some of scikit-learn's models accept only 32-bit positions.
    x_ND.indices, x_ND.indptr = x_ND.indices.astype(np.int32), x_ND.indptr.astype(np.int32)
    return csr_array(x_ND)
