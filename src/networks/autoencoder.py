"""Networks that rebuild a row from a short code.

Source: Hinton and Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks"; with inputs blanked
out: Vincent et al. 2010, "Stacked denoising autoencoders". Shapes: B rows, D inputs, C numbers of the code.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from src.networks.dropout import Dropout
from src.networks.mlp import MLP


class Autoencoder(nn.Module):
    """An encoder with hidden layers of `units`, a code of `outputs` - 1 numbers, and a decoder with them in reverse.

    `forward` gives the mean squared error of each rebuilt row, and its code: (B, 1 + C).
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
        self.blanks = Dropout(dropout)
        self.encoder = MLP(inputs, outputs - 1, units, activation=activation)
        self.decoder = MLP(outputs - 1, inputs, units[::-1], activation=activation)

    def encode(self, x_BD: Tensor) -> Tensor:
        """The code of each row, (B, C)."""
        return self.encoder(x_BD)

    def decode(self, code_BC: Tensor) -> Tensor:
        """The row that each code stands for, (B, D)."""
        return self.decoder(code_BC)

    def forward(self, x_BD: Tensor) -> Tensor:
        code_BC = self.encode(self.blanks(x_BD))
        return errors_and_codes(x_BD, self.decode(code_BC), code_BC)


def errors_and_codes(x: Tensor, rebuilt: Tensor, code_BC: Tensor) -> Tensor:
    """The mean squared error of each row of x (B, ...), and its code: (B, 1 + C)."""
    error_B1 = (rebuilt - x).square().flatten(1).mean(1, keepdim=True)
    return torch.cat([error_B1, code_BC], 1)
