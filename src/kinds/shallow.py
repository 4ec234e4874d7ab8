"""Shallow models: scikit-learn's classifiers for types with classes, its regressors for types with numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from src.kinds.views import View
from src.models.types.problem_type import Family

PLAIN = View()


@dataclass(frozen=True)
class Shallow:
    """A shallow model to be fitted.

    estimator: makes an unfitted scikit-learn estimator from a seed and the number of rows that it will learn from.
    view: the columns that it sees. most_rows: the most rows that it learns from, evenly spaced; None: all.
    """

    estimator: Callable[[int, int], Any]
    view: View = PLAIN
    most_rows: int | None = None


ByFamily = dict[Family, dict[str, Shallow]]
