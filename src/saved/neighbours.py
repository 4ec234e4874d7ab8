"""The training rows that a finished model keeps, to tell how near a drawn row is to what the model has learnt from.

Rows of a table are compared in standardized columns: numbers in units of their standard deviation among the training
rows, and categories so that two different ones are 1 apart. Pictures are compared by their pixels, from 0 to 1.
Shapes: N training rows, S samples, D numbers of a row, I inputs.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from src.inputs.pictures import Bytes, ClassedPictures
from src.inputs.places import NUMBER, outcomes, split
from src.kinds.image.pixels import levels
from src.kinds.image.vectorizer import ImageVectorizer
from src.kinds.vectorizers import Vectorizer
from src.models.judges import columns_of
from src.saved.model_folder import DamagedModelError
from src.tables.table import Table

Array = NDArray[np.float64]

TRAINING = "training_rows.npz"
# Training rows that samples are compared with at once.
AT_ONCE = 4_096
BRIGHTEST = 255


class Nearest(NamedTuple):
    """The training row nearest to each sample: its place among the kept ones, its number, and the distance."""

    place_S: NDArray[np.intp]
    row_S: NDArray[np.int64]
    distance_S: Array


@dataclass(frozen=True)
class Neighbours:
    """Training rows: their numbers in the data file, from 0, and their inputs: places (N, I), or bytes of pictures."""

    rows_N: NDArray[np.int64]
    x_N: NDArray[Any]

    @classmethod
    def of(cls, table: Table, vectorizer: Vectorizer) -> Self:
        """The rows of a table of training rows, as the vectorizer makes them inputs."""
        x_N: Any = vectorizer.transform(table.frame)
        return cls(table.rows_N, pixels(levels(x_N)) if isinstance(vectorizer, ImageVectorizer) else np.asarray(x_N))

    def save(self, folder: Path) -> None:
        """Write them to a file in the folder of a model. The same rows give the same bytes."""
        with (folder / TRAINING).open("wb") as file:
            np.savez(file, rows=self.rows_N, inputs=self.x_N)

    @classmethod
    def read(cls, folder: Path) -> "Neighbours | None":
        """Those in the folder of a model; None if it keeps none. Raises DamagedModelError if they cannot be read."""
        path = folder / TRAINING
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(stored["rows"], stored["inputs"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise DamagedModelError(f"{path} holds no readable training rows ({error})") from None

    def nearest(self, x_S: NDArray[Any] | ClassedPictures) -> Nearest:
        """The nearest training row to each row of these inputs; of equally near ones the first."""
        sample_SD = self._numbers(pixels(x_S))
        least_S, place_S, start = np.full(len(sample_SD), np.inf), np.zeros(len(sample_SD), np.intp), 0
        for part_ND in self._parts():
            away_SN = (part_ND**2).sum(axis=1) - 2 * sample_SD @ part_ND.T
            best_S = away_SN.argmin(axis=1)
            now_S = away_SN[np.arange(len(sample_SD)), best_S]
            place_S = np.where(now_S < least_S, start + best_S, place_S)
            least_S, start = np.minimum(least_S, now_S), start + len(part_ND)
        distance_S = np.sqrt(np.square(sample_SD - self._numbers(self.x_N[place_S])).sum(axis=1, dtype=np.float64))
        return Nearest(place_S, self.rows_N[place_S], distance_S)

    def _parts(self) -> Iterator[NDArray[np.floating]]:
        return (self._numbers(self.x_N[start : start + AT_ONCE]) for start in range(0, len(self.x_N), AT_ONCE))

    def _numbers(self, x_N: NDArray[Any]) -> NDArray[np.floating]:
        """Rows as numbers whose Euclidean distances count, (N, D)."""
        if x_N.ndim > 2:
            return x_N.reshape(len(x_N), -1).astype(np.float32) / BRIGHTEST
        counts, unit_D = self._columns
        return columns_of(x_N, counts) / unit_D

    @cached_property
    def _columns(self) -> tuple[list[int], Array]:
        """The number of outcomes of each column, and the unit of each number that it gives."""
        outcomes_ND = split(self.x_N)[1]
        counts = list(outcomes(outcomes_ND))
        spreads: list[float] = []
        number_ND = columns_of(self.x_N, counts)
        for d, count in enumerate(counts):
            if count == NUMBER:
                spread = number_ND[outcomes_ND[:, d] == NUMBER, len(spreads)].std() if len(number_ND) else 0.0
                spreads += [spread or 1.0, 1.0]
            else:
                spreads += [2**0.5] * count
        return counts, np.array(spreads)


def pixels(x_N: NDArray[Any] | ClassedPictures) -> Bytes | NDArray[Any]:
    """Pictures without their classes; other inputs as they are."""
    return x_N.pixels_NCHW if isinstance(x_N, ClassedPictures) else x_N
