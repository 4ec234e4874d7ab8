"""Vectorized rows as tensors: dense ones whole, sparse ones in minibatches. Shapes: N rows, B of them, D inputs."""

import warnings
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from src.sparse import Inputs, SparseRows


def rows_of(x_ND: Inputs, dtype: torch.dtype) -> "Rows":
    """Rows of which minibatches can be taken."""
    if isinstance(x_ND, SparseRows):
        return SparseInputs(x_ND.astype(str(dtype).removeprefix("torch.")))
    return torch.from_numpy(x_ND).to(dtype)


class SparseInputs:
    """Sparse rows that behave like a tensor as far as training asks; those sent to a device are a sparse tensor."""

    def __init__(self, rows: SparseRows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows_B: Tensor) -> "SparseInputs":
        return SparseInputs(self.rows[np.asarray(rows_B)])

    def split(self, size: int) -> Iterator["SparseInputs"]:
        return (SparseInputs(self.rows[start : start + size]) for start in range(0, max(len(self), 1), size))

    def to(self, device: torch.device) -> Tensor:
        x = self.rows
        crow, col, values = (torch.from_numpy(part) for part in (x.indptr, x.indices, x.data))
        with warnings.catch_warnings(action="ignore"):  # torch calls its sparse rows unfinished, once in each process
            return torch.sparse_csr_tensor(crow, col, values, x.shape, check_invariants=False).to(device)


Rows = Tensor | SparseInputs
