"""Shallow models for words: linear ones on the word, its spelling and its neighbours."""

from typing import Any

from src.kinds.shallow import ByFamily, Shallow
from src.kinds.views import View

_WORDS = View(columns="words")


def _logistic_regression(seed: int, rows: int) -> Any:
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=10, tol=None, average=True, random_state=seed)


def _ridge(seed: int, rows: int) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge()


SHALLOW: ByFamily = {
    "classifier": {"linear": Shallow(_logistic_regression, _WORDS)},
    "regressor": {"linear": Shallow(_ridge, _WORDS)},
}
