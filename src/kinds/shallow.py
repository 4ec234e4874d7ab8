"""Shallow models by what a problem asks for: classes or numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from src.kinds.views import View
from src.problem.terms import ProblemType

PLAIN = View()


@dataclass(frozen=True)
class Shallow:
    """A shallow model to be fitted.

    estimator: makes an unfitted scikit-learn estimator from a seed and the number of rows that it will learn from.
    view: the columns that it sees. most_rows: it learns from so many rows at most, evenly spaced; None: from all.
    """

    estimator: Callable[[int, int], Any]
    view: View = PLAIN
    most_rows: int | None = None


ByType = Mapping[ProblemType, Mapping[str, Shallow]]


def by_type(classifiers: dict[str, Shallow], regressors: dict[str, Shallow]) -> dict[ProblemType, dict[str, Shallow]]:
    """The named models for every problem type."""
    return {
        "binary": classifiers,
        "multiclass": classifiers,
        "multilabel": classifiers,
        "regression": regressors,
        "unit_interval_regression": regressors,
    }
