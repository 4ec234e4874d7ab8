"""Networks with several inputs.

Book: "The Keras functional API": multi-input models. Shapes: B rows, F features, K outputs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from src.networks.dropout import Dropout
from src.networks.mlp import ACTIVATIONS, MLP


class JoinedNetwork(nn.Module):
    """An encoder for each input; what they find is joined, and an `MLP` of `units` reads the answer off it.

    inputs: of each encoder. encoders: configurations of networks, whose last layer gives not the answer but as many
    features as their last hidden layer has units. build: makes an encoder of its configuration, the numbers that go in
    and those that come out. shared: further settings (augmentation), set in every encoder that
    has such a one.
    """

    def __init__(
        self,
        inputs: Sequence[int],
        outputs: int,
        encoders: Sequence[Mapping[str, Any]],
        units: Sequence[int],
        build: Callable[[dict[str, Any], int, int], nn.Module],
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
        **shared: Any,
    ) -> None:
        super().__init__()
        settings = {"dropout": dropout} | shared
        own = [{**of, **{name: settings[name] for name in settings if name in of}} for of in encoders]
        features = [of["units"][-1] for of in own]
        self.encoders = nn.ModuleList(
            build(of, width, found) for of, width, found in zip(own, inputs, features, strict=True)
        )
        self.between = nn.Sequential(ACTIVATIONS[activation](), Dropout(dropout))
        self.rest = MLP(sum(features), outputs, units, dropout, activation)

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        """One input for each encoder to logits_BK."""
        found_BF = torch.cat([encoder(part) for encoder, part in zip(self.encoders, x, strict=True)], dim=1)
        return self.rest(self.between(found_BF))
