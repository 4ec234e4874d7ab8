"""How columns of a table become numbers, as far as the fold's training rows do not decide it.

Shapes: N rows.
"""

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.core.errors import UserError
from src.core.text import listing
from src.kinds.tabular.vectorizer import DAY, Categories, as_numbers
from src.models.types.problem_type import Networks
from src.problem.steps import PrepareSettings
from src.results.verdicts import Choice
from src.tables.columns import seconds
from src.tables.table import Feature

# A cell is at least this share of a column's range: more digits than five are rounding of a calculation.
FINEST = 1e-5
# The networks that give rows of a table a probability, and one that only draws rows.
OF_TABLES = ("vae", "nice", "realnvp", "flow_matching")
# Columns that a choice names.
MOST_NAMES = 3
# Seconds between the dates that a column can hold.
CLOCKS = (DAY, 3_600, 60, 1)

Encoded = tuple[list[Feature], list[Choice]]


def encode(train: pd.DataFrame, features: list[Feature], settings: PrepareSettings) -> Encoded:
    """What networks are to do with the columns decides it."""
    encoded, choices = _ENCODED[settings.problem_type.networks](train, features)
    if settings.likelihood == "auto":
        return encoded, choices
    if settings.likelihood not in OF_TABLES:
        suitable = OF_TABLES if settings.problem_type.generates else OF_TABLES[:-1]
        raise UserError(f"likelihood: {settings.likelihood} is for pictures; choose {' or '.join(suitable)}")
    first, *others = encoded
    network = {"network": settings.likelihood}
    return [first.model_copy(update={"encoding": first.encoding | network}), *others], choices


def _as_they_are(train: pd.DataFrame, features: list[Feature]) -> Encoded:
    return features, []


def _without_bins(train: pd.DataFrame, features: list[Feature]) -> Encoded:
    """Autoencoders rebuild each number itself, so they get no bins, which only help prediction."""
    return [
        feature.model_copy(update={"encoding": {"bins": 0}}) if feature.type == "numeric" else feature
        for feature in features
    ], []


def _outcomes(train: pd.DataFrame, features: list[Feature]) -> Encoded:
    """All outcomes of each column, which share its probability. Like classes of a target they are settled once.

    Numbers and dates are recorded in steps; categories are those of the training rows.
    """
    encoded: list[Feature] = []
    steps: dict[str, list[str]] = {}
    for feature in features:
        values_N = train[feature.name]
        encoding: dict[str, object]
        if feature.type in ("numeric", "date"):
            step = _step_of_dates(values_N) if feature.type == "date" else step_of(as_numbers(values_N))
            steps.setdefault(f"{step:g} days" if feature.type == "date" else f"{step:g}", []).append(feature.name)
            encoding = {"step": step}
        else:
            encoding = {"categories": Categories.fit(feature.name, values_N).categories}
        encoded.append(feature.model_copy(update={"encoding": encoding}))
    reason = "the step in which the training rows record a column, or five digits of its range; the measure's unit"
    choices = [
        Choice(setting=f"resolution of {_some(names)}", chosen=step, reason=reason) for step, names in steps.items()
    ]
    return encoded, choices


def _some(names: list[str]) -> str:
    return listing(names) if len(names) <= MOST_NAMES else f"{names[0]} and {len(names) - 1} other columns"


def step_of(values_N: NDArray[np.float64]) -> float:
    """The largest power of ten of which all values are multiples, but at least `FINEST` of their range; 1 for none."""
    values_V = np.unique(values_N[np.isfinite(values_N)])
    decimals = [_decimals(value) for value in values_V.tolist() if value]
    recorded = 10.0 ** -max(decimals, default=0)
    reach = float(np.ptp(values_V)) if len(values_V) > 1 else 0.0
    least = 10.0 ** np.ceil(np.log10(FINEST * reach) - 1e-9) if reach > 0 else recorded
    return float(max(recorded, least))


def _decimals(value: float) -> int:
    """The digits behind the point that a number needs; negative if it ends with zeros before the point."""
    return -int(Decimal(repr(value)).normalize().as_tuple().exponent)


def _step_of_dates(values_N: "pd.Series[pd.Timestamp]") -> float:
    """The longest of `CLOCKS` of which all dates are multiples, but at least `FINEST` of their range; in days."""
    seconds_N = seconds(values_N)
    known_N = seconds_N[np.isfinite(seconds_N)]
    recorded = next((clock for clock in CLOCKS if not (known_N % clock).any()), CLOCKS[-1])
    least = FINEST * float(np.ptp(known_N)) if len(known_N) else 0.0
    return next((clock for clock in reversed(CLOCKS) if clock >= max(recorded, least)), CLOCKS[0]) / DAY


_ENCODED: dict[Networks, Callable[[pd.DataFrame, list[Feature]], Encoded]] = {
    "predict": _as_they_are,
    "rebuild": _without_bins,
    "likelihood": _outcomes,
}
