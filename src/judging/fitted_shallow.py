"""A shallow model that has been fitted: the preprocessing and an estimator for each target column.

Shapes: N rows, D columns, C classes, K outputs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.core.stored import Stored
from src.kinds.chunks import inputs_of
from src.kinds.vectorizers import Vectorizer
from src.kinds.views import View, seen
from src.preparation.targets import TargetScaler
from src.results.evaluate import ShallowSettings
from src.tables.table import Schema

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

# Rows scored at a time, which bounds the memory.
CHUNK = 16_384
# Fewer rows are scored in one thread: a forest of 300 trees starts its threads 300 times. Ten rows took 80 ms in two
# threads on two busy cores, and 7 ms in one.
WORTH_THREADS = 1_000


class ShallowSetup(Stored):
    """All of a fitted shallow model but its estimators.

    table: the schema of the main target alone, as shallow models answer no further ones. view: the columns that the
    estimators see of what the vectorizer makes.
    """

    model: ShallowSettings
    table: Schema
    vectorizer: Vectorizer
    target_scaler: TargetScaler | None
    view: View


@dataclass(frozen=True)
class FittedShallow:
    """Scikit-learn estimators, one for each target column (without targets one), and how rows become what they read."""

    setup: ShallowSetup
    estimators: list[Any]

    def row_predictions(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Probabilities, or values in the target's unit, (N, K), for the rows of a `Table`."""
        setup = self.setup
        with _threads_for(len(rows)):
            parts = [
                self._answers(seen(x_ND, setup.view)) for x_ND in inputs_of(setup.vectorizer, rows, setup.table, CHUNK)
            ]
        p_NK = np.concatenate(parts) if parts else np.empty((0, setup.table.outputs))
        return p_NK if setup.target_scaler is None else setup.target_scaler.restore(p_NK)

    def _answers(self, x_ND: Any) -> NDArray[np.float64]:
        """Probabilities, or values as they were learnt, (N, K); without targets, the statistics of the rows."""
        schema = self.setup.table
        if not schema.targets:
            return statistics_of(self.estimators[0], x_ND)
        columns = [answers_of(estimator, x_ND, len(schema.classes) or 2) for estimator in self.estimators]
        return schema.problem_type.joined(columns)


def statistics_of(estimator: Any, x_ND: Any) -> NDArray[np.float64]:
    """What an estimator without a target says of each row, (N, S)."""
    return np.asarray(estimator.score_samples(x_ND), np.float64).reshape(x_ND.shape[0], -1)


@contextmanager
def _threads_for(rows: int) -> Iterator[None]:
    """Let scikit-learn's loops over rows use one thread where there are few rows."""
    if rows >= WORTH_THREADS:
        yield
        return
    with _thread_pools().limit(limits=1, user_api="openmp"):
        yield


@lru_cache
def _thread_pools() -> "ThreadpoolController":
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def answers_of(estimator: Any, x_ND: Any, classes: int) -> NDArray[np.float64]:
    """Of one target column values (N, 1), or probabilities (N, C), 0 for a class that no training row had."""
    if not hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict(x_ND), np.float64)[:, None]
    p_NC = np.zeros((x_ND.shape[0], classes))
    p_NC[:, estimator.classes_.astype(np.intp)] = estimator.predict_proba(x_ND)
    return p_NC
