"""Judges of drawn rows: what they see of a row, and by which numbers rows are near each other.

What a judge sees is random by a fixed seed. Of the training rows it learns only where their numbers lie. So it favours
no model, neither one that was fitted in its space nor one whose rows it has seen.
Shapes: N rows, D columns or numbers, I = 2D inputs, F features; of pictures C channels, H height, W width.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from src.inputs.pictures import ClassedPictures, averaged
from src.inputs.places import FARTHEST, NUMBER, outcomes, split
from src.models.samples import FEATURES, TINY

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

# Columns that a feature looks at together, and the length of its direction: how fast it changes.
TOGETHER, STEEP = 3, 1.5
# Trees of the forest that tells classes.
TREES = 100
# The filters of the random convolutions, the most pictures that main directions are learnt from, and directions that
# vary by less than this share of the first, which count as none.
FILTERS, MOST_PICTURES, LEAST_SPREAD = (16, 32, 64), 5_000, 1e-4
# The most numbers of a picture by which it is near another, and pictures that are looked at together.
MOST_PIXELS, AT_ONCE = 14 * 14, 512


class ClassTeller(ABC):
    """A forest that has learnt the class of rows from what else there is of them."""

    def fit(self, x_N: Any) -> Self:
        """Learn from training rows."""
        from sklearn.ensemble import ExtraTreesClassifier

        class_N = self.classes(x_N)
        self.commonest = int(np.bincount(class_N).argmax())
        self.forest = ExtraTreesClassifier(TREES, min_samples_leaf=2, random_state=0, n_jobs=1)
        self.forest.fit(self.others(x_N), class_N)
        return self

    def told(self, x_N: Any) -> Array:
        """Whether it names the class of each row, (N,) of 0 and 1."""
        return np.asarray(self.forest.predict(self.others(x_N)) == self.classes(x_N), np.float64)

    def guessed(self, x_N: Any) -> Array:
        """Whether each row is of the class that is commonest in training, (N,) of 0 and 1."""
        return np.asarray(self.classes(x_N) == self.commonest, np.float64)

    @abstractmethod
    def classes(self, x_N: Any) -> NDArray[np.int64]:
        """The class of each row."""

    @abstractmethod
    def others(self, x_N: Any) -> Array:
        """What the class is told from, (N, D)."""


class ColumnTeller(ClassTeller):
    """The class is one of the columns of a table, by its number."""

    def __init__(self, column: int) -> None:
        self.column = column

    def fit(self, x_N: NDArray[Any]) -> Self:
        self.outcomes = outcomes(split(x_N)[1])
        return super().fit(x_N)

    def classes(self, x_N: NDArray[Any]) -> NDArray[np.int64]:
        return split(x_N)[0][:, self.column]

    def others(self, x_N: NDArray[Any]) -> Array:
        others = [d for d in range(len(self.outcomes)) if d != self.column]
        inputs = [place for d in others for place in (2 * d, 2 * d + 1)]
        return columns_of(x_N[:, inputs], [self.outcomes[d] for d in others])


class PictureTeller(ClassTeller):
    """The class comes beside a picture, whose pixels tell it. It learns from evenly spaced training pictures."""

    def fit(self, x_N: ClassedPictures) -> Self:
        return super().fit(x_N[:: max(-(-len(x_N) // MOST_PICTURES), 1)])

    def classes(self, x_N: ClassedPictures) -> NDArray[np.int64]:
        return x_N.class_N

    def others(self, x_N: ClassedPictures) -> Array:
        return averaged(x_N.pixels_NCHW, MOST_PIXELS).astype(np.float64) / 255


class TableJudge:
    """Cosines in random directions, each of up to `TOGETHER` standardized columns.

    So the mean and the covariance of the features depend on how columns hang together, in straight lines or not.
    Source: Rahimi and Recht 2007, "Random features for large-scale kernel machines".
    """

    def fit(self, x_NI: NDArray[Any]) -> Self:
        """Learn the mean and the standard deviation of each column from training rows."""
        self.outcomes = outcomes(split(x_NI)[1])
        columns_ND = columns_of(x_NI, self.outcomes)
        self.mean, spread = columns_ND.mean(axis=0), columns_ND.std(axis=0)
        self.scale = np.where(spread > 0, spread, 1.0)
        rng, columns = np.random.default_rng(0), columns_ND.shape[1]
        self.directions = np.zeros((columns, FEATURES))
        for feature in range(FEATURES):
            seen = rng.choice(columns, min(TOGETHER, columns), replace=False)
            direction = rng.normal(size=len(seen))
            self.directions[seen, feature] = STEEP * direction / np.linalg.norm(direction)
        self.shifts = rng.uniform(0, 2 * np.pi, FEATURES)
        return self

    def features(self, x_NI: NDArray[Any]) -> Array:
        """(N, F)."""
        z_ND = (columns_of(x_NI, self.outcomes) - self.mean) / self.scale
        return np.asarray(np.sqrt(2) * np.cos(z_ND @ self.directions + self.shifts))

    def apart(self, sets: Sequence[NDArray[Any]]) -> list[Array]:
        """Each set as numbers by whose distances rows are near each other, in units of their spread in the last two."""
        parts = [columns_of(x_NI, self.outcomes) for x_NI in sets]
        spread = np.concatenate(parts[-2:]).std(axis=0)
        return [part_ND / np.where(spread > 0, spread, 1.0) for part_ND in parts]

    @staticmethod
    def teller(column: int) -> ColumnTeller:
        """What tells the classes that lie in this column."""
        return ColumnTeller(column)


def columns_of(x_NI: NDArray[Any], counts: Sequence[int]) -> Array:
    """Places as numbers: those of a number and whether it is missing, and of categories one for each.

    counts: the outcomes of each column (`src.inputs.places.outcomes`).
    """
    place_ND, outcomes_ND = split(np.nan_to_num(x_NI, posinf=FARTHEST, neginf=-FARTHEST).clip(-FARTHEST, FARTHEST))
    columns = []
    for d, count in enumerate(counts):
        if count == NUMBER:
            columns += [place_ND[:, d], outcomes_ND[:, d]]
        else:
            columns += [place_ND[:, d] == place for place in range(count)]
    return np.column_stack(columns).astype(np.float64)


def _pixels(x_N: Bytes | ClassedPictures) -> Bytes:
    return x_N.pixels_NCHW if isinstance(x_N, ClassedPictures) else x_N


class PictureJudge:
    """A convolutional network with random weights, whose features are standardized along their main directions.

    It has learnt nothing but these directions. Its features are means of the last layer over the quarters of a picture.
    Source: random networks as judges: Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative
    models", section 5.
    """

    def fit(self, x_N: Bytes | ClassedPictures) -> Self:
        """Learn the mean and the main directions of the network's features from training pictures (bytes)."""
        x_NCHW = _pixels(x_N)
        self.weights = self._weights(x_NCHW.shape[1])
        seen_ND = self._seen(x_NCHW[:: max(-(-len(x_NCHW) // MOST_PICTURES), 1)])
        self.mean = seen_ND.mean(axis=0)
        variances, directions_DD = np.linalg.eigh(np.cov(seen_ND.T, bias=True))
        spread = np.sqrt(variances.clip(min=0))[: -FEATURES - 1 : -1]
        scale = np.where(spread > max(LEAST_SPREAD * spread[0], TINY), spread, np.inf)
        self.directions = directions_DD[:, : -FEATURES - 1 : -1] / scale
        return self

    def features(self, x_N: Bytes | ClassedPictures) -> Array:
        """(N, F)."""
        return np.asarray((self._seen(_pixels(x_N)) - self.mean) @ self.directions)

    def apart(self, sets: Sequence[Bytes | ClassedPictures]) -> list[Array]:
        """Each set as pixels from 0 to 1, of which neighbouring ones are averaged until there are few enough."""
        return [averaged(_pixels(x_N), MOST_PIXELS).astype(np.float64) / 255 for x_N in sets]

    @staticmethod
    def teller(column: None) -> PictureTeller:
        """What tells the classes of pictures, which lie in no column of the inputs."""
        return PictureTeller()

    @staticmethod
    def _weights(channels: int) -> list[Array]:
        rng, weights = np.random.default_rng(0), []
        for filters in FILTERS:
            weights.append(rng.normal(size=(filters, channels, 3, 3)) * (2 / (9 * channels)) ** 0.5)
            channels = filters
        return weights

    def _seen(self, x_NCHW: Bytes) -> Array:
        import torch
        from torch.nn import functional

        parts = []
        for start in range(0, len(x_NCHW), AT_ONCE):
            z = torch.from_numpy(x_NCHW[start : start + AT_ONCE].astype(np.float32) / 255)
            for weight in self.weights:
                z = functional.relu(functional.conv2d(z, torch.from_numpy(weight.astype(np.float32)), None, 2, 1))
            parts.append(functional.adaptive_avg_pool2d(z, 2).flatten(1).double().numpy())
        return np.concatenate([np.empty((0, 4 * FILTERS[-1])), *parts])
