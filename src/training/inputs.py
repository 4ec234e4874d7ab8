"""Vectorized rows as tensors: dense ones whole, sparse ones and pictures in minibatches, several kinds side by side.

Shapes: N rows, B of them, D inputs, C channels, H height, W width.
"""

import warnings
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from src.pictures import Pictures
from src.sparse import Inputs, Joined, Part, SparseRows


def rows_of(x_ND: Inputs, dtype: torch.dtype) -> "Rows":
    """Rows of which minibatches can be taken."""
    if isinstance(x_ND, Joined):
        return JoinedInputs(tuple(_of_one_kind(part, dtype) for part in x_ND.parts))
    return _of_one_kind(x_ND, dtype)


def _of_one_kind(x_ND: Part, dtype: torch.dtype) -> "OneKind":
    if isinstance(x_ND, SparseRows):
        return SparseInputs(x_ND.astype(str(dtype).removeprefix("torch.")))
    if isinstance(x_ND, Pictures):
        return PictureInputs(torch.from_numpy(x_ND.pixels_NCHW), *_normalization(x_ND), dtype)
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


class PictureInputs:
    """Pictures that behave like a tensor as far as training asks; bytes until they are sent to a device."""

    def __init__(self, pixels_NCHW: Tensor, mean_C11: Tensor, scale_C11: Tensor, dtype: torch.dtype) -> None:
        self.pixels_NCHW, self.mean_C11, self.scale_C11, self.dtype = pixels_NCHW, mean_C11, scale_C11, dtype

    def __len__(self) -> int:
        return len(self.pixels_NCHW)

    def __getitem__(self, rows_B: Tensor) -> "PictureInputs":
        return PictureInputs(self.pixels_NCHW[rows_B], self.mean_C11, self.scale_C11, self.dtype)

    def split(self, size: int) -> Iterator["PictureInputs"]:
        for pixels_BCHW in self.pixels_NCHW.split(size):
            yield PictureInputs(pixels_BCHW, self.mean_C11, self.scale_C11, self.dtype)

    def to(self, device: torch.device) -> Tensor:
        mean_C11, scale_C11 = (of.to(device, self.dtype) for of in (self.mean_C11, self.scale_C11))
        return self.pixels_NCHW.to(device).to(self.dtype).sub_(mean_C11).div_(scale_C11)


class JoinedInputs:
    """Inputs of several kinds that behave like a tensor as far as training asks; sent to a device, a tensor of each."""

    def __init__(self, parts: "tuple[OneKind, ...]") -> None:
        self.parts = parts

    def __len__(self) -> int:
        return len(self.parts[0])

    def __getitem__(self, rows_B: Tensor) -> "JoinedInputs":
        return JoinedInputs(tuple(part[rows_B] for part in self.parts))

    def split(self, size: int) -> Iterator["JoinedInputs"]:
        return (JoinedInputs(parts) for parts in zip(*(part.split(size) for part in self.parts), strict=True))

    def to(self, device: torch.device) -> tuple[Tensor, ...]:
        return tuple(part.to(device) for part in self.parts)


def _normalization(x: Pictures) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(x.mean_C)[:, None, None], torch.from_numpy(x.scale_C)[:, None, None]


OneKind = Tensor | SparseInputs | PictureInputs
Rows = OneKind | JoinedInputs
