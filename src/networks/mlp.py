"""Densely connected network for tables.

Book: "Getting started with neural networks". Shapes: B rows, D inputs, K outputs.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from src.networks.dropout import Dropout

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


class MLP(nn.Module):
    """Hidden layers of `units`, each followed by the activation and dropout, then a linear layer to the logits.

    Weights start uniform with variance 2 / fan-in (He et al. 2015), biases at zero.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        units: Sequence[int],
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
    ) -> None:
        super().__init__()
        self.activation = activation
        layers: list[nn.Module] = []
        for width in units:
            layers += [nn.Linear(inputs, width), ACTIVATIONS[activation](), Dropout(dropout)]
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Linear(inputs, outputs))
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, x_BD: Tensor) -> Tensor:
        return self.layers(x_BD)
