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
    """An encoder for each input; what they find is joined, and an `MLP` of `units` reads the answer off it.

    encoders: networks whose last layer gives not the answer but `features`, so many each.
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
        """One input for each encoder to logits_BK."""
        found_BF = torch.cat([encoder(part) for encoder, part in zip(self.encoders, x, strict=True)], dim=1)
        return self.rest(self.between(found_BF))
