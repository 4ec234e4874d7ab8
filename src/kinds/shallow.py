"""Shallow models by what a problem asks for: classes or numbers."""

from collections.abc import Callable
from typing import Any

from src.problem.terms import ProblemType

# Makes a model with scikit-learn's interface from a seed.
ModelOf = Callable[[int], Any]


def by_type(classifiers: dict[str, ModelOf], regressors: dict[str, ModelOf]) -> dict[ProblemType, dict[str, ModelOf]]:
    """The named models for every problem type."""
    return {
        "binary": classifiers,
        "multiclass": classifiers,
        "multilabel": classifiers,
        "regression": regressors,
        "unit_interval_regression": regressors,
    }
