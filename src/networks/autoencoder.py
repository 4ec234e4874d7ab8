"""Networks that rebuild a row from a short code.

Source: Hinton and Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks"; with inputs blanked
out or noisy: Vincent et al. 2010, "Stacked denoising autoencoders". Shapes: B rows, D inputs, C numbers of the code.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.networks.codes import Code
from src.networks.dropout import Dropout, Noise
from src.networks.mlp import ACTIVATIONS, MLP


class Blurred(nn.Sequential):
    """Rows with noise of standard deviation `noise`, and with a share `dropout` of their numbers blanked out."""

    def __init__(self, dropout: float, noise: float) -> None:
        super().__init__(Noise(noise), Dropout(dropout))


class Autoencoder(nn.Module):
    """An encoder with hidden layers of `units`, a code of `outputs` - 1 numbers, and a decoder with them in reverse.

    `forward` gives the mean squared error of each rebuilt row, and its code: (B, 1 + C). tied: the decoder's weights
    are the encoder's, transposed. code: the settings of `Code`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        units: Sequence[int],
        dropout: float = 0.0,
        noise: float = 0.0,
        tied: bool = False,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
        **code: Any,
    ) -> None:
        super().__init__()
        self.blurred, self.code = Blurred(dropout, noise), Code(**code)
        self.encoder = MLP(inputs, outputs - 1, units, activation=activation)
        self.decoder = (
            Transposed(self.encoder) if tied else MLP(outputs - 1, inputs, units[::-1], activation=activation)
        )

    def encode(self, x_BD: Tensor) -> Tensor:
        """The code of each row, (B, C)."""
        code_BC: Tensor = self.code(self.encoder(x_BD))
        return code_BC

    def decode(self, code_BC: Tensor) -> Tensor:
        """The row that each code stands for, (B, D)."""
        rebuilt_BD: Tensor = self.decoder(code_BC)
        return rebuilt_BD

    def forward(self, x_BD: Tensor) -> Tensor:
        code_BC = self.encode(self.blurred(x_BD))
        return self.code.charged(errors_and_codes(x_BD, self.decode(code_BC), code_BC), x_BD.shape[1])


class Transposed(nn.Module):
    """The layers of an `MLP` backwards, with its weights transposed and biases of their own."""

    def __init__(self, forwards: MLP) -> None:
        super().__init__()
        # In a list, so that the weights have one name only.
        self.forwards = [layer for layer in forwards.layers if isinstance(layer, nn.Linear)][::-1]
        widths = [layer.in_features for layer in self.forwards]
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(width)) for width in widths)
        self.between = ACTIVATIONS[forwards.activation]()

    def forward(self, code_BC: Tensor) -> Tensor:
        x = code_BC
        for place, (layer, bias) in enumerate(zip(self.forwards, self.biases, strict=True)):
            x = functional.linear(self.between(x) if place else x, layer.weight.T, bias)
        return x


def errors_and_codes(x: Tensor, rebuilt: Tensor, code_BC: Tensor) -> Tensor:
    """The mean squared error of each row of x (B, ...), and its code: (B, 1 + C)."""
    error_B1 = (rebuilt - x).square().flatten(1).mean(1, keepdim=True)
    return torch.cat([error_B1, code_BC], 1)
