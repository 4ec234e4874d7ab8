"""Pictures that do not fit into memory: records of one length in a memory-mapped temporary file, read when needed.

Pictures that fit stay in memory, at no extra cost. Shapes: N pictures, C channels, H height, W width.
"""

import atexit
import logging
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

log = logging.getLogger("workflow")

# Pictures of a table stay in memory if they need at most this share of what is free. A training holds them three
# times, in the table and as rows of a fold, and several folds are trained.
IN_MEMORY = 0.2


def fits(size: int) -> bool:
    """Whether pictures of `size` bytes stay in memory."""
    return size <= IN_MEMORY * psutil.virtual_memory().available


@dataclass(frozen=True)
class PictureFile:
    """Consecutive records of `size` bytes each. Other processes find them by the path."""

    path: str
    size: int

    @property
    def records(self) -> NDArray[np.uint8]:
        return _mapped(self.path, self.size)


@dataclass(frozen=True, slots=True)
class Row:
    """A table's reference to the bytes of a picture's file."""

    file: PictureFile
    row: int

    def __bytes__(self) -> bytes:
        return self.file.records[self.row].tobytes()


@dataclass(frozen=True)
class PixelsOnDisk:
    """Pictures (N, C, H, W) at some rows of a file. The pixels follow the first `begin` bytes of each record."""

    file: PictureFile
    rows_N: NDArray[np.intp]
    begin: int
    size_HWC: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.rows_N)

    @property
    def shape(self) -> tuple[int, ...]:
        height, width, channels = self.size_HWC
        return len(self), channels, height, width

    def __getitem__(self, rows: slice | NDArray[np.intp]) -> "PixelsOnDisk":
        return PixelsOnDisk(self.file, self.rows_N[rows], self.begin, self.size_HWC)

    def read(self) -> NDArray[np.uint8]:
        end = self.begin + int(np.prod(self.size_HWC))
        pixels_NHWC = self.file.records[self.rows_N, self.begin : end].reshape(-1, *self.size_HWC)
        return np.ascontiguousarray(pixels_NHWC.transpose(0, 3, 1, 2))


def on_disk(parts: Iterable[Sequence[bytes]], what: str) -> list[Row]:
    """Write files of one length into a temporary file, which is deleted when this process ends."""
    handle, path = tempfile.mkstemp(prefix="pictures-")
    atexit.register(Path(path).unlink, missing_ok=True)
    count = size = 0
    with os.fdopen(handle, "wb") as file:
        for part in parts:
            count, size = count + len(part), len(part[0])
            file.write(b"".join(part))
    log.info(
        f"{what}: {count:,} pictures of {size:,} bytes are read from disk, {path}: in memory they would take more than "
        f"{IN_MEMORY:.0%} of what is free"
    )
    pictures = PictureFile(path, size)
    return [Row(pictures, row) for row in range(count)]


@lru_cache(maxsize=8)
def _mapped(path: str, size: int) -> NDArray[np.uint8]:
    return np.memmap(path, np.uint8, mode="r").reshape(-1, size)
