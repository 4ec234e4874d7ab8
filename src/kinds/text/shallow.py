"""Shallow models for texts: linear ones on the same columns as the networks."""

from functools import partial
from typing import Any

from src.kinds.shallow import ByFamily, Shallow


def _logistic_regression(seed: int, rows: int, strength: float) -> Any:
    """By stochastic gradients, which take seconds with many classes, while other solvers take minutes."""
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(loss="log_loss", alpha=strength, random_state=seed)


def _ridge(seed: int, rows: int) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge()


SHALLOW: ByFamily = {
    "classifier": {
        "linear": Shallow(partial(_logistic_regression, strength=1e-3)),
        "weakly_regularized_linear": Shallow(partial(_logistic_regression, strength=1e-4)),
    },
    "regressor": {"linear": Shallow(_ridge)},
}
