"""Shallow models for texts: linear ones on the same columns as the networks."""

from collections.abc import Callable
from typing import Any

from src.problem import ProblemType


def _logistic_regression(seed: int) -> Any:
    """By stochastic gradients, which with many classes takes seconds where other solvers take minutes."""
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(loss="log_loss", alpha=1e-3, random_state=seed)


def _ridge(seed: int) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge()


_CLASSIFIERS: dict[str, Callable[[int], Any]] = {"linear": _logistic_regression}
_REGRESSORS: dict[str, Callable[[int], Any]] = {"linear": _ridge}
SHALLOW: dict[ProblemType, dict[str, Callable[[int], Any]]] = {
    "binary": _CLASSIFIERS,
    "multiclass": _CLASSIFIERS,
    "multilabel": _CLASSIFIERS,
    "regression": _REGRESSORS,
    "unit_interval_regression": _REGRESSORS,
}
