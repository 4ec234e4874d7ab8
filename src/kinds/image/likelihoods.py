"""Models that give pictures a probability: the ladder of networks, and the models beside them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.core.errors import UserError
from src.kinds.image.encoding import Encoding
from src.kinds.image.vectorizer import ImageVectorizer
from src.kinds.shallow import ByFamily, Shallow
from src.kinds.views import View
from src.models.types.problem_type import Estimator
from src.networks import Configuration
from src.networks.configurations.variational import (
    PictureFlowConfiguration,
    PictureFlowMatchingConfiguration,
    PictureVariationalConfiguration,
    PixelCNNConfiguration,
)
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature

LEVELS = View(columns="levels")
CODE, COUPLINGS = 16, 6
# Masked convolutions of a PixelCNN.
LAYERS = 3
# The most pictures that a mixture of components learns from: more mostly cost time.
MIXTURE_ROWS = 20_000


def _independent_columns(seed: int, rows: int, code: int) -> Any:
    from src.models.histograms import IndependentColumns

    return IndependentColumns()


def _contexts(seed: int, rows: int) -> Any:
    from src.models.contexts import NeighbourContexts

    return NeighbourContexts()


def _component_mixture(seed: int, rows: int) -> Any:
    from src.models.component_mixture import ComponentMixture

    return ComponentMixture(seed)


OF_ROWS: Mapping[str, Estimator] = {"independent_columns": _independent_columns}
_CONTEXTS = {"neighbour_contexts": Shallow(_contexts, view=LEVELS)}
LIKELIHOODS: ByFamily = {
    "likelihood": _CONTEXTS,
    "generator": {**_CONTEXTS, "component_mixture": Shallow(_component_mixture, view=LEVELS, most_rows=MIXTURE_ROWS)},
}

_NETWORKS: Mapping[str, Callable[[int], Callable[..., Configuration]]] = {
    "vae": lambda width: partial(PictureVariationalConfiguration, units=[width, 2 * width], code=CODE),
    "autoregressive": lambda width: partial(PixelCNNConfiguration, units=[width] * LAYERS),
    "nice": lambda width: partial(PictureFlowConfiguration, units=[16 * width], couplings=COUPLINGS, family="nice"),
    "realnvp": lambda width: partial(
        PictureFlowConfiguration, units=[16 * width], couplings=COUPLINGS, family="realnvp"
    ),
    "flow_matching": lambda width: partial(PictureFlowMatchingConfiguration, units=[4 * width, 8 * width]),
}


def likelihoods(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> Sequence[Configuration]:
    """Networks of doubling width: variational autoencoders, flow matching, or what the problem asks for."""
    [encoding] = [Encoding.model_validate(feature.encoding) for feature in features]
    if encoding.likelihood not in _NETWORKS:
        raise UserError(f"likelihood: {encoding.likelihood} is for tables; choose {' or '.join(_NETWORKS)}")
    make = _NETWORKS[encoding.likelihood]
    shared: dict[str, Any] = {
        "activation": training.activation,
        "dropout": 0.0,
        "size": [encoding.height, encoding.width],
    }
    if encoding.given is not None:
        shared["classes"] = len(encoding.classes) + 1
    return [make(2 * settings.first_units * 2**rung)(**shared) for rung in range(settings.max_rungs)]


def constants(vectorizer: ImageVectorizer) -> dict[str, NDArray[np.float32]]:
    """Where each pixel lies in the training pictures, or how often each class occurs among them.

    By the names of the buffers of networks that need it.
    """
    if vectorizer.shares:
        return {"shares": np.array(vectorizer.shares, np.float32)}
    if vectorizer.pixels is None:
        return {}
    return {
        name: np.array(values, np.float32) for name, values in zip(("centre", "spread"), vectorizer.pixels, strict=True)
    }
