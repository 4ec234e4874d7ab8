"""What shallow models see of vectorized inputs: columns of numbers, or pictures of bytes."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from src.core.stored import Stored
from src.inputs.sparse import Inputs, Joined
from src.kinds.image.pixels import levels, pixels
from src.kinds.mixed.side_by_side import side_by_side
from src.kinds.tokens.described import described


class View(Stored):
    """How inputs become columns (N, D). part: the only part of joined inputs to see; None: all."""

    columns: Literal["inputs", "pixels", "every_pixel", "levels", "words", "side_by_side"] = "inputs"
    part: int | None = None


def _as_they_are(x: Any) -> Any:
    return x


_COLUMNS: dict[str, Callable[[Any], Any]] = {
    "inputs": _as_they_are,
    "pixels": pixels,
    "every_pixel": partial(pixels, most=math.inf),
    "levels": levels,
    "words": described,
    "side_by_side": side_by_side,
}


def seen(x: Inputs, view: View) -> Any:
    """The columns of `x` that a shallow model learns from, as an array or sparse rows (N, D)."""
    part: Any = x
    if view.part is not None:
        assert isinstance(x, Joined)
        part = x.parts[view.part]
    return _COLUMNS[view.columns](part)
