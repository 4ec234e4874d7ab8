"""The data sets that come with scikit-learn, with readable column and class names."""

from collections.abc import Callable
from typing import Any

import pandas as pd

# scikit-learn has the publisher's short names; these say what was measured (Efron et al. 2004).
_DIABETES = {
    "s1": "total_cholesterol",
    "s2": "low_density_lipoproteins",
    "s3": "high_density_lipoproteins",
    "s4": "cholesterol_ratio",
    "s5": "log_triglycerides",
    "s6": "blood_sugar",
    "bp": "blood_pressure",
    "target": "progression",
}


def load_bundled(name: str) -> pd.DataFrame:
    """The data set as one table: its features and its target, with classes as text."""
    from sklearn import datasets

    loaders: dict[str, Callable[[], pd.DataFrame]] = {
        "breast_cancer": lambda: _classes(datasets.load_breast_cancer(as_frame=True), "diagnosis"),
        "digits": lambda: _classes(datasets.load_digits(as_frame=True), "digit"),
        "iris": lambda: _classes(datasets.load_iris(as_frame=True), "species"),
        "wine": lambda: _classes(datasets.load_wine(as_frame=True), "cultivar"),
        # scaled=False: scikit-learn's default scales with statistics of all rows, the held-out ones included.
        "diabetes": lambda: datasets.load_diabetes(as_frame=True, scaled=False).frame.rename(columns=_DIABETES),
        "linnerud": lambda: datasets.load_linnerud(as_frame=True).frame.rename(columns=str.lower),
    }
    return loaders[name]()


def _classes(bunch: Any, target: str) -> pd.DataFrame:
    names = [str(name) for name in bunch.target_names]
    return bunch.data.assign(**{target: pd.Series([names[i] for i in bunch.target], dtype="str")})
