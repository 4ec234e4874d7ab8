"""IDX files, the format of MNIST: a header with the shape, then bytes.

Source of the format: LeCun, Cortes and Burges, "The MNIST database of handwritten digits". Shapes: N pictures,
H height, W width.
"""

import math
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from src.core.errors import UserError
from src.inputs.pictures import packed

IMAGE, LABEL = "image", "label"
_UNSIGNED_BYTE = 8


def table_of_idx(pictures: Path, labels: Path, folder: Path) -> Path:
    """Write the columns `image` and `label` of two IDX files as a Parquet file into `folder` and return its path.

    Raises UserError for files that are not IDX files of bytes, end too early, or have different lengths.
    """
    pixels_NHW, label_N = read_idx(pictures, 3, "pictures"), read_idx(labels, 1, "labels")
    if len(pixels_NHW) != len(label_N):
        raise UserError(
            f"{pictures.name} holds {len(pixels_NHW):,} pictures and {labels.name} {len(label_N):,} labels; "
            "they are not of the same set"
        )
    table = pa.table(
        {
            IMAGE: pa.array(list(packed(pixels_NHW[..., None])), pa.binary()),
            LABEL: pa.array(label_N.astype(np.int64)),
        }
    )
    target = folder / "table.parquet"
    pyarrow.parquet.write_table(table, target)
    return target


def read_idx(path: Path, dimensions: int, what: str) -> NDArray[np.uint8]:
    """The bytes of an IDX file as an array of its shape."""
    content = path.read_bytes()
    if content[:3] != bytes([0, 0, _UNSIGNED_BYTE]) or content[3:4] != bytes([dimensions]):
        raise UserError(f"{path.name} is not an IDX file of {what} (bytes in {dimensions} dimensions)")
    header = 4 + 4 * dimensions
    shape = struct.unpack(f">{dimensions}I", content[4:header]) if len(content) >= header else (0,) * dimensions
    if len(content) != header + math.prod(shape) or not shape[0]:
        raise UserError(f"{path.name} is not as long as its header says; fetch it again")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
