"""The judge of a fold, which says how near drawn rows are to held-out ones.

Shapes: A training rows, V held-out rows, N of them that are judged, F features, S statistics of a row.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from src.kinds.registry import kind_of
from src.kinds.shallow import PLAIN
from src.kinds.views import seen
from src.models.judges import ClassTeller
from src.models.measures.measure import Measure
from src.models.samples import (
    COVERED,
    COVERED_BY_REAL,
    EXPECTED,
    FRECHET_FLOOR,
    GUESSED,
    JUDGED,
    KERNEL_FLOOR,
    NEAR,
    SIDES,
    SPREAD,
    STATISTICS,
    TOLD,
    TOLD_OF_REAL,
    chance,
    covered,
    floors,
    nearest,
)
from src.tables.table import Schema

Array = NDArray[np.float64]

# The most held-out rows that are judged, evenly spaced, each beside a sample.
MOST = 1_000
# Random splits of real rows that the floors are means over.
SPLITS = 20


@dataclass(frozen=True)
class Judge:
    """Fitted on the training rows of a fold, but for some that are kept apart and serve as fresh real rows.

    places_N: the held-out rows that are judged; for each of them a model draws one row. classes: what tells the classes
    of rows, where the problem says which column holds them.
    """

    looks: Any
    rows: int
    places_N: NDArray[np.intp]
    learnt: Any
    held_out: Any
    real_NF: Array
    training_NF: Array
    fresh_NF: Array
    floors: tuple[float, float]
    classes: ClassTeller | None = None

    @classmethod
    def fit(cls, schema: Schema, x_A: Any, x_V: Any, count: int | None = None) -> Self:
        """x_A, x_V: the inputs of training and of held-out rows, from the same vectorizer.

        count: how many held-out rows to judge, by default up to `MOST`. Without held-out rows only training rows are
        compared with samples.
        """
        kind = kind_of(schema.features)
        assert kind.judge is not None
        view = kind.flat.get(schema.problem_type.networks, PLAIN)
        learnt, held_out = seen(x_A, view), seen(x_V, view)
        most = min(MOST, count or MOST, len(held_out) or len(learnt))
        places_N = spaced(len(held_out), most)
        apart = np.zeros(len(learnt), bool)
        apart[spaced(len(learnt), min(most, len(learnt) // 2))] = True
        looks = kind.judge().fit(learnt[~apart])
        real_NF, fresh_NF = looks.features(held_out[places_N]), looks.features(learnt[apart])
        pool = np.concatenate([real_NF, fresh_NF])
        return cls(
            looks=looks,
            rows=len(held_out),
            places_N=places_N,
            learnt=learnt,
            held_out=held_out[places_N],
            real_NF=real_NF,
            training_NF=looks.features(learnt[spaced(len(learnt), most)]),
            fresh_NF=fresh_NF,
            floors=floors(pool, most, SPLITS, 0) if len(pool) > 1 else (1.0, 1.0),
            classes=None if schema.given is None else looks.teller(_place(schema)).fit(learnt),
        )

    @property
    def draws(self) -> int:
        """How many rows a model is to draw."""
        return max(len(self.real_NF), len(self.training_NF))

    def curves(self, x_N: Any, measure: Measure) -> dict[str, float]:
        """The measure of drawn rows beside training rows and, where there are some, beside held-out ones."""
        drawn_NF = self.looks.features(x_N)
        parts = {"training": self.training_NF} | ({"validation": self.real_NF} if self.rows else {})
        return {
            name: measure.value_of(self._beside(real_NF, drawn_NF[: len(real_NF)]), np.ones(len(real_NF)))
            for name, real_NF in parts.items()
        }

    def statistics(self, x_N: Any) -> Array:
        """The statistics of all held-out rows beside drawn ones, (V, S)."""
        s_VS = np.zeros((self.rows, STATISTICS))
        if not self.rows:
            return s_VS
        x_N = x_N[: len(self.real_NF)]
        drawn_NF = self.looks.features(x_N)
        s_NS = self._beside(self.real_NF, drawn_NF)
        drawn, learnt, held_out = self.looks.apart([x_N, self.learnt, self.held_out])
        count_P = nearest(drawn, np.concatenate([learnt, held_out]))
        s_NS[:, NEAR] = count_P[len(learnt) :]
        s_NS[:, EXPECTED], s_NS[:, SPREAD] = chance(count_P, len(held_out))
        s_NS[:, COVERED] = covered(self.real_NF, drawn_NF)
        s_NS[:, COVERED_BY_REAL] = covered(self.real_NF, self.fresh_NF)
        if self.classes is not None:
            s_NS[:, TOLD], s_NS[:, TOLD_OF_REAL] = self.classes.told(x_N), self.classes.told(self.held_out)
            s_NS[:, GUESSED] = self.classes.guessed(x_N)
        s_VS[self.places_N] = s_NS
        return s_VS

    def _beside(self, real_NF: Array, drawn_NF: Array) -> Array:
        sides_N = np.zeros((len(real_NF), SIDES))
        sides_N[:, JUDGED] = 1
        sides_N[:, FRECHET_FLOOR], sides_N[:, KERNEL_FLOOR] = self.floors
        return np.hstack([sides_N, real_NF, drawn_NF])


def _place(schema: Schema) -> int | None:
    """The number of the column of classes; None where they come beside the inputs."""
    names = [feature.name for feature in schema.features]
    return names.index(schema.given) if schema.given in names else None


def spaced(rows: int, most: int) -> NDArray[np.intp]:
    """At most so many evenly spaced positions."""
    return np.unique(np.linspace(0, rows - 1, most).astype(np.intp)) if rows else np.zeros(0, np.intp)
