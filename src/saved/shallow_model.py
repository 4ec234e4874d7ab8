"""A finished shallow model: the fitted preprocessing and scikit-learn's estimators in one folder, without pickle.

`model.json` holds the schema, the vectorizer, the target scaler and, for values, the width of the prediction interval.
`estimators.skops` holds the fitted estimators. Shapes: N rows, K outputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from src.core.files import write_json
from src.inputs.pictures import ClassedPictures
from src.judging.fitted_shallow import FittedShallow, ShallowSetup
from src.kinds.vectorizers import Vectorizer
from src.saved.estimators import read_estimators, write_estimators
from src.saved.inference import Interval, Model, Typical
from src.saved.model_folder import CARD, DamagedModelError, new_folder
from src.saved.neighbours import Neighbours

ESTIMATORS = "estimators.skops"


class ShallowCard(ShallowSetup):
    """model.json of a shallow model: everything but the estimators."""

    saved: Literal["shallow"] = "shallow"
    interval: Interval | None = None
    typical: Typical | None = Field(None, exclude_if=lambda typical: typical is None)


@dataclass(frozen=True)
class ShallowModel(Model):
    """A fitted shallow model with the interval around its predictions."""

    card: ShallowCard
    estimators: list[Any]
    neighbours: Neighbours | None = None

    @property
    def vectorizers(self) -> Sequence[Vectorizer]:
        return [self.card.vectorizer]

    def decoded(self, code_NC: NDArray[np.float64]) -> NDArray[np.float64]:
        inputs_ND: NDArray[np.float64] = self.estimators[0].rebuilt(code_NC)
        return inputs_ND

    def reading_on(self) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
        [estimator] = self.estimators
        read: list[NDArray[np.int64]] = []

        def after(symbol_B: NDArray[np.int64]) -> NDArray[np.float64]:
            read.append(symbol_B)
            p_BV: NDArray[np.float64] = estimator.next_symbols(np.column_stack(read[-estimator.order :]))
            return p_BV

        return after

    def drawn(self, count: int, seed: int, class_: int | None = None) -> NDArray[Any] | ClassedPictures:
        of_class = () if class_ is None else (class_,)
        x: NDArray[Any] | ClassedPictures = self.estimators[0].sample(count, np.random.default_rng(seed), *of_class)
        return x

    def save(self, folder: Path) -> None:
        with new_folder(folder) as partial:
            write_json(partial / CARD, self.card.model_dump(mode="json"))
            write_estimators(partial / ESTIMATORS, self.estimators)
            if self.neighbours is not None:
                self.neighbours.save(partial)

    @classmethod
    def read(cls, card: ShallowCard, folder: Path) -> Self:
        """The model of `card` with the estimators in `folder`. Raises DamagedModelError if they do not match."""
        path = folder / ESTIMATORS
        try:
            estimators = read_estimators(path)
        except ValueError as error:
            raise DamagedModelError(f"{path} cannot be read: {error}") from None
        wanted = max(len(card.table.targets), 1)
        if len(estimators) != wanted:
            raise DamagedModelError(
                f"{path} does not match {folder / CARD}: {len(estimators)} estimators for {wanted} target columns"
            )
        return cls(card, estimators, Neighbours.read(folder))

    def row_predictions(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        return FittedShallow(self.card, self.estimators).row_predictions(rows)
