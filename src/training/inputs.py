"""Vectorized rows as tensors: dense ones as a whole; sparse ones, pictures and sentences by minibatches; several kinds
side by side.

Shapes: N rows, B rows of a minibatch, S sentences, D inputs, C channels (of sentences: characters), H height, W width,
F forms, K outputs.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from src.inputs.picture_file import PixelsOnDisk
from src.inputs.pictures import ClassedPictures, Pictures
from src.inputs.sentences import Sentences
from src.inputs.sparse import Inputs, Joined, Part, SparseRows
from src.networks.tagger import PADDING, Packing, Tokens

# The number of minibatches cut from one pool of sentences, sorted by length: alike lengths are read faster together.
POOL = 8
# Sentences are read in parallel, word by word, so a call needs this many times as many words as other rows to pay.
WORDS_AT_ONCE = 4


def rows_of(x_ND: Inputs, dtype: torch.dtype) -> "Rows":
    """Rows that minibatches can be taken from."""
    if isinstance(x_ND, Joined):
        return JoinedInputs(tuple(_of_one_kind(part, dtype) for part in x_ND.parts))
    if isinstance(x_ND, Sentences):
        ids = (torch.from_numpy(part) for part in (x_ND.words_N, x_ND.sentence_N, x_ND.form_N, x_ND.characters_FC))
        return SentenceInputs(*ids)
    return _of_one_kind(x_ND, dtype)


def _of_one_kind(x_ND: Part, dtype: torch.dtype) -> "OneKind":
    if isinstance(x_ND, SparseRows):
        return SparseInputs(x_ND.astype(str(dtype).removeprefix("torch.")))
    if isinstance(x_ND, Pictures):
        pixels = x_ND.pixels_NCHW
        bytes_ = pixels if isinstance(pixels, PixelsOnDisk) else torch.from_numpy(pixels)
        return PictureInputs(bytes_, *_normalization(x_ND), dtype)
    return torch.from_numpy(x_ND).to(dtype)


def as_inputs(x: Tensor | tuple[Tensor, Tensor]) -> NDArray[Any] | ClassedPictures:
    """Places as they are, pixels from 0 to 1 as bytes, beside their classes where they come with them."""
    if isinstance(x, tuple):
        pixels_NCHW, class_N = as_inputs(x[0]), x[1].numpy()
        assert isinstance(pixels_NCHW, np.ndarray)
        return ClassedPictures(pixels_NCHW, class_N)
    numbers: NDArray[Any] = x.numpy()
    return (255 * numbers).round().astype(np.uint8) if x.ndim > 2 else numbers


def answers(x_ND: "Rows", size: int, device: torch.device, answer: Callable[[Any], Tensor]) -> Tensor:
    """The results of `answer` for rows on the device, about `size` at a time; (N, K), on the CPU."""
    if not isinstance(x_ND, SentenceInputs):
        return torch.cat([answer(x_BD.to(device)).cpu() for x_BD in x_ND.split(size)])
    parts = x_ND.by_length(size * WORDS_AT_ONCE)
    return torch.cat([answer(x_ND[rows_B].to(device)).cpu() for rows_B in parts])[torch.cat(parts).argsort()]


class SparseInputs:
    """Sparse rows that behave like a tensor as far as training needs; `to` a device makes a sparse tensor of them."""

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
        with warnings.catch_warnings(action="ignore"):  # torch warns once per process that its sparse rows are in beta
            return torch.sparse_csr_tensor(crow, col, values, x.shape, check_invariants=False).to(device)


class PictureInputs:
    """Pictures that behave like a tensor as far as training needs. They stay bytes until they are sent to a device, and
    on disk if they do not fit into memory."""

    def __init__(
        self, pixels_NCHW: Tensor | PixelsOnDisk, mean_C11: Tensor, scale_C11: Tensor, dtype: torch.dtype
    ) -> None:
        self.pixels_NCHW, self.mean_C11, self.scale_C11, self.dtype = pixels_NCHW, mean_C11, scale_C11, dtype

    def __len__(self) -> int:
        return len(self.pixels_NCHW)

    def __getitem__(self, rows_B: Tensor) -> "PictureInputs":
        pixels = self.pixels_NCHW
        return self._with(pixels[rows_B.numpy()] if isinstance(pixels, PixelsOnDisk) else pixels[rows_B])

    def split(self, size: int) -> Iterator["PictureInputs"]:
        return (self._with(self.pixels_NCHW[start : start + size]) for start in range(0, max(len(self), 1), size))

    def to(self, device: torch.device) -> Tensor:
        mean_C11, scale_C11 = (values.to(device, self.dtype) for values in (self.mean_C11, self.scale_C11))
        return _pixels(self.pixels_NCHW).to(device).to(self.dtype).sub_(mean_C11).div_(scale_C11)

    @property
    def streams(self) -> bool:
        return isinstance(self.pixels_NCHW, PixelsOnDisk)

    def read_ahead(self, minibatches: Sequence[Tensor]) -> Iterator["PictureInputs"]:
        """Each of the minibatches in memory, while another process reads the next ones."""
        rows = [rows_B.tolist() for rows_B in minibatches]
        for pixels_BCHW in DataLoader(_Pixels(self), batch_sampler=rows, collate_fn=_as_it_is, num_workers=1):
            yield self._with(pixels_BCHW)

    def _with(self, pixels_BCHW: Tensor | PixelsOnDisk) -> "PictureInputs":
        return PictureInputs(pixels_BCHW, self.mean_C11, self.scale_C11, self.dtype)


class _Pixels(Dataset[Tensor]):
    """Pictures for a `DataLoader`, a minibatch at a time."""

    def __init__(self, pictures: PictureInputs) -> None:
        self.pictures = pictures

    def __getitems__(self, rows: list[int]) -> Tensor:
        return _pixels(self.pictures[torch.tensor(rows)].pixels_NCHW)


def _as_it_is(pixels_BCHW: Any) -> Any:
    return pixels_BCHW


def _pixels(pixels_NCHW: Tensor | PixelsOnDisk) -> Tensor:
    return torch.from_numpy(pixels_NCHW.read()) if isinstance(pixels_NCHW, PixelsOnDisk) else pixels_NCHW


class JoinedInputs:
    """Inputs of several kinds that behave like a tensor as far as training needs; `to` makes a tensor of each."""

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


class SentenceInputs:
    """Words that behave like a tensor as far as training needs; `to` a device makes `Tokens` of sentences.

    sentence_N: numbers that differ from one sentence to the next.
    """

    def __init__(self, words_N: Tensor, sentence_N: Tensor, form_N: Tensor, characters_FC: Tensor) -> None:
        self.words_N, self.sentence_N, self.form_N, self.characters_FC = words_N, sentence_N, form_N, characters_FC

    def __len__(self) -> int:
        return len(self.words_N)

    def __getitem__(self, rows_B: Tensor) -> "SentenceInputs":
        """Words in any order that keeps each sentence together."""
        return SentenceInputs(self.words_N[rows_B], self.sentence_N[rows_B], self.form_N[rows_B], self.characters_FC)

    @property
    def lengths_S(self) -> Tensor:
        return torch.unique_consecutive(self.sentence_N, return_counts=True)[1]

    def by_length(self, size: int) -> list[Tensor]:
        """The rows of all sentences in parts of at least `size`, the shortest sentences first."""
        lengths_S = self.lengths_S
        return list(_cut(lengths_S.argsort(stable=True), lengths_S, size))

    def minibatches(self, size: int, shuffle: torch.Generator) -> list[Tensor]:
        """The rows of all sentences in random minibatches of about `size`, each of sentences of similar length."""
        lengths_S = self.lengths_S
        parts: list[Tensor] = []
        for pool in _dealt(torch.randperm(len(lengths_S), generator=shuffle), lengths_S, POOL * size):
            parts += _cut(pool[lengths_S[pool].argsort(stable=True)], lengths_S, size)
        return [parts[number] for number in torch.randperm(len(parts), generator=shuffle)]

    def spaced(self, rows: int) -> Tensor:
        """About `rows` rows, of evenly spaced sentences."""
        lengths_S = self.lengths_S
        every = -(-len(self) // rows)
        return torch.cat(list(_cut(torch.arange(0, len(lengths_S), every), lengths_S, len(self))))

    def to(self, device: torch.device) -> Tokens:
        forms_U, form_B = torch.unique(self.form_N, return_inverse=True)
        characters_UC = self.characters_FC[forms_U].long()
        lengths_U = (characters_UC != PADDING).sum(1)
        return Tokens(
            self.words_N.to(device),
            Packing.of(self.lengths_S).to(device),
            form_B.to(device),
            characters_UC[:, : int(lengths_U.max())].to(device),
            Packing.of(lengths_U).to(device),
        )


def _dealt(order_S: Tensor, lengths_S: Tensor, size: int) -> Iterator[Tensor]:
    """Sentences in this order, in parts that begin whenever another `size` words are full."""
    part_S = (lengths_S[order_S].cumsum(0) - lengths_S[order_S]) // size
    return iter(order_S.split(torch.unique_consecutive(part_S, return_counts=True)[1].tolist()))


def _cut(order_S: Tensor, lengths_S: Tensor, size: int) -> Iterator[Tensor]:
    """The rows of the parts of `_dealt`."""
    starts_S = lengths_S.cumsum(0) - lengths_S
    for part_S in _dealt(order_S, lengths_S, size):
        length_B = lengths_S[part_S]
        offset_B = torch.arange(int(length_B.sum())) - (length_B.cumsum(0) - length_B).repeat_interleave(length_B)
        yield starts_S[part_S].repeat_interleave(length_B) + offset_B


def _normalization(x: Pictures) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(x.mean_C)[:, None, None], torch.from_numpy(x.scale_C)[:, None, None]


OneKind = Tensor | SparseInputs | PictureInputs
Rows = OneKind | JoinedInputs | SentenceInputs
