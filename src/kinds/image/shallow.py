"""Shallow models for pictures: linear ones and forests on their pixels."""

from functools import partial
from typing import Any

from src.kinds.shallow import ByFamily, Shallow
from src.kinds.views import View

# The most rows that a shallow model of pictures learns from: more rows mostly cost time.
MOST_ROWS = 20_000


def _linear_classifier(seed: int, rows: int, strength: float) -> Any:
    """Logistic regression with a penalty that does not depend on the number of rows: `strength` for each row.

    With many pixels L-BFGS takes seconds and stochastic gradients take minutes. More steps than the limit would change
    the fourth digit.
    """
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1 / (strength * rows), max_iter=200)


def _forest_classifier(seed: int, rows: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(100, random_state=seed)


def _linear_regressor(seed: int, rows: int) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=100.0)


def _forest_regressor(seed: int, rows: int) -> Any:
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(100, max_features="sqrt", random_state=seed)


_on_pixels = partial(Shallow, view=View(columns="pixels"), most_rows=MOST_ROWS)

SHALLOW: ByFamily = {
    "classifier": {
        "linear": _on_pixels(partial(_linear_classifier, strength=1e-3)),
        "strongly_regularized_linear": _on_pixels(partial(_linear_classifier, strength=1e-2)),
        "forest": _on_pixels(_forest_classifier),
    },
    "regressor": {"linear": _on_pixels(_linear_regressor), "forest": _on_pixels(_forest_regressor)},
}
