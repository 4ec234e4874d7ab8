"""Networks with several inputs.

Book: "The Keras functional API": multi-input models. Shapes: B rows, F features, K outputs.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from src.networks.dropout import Dropout
from src.networks.mlp import ACTIVATIONS, MLP


class JoinedNetwork(nn.Module):
    """An encoder for each input, whose features are concatenated and read by an `MLP` of `units`.

    encoders: networks whose last layer gives `features`, the number for each, instead of logits.
    """

    def __init__(
        self,
        encoders: Sequence[nn.Module],
        features: Sequence[int],
        outputs: int,
        units: Sequence[int],
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
    ) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.between = nn.Sequential(ACTIVATIONS[activation](), Dropout(dropout))
        self.rest = MLP(sum(features), outputs, units, dropout, activation)

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        """Logits_BK from one input for each encoder."""
        features_BF = torch.cat([encoder(part) for encoder, part in zip(self.encoders, x, strict=True)], dim=1)
        return self.rest(self.between(features_BF))
