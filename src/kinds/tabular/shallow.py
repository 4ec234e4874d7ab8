"""Shallow models for tables: a linear one and gradient boosting."""

from typing import Any

import numpy as np

from src.kinds.shallow import ByFamily, Shallow


def _linear_classifier(seed: int, rows: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000)


def _boosted_classifier(seed: int, rows: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=seed)


def _linear_regressor(seed: int, rows: int) -> Any:
    from sklearn.linear_model import RidgeCV

    return RidgeCV(alphas=np.logspace(-3, 3, 13))


def _boosted_regressor(seed: int, rows: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(random_state=seed)


SHALLOW: ByFamily = {
    "classifier": {"linear": Shallow(_linear_classifier), "gradient_boosting": Shallow(_boosted_classifier)},
    "regressor": {"linear": Shallow(_linear_regressor), "gradient_boosting": Shallow(_boosted_regressor)},
}
