"""CIFAR-10's binary files: records of a label and a picture, and a file with the label names.

Source of the format: https://www.cs.toronto.edu/~kriz/cifar.html ("Binary version"). Shapes: N pictures, C channels,
H height, W width.
"""

from collections.abc import Mapping

import numpy as np

from src.core.errors import UserError
from src.inputs.pictures import packed

NAMES, IMAGE, LABEL = "batches.meta.txt", "image", "label"
CHANNELS, SIDE = 3, 32
_RECORD = 1 + CHANNELS * SIDE * SIDE


def rows_of_cifar(files: Mapping[str, bytes], shown: str) -> list[dict[str, str | bytes]]:
    """The records of all files, in their order, as rows with the columns `image` and `label`.

    Raises UserError if the label names are missing, a file does not end with a record, or a label has no name.
    """
    [names, *_] = [content.decode("ascii").split() for path, content in files.items() if _holds_names(path)] or [[]]
    if not names:
        raise UserError(f"{shown}: the label names are missing; let `members` match {NAMES}, too")
    rows: list[dict[str, str | bytes]] = []
    for path, content in files.items():
        if _holds_names(path):
            continue
        if not content or len(content) % _RECORD:
            raise UserError(
                f"{shown}: {path} is {len(content):,} bytes long, not records of {_RECORD:,}; fetch it again"
            )
        records = np.frombuffer(content, dtype=np.uint8).reshape(-1, _RECORD)
        if int(records[:, 0].max()) >= len(names):
            raise UserError(f"{shown}: {path} has the label {records[:, 0].max()}, but {NAMES} has {len(names)} names")
        pixels_NHWC = records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE).transpose(0, 2, 3, 1)
        pairs = zip(packed(pixels_NHWC), records[:, 0].tolist(), strict=True)
        rows += [{IMAGE: picture, LABEL: names[label]} for picture, label in pairs]
    return rows


def _holds_names(path: str) -> bool:
    return path.rpartition("/")[2] == NAMES
