"""Networks that give rows of a table a probability: their ladder, and what is fitted with the fold."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.core.errors import UserError
from src.inputs.places import NUMBER
from src.kinds.shallow import ByFamily, Shallow
from src.kinds.tabular.vectorizer import Cells, TabularVectorizer
from src.models.types.problem_type import Estimator
from src.networks import Configuration
from src.networks.configurations.variational import (
    TabularFlowConfiguration,
    TabularFlowMatchingConfiguration,
    TabularVariationalConfiguration,
)
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature

# The longest code, and the fewest columns for a number of it.
LONGEST_CODE, COLUMNS_OF_A_NUMBER = 16, 2
# The couplings of a flow.
COUPLINGS = 6


# The most rows that a Gaussian mixture or copula learns from: more rows mostly cost time.
MIXTURE_ROWS = 20_000


def _mixture(seed: int, rows: int) -> Any:
    from src.models.mixtures import CellMixture

    return CellMixture(seed)


def _copula(seed: int, rows: int) -> Any:
    from src.models.copula import GaussianCopula

    return GaussianCopula()


def _independent_columns(seed: int, rows: int, code: int) -> Any:
    from src.models.histograms import IndependentColumns

    return IndependentColumns()


OF_ROWS: dict[str, Estimator] = {"independent_columns": _independent_columns}
_MIXTURE = {"gaussian_mixture": Shallow(_mixture, most_rows=MIXTURE_ROWS)}
_COPULA = {"gaussian_copula": Shallow(_copula, most_rows=MIXTURE_ROWS)}
LIKELIHOODS: ByFamily = {"likelihood": _MIXTURE, "generator": {**_MIXTURE, **_COPULA}}


def likelihoods(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> Sequence[Configuration]:
    """Variational autoencoders with one hidden layer on each side, flows, or flow matching, of doubling width."""
    places = [
        len(feature.encoding["categories"]) + 1 if "categories" in feature.encoding else NUMBER for feature in features
    ]
    network = features[0].encoding.get("network", "vae")
    if network == "vae":
        code = max(1, min(LONGEST_CODE, len(places) // COLUMNS_OF_A_NUMBER))
        make: Callable[..., Configuration] = partial(TabularVariationalConfiguration, code=code)
    elif network == "flow_matching":
        make = TabularFlowMatchingConfiguration
    elif len(places) < 2:
        raise UserError(f"likelihood: {network} needs two columns, as one half of a row moves the other; choose vae")
    else:
        make = partial(TabularFlowConfiguration, couplings=COUPLINGS, family=network)
    widths = [settings.first_units * 2 ** (rung + 1) for rung in range(settings.max_rungs)]
    return [make(units=[width], activation=training.activation, dropout=0.0, places=places) for width in widths]


def constants(vectorizer: TabularVectorizer) -> dict[str, NDArray[np.float32]]:
    """Where the numbers of each column lie in the training rows, by the names of the networks' buffers."""
    cells: list[Any] = [column for column in vectorizer.columns if isinstance(column, Cells)]
    if not cells:
        return {}
    parts = {"centre": [column.centre for column in cells], "spread": [column.spread for column in cells]}
    return {f"outcomes.{name}": np.array(values, np.float32) for name, values in parts.items()}
