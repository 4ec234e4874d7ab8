"""What a finished model drew or wrote by a fixed seed, as files that MLflow shows: pictures, tables, texts.

This module does not depend on MLflow.
"""

import csv
import io
from base64 import b64decode
from collections.abc import Sequence

from src.results.evaluate import Drawn, Evaluate, Writings

FOLDER = "samples"


def files_of(evaluation: Evaluate) -> dict[str, bytes]:
    """The files by their names; none of a model that makes nothing."""
    drawn = {} if evaluation.drawn is None else _drawn(evaluation.drawn)
    return drawn if evaluation.writings is None else drawn | _written(evaluation.writings)


def _drawn(drawn: Drawn) -> dict[str, bytes]:
    """Samples and the training rows nearest to them; of a network with a code what it draws from codes."""
    if not drawn.grids:
        return {f"{name}.csv": _csv(drawn.header, getattr(drawn, name)) for name in ("samples", "nearest")}
    names = ["samples", "nearest", *(f"codes_{number}" for number in range(1, len(drawn.grids) - 1))]
    pictures = [b64decode(grid.picture.partition(",")[2]) for grid in drawn.grids]
    return {f"{name}.png": picture for name, picture in zip(names, pictures, strict=True)}


def _csv(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def _written(writings: Writings) -> dict[str, bytes]:
    parts = [f"Temperature {written.temperature:g}:\n\n{written.text}\n" for written in writings.texts]
    return {"texts.txt": "\n\n".join(parts).encode()}
