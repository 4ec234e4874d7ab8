"""Bodies: from vectorized inputs to hidden features and logits, per kind of input.

A network is named by a plain dictionary (its configuration), so that a result file can hold it and a saved model can
build it again: `{"kind": "mlp", "units": [64, 64], "dropout": 0.25, "activation": "relu"}`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

# Module and class of every kind of network.
KINDS = {"mlp": ("src.networks.mlp", "MLP")}


def build_network(network: dict[str, Any], inputs: int, outputs: int) -> "nn.Module":
    """The network of a configuration for D inputs and K outputs, freshly initialized from torch's random state."""
    module, name = KINDS[network["kind"]]
    options = {key: value for key, value in network.items() if key != "kind"}
    return getattr(import_module(module), name)(inputs=inputs, outputs=outputs, **options)
