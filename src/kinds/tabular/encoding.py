"""How columns of a table become numbers, as far as the fold's training rows do not decide it."""

import pandas as pd

from src.problem.steps import PrepareSettings
from src.results.verdicts import Choice
from src.tables.table import Feature


def encode(
    train: pd.DataFrame, features: list[Feature], settings: PrepareSettings
) -> tuple[list[Feature], list[Choice]]:
    """Autoencoders rebuild each number itself, so they get no bins, which only help prediction."""
    if settings.problem_type.networks == "predict":
        return features, []
    return [
        feature.model_copy(update={"encoding": {"bins": 0}}) if feature.type == "numeric" else feature
        for feature in features
    ], []
