"""A network that rebuilds a bag of words from a short code, and never makes dense rows of the bags.

Shapes: B rows, D inputs, C numbers of the code, H units of the first and the last hidden layer.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from src.networks.bag_of_words import sparse_product
from src.networks.codes import Code
from src.networks.dropout import OwnStream
from src.networks.mlp import ACTIVATIONS, MLP


class BagAutoencoder(nn.Module):
    """An encoder with hidden layers of `units`, a code of `outputs` - 1 numbers, and a decoder with them in reverse.

    `forward` gives the mean squared error of each rebuilt row, and its code: (B, 1 + C). The first and the last layer
    start like those of an `MLP` on dense rows. The error is that of `decode`, by the binomial formula: the squares of
    what is rebuilt are `h W'W h`, so that its cost does not grow with the zeros of a row.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        units: Sequence[int],
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
        **code: Any,
    ) -> None:
        super().__init__()
        numbers, hidden = outputs - 1, bool(units)
        self.blanks, self.code = Blanks(dropout), Code(**code)
        self.encoding_DH = nn.Parameter(torch.empty(inputs, units[0] if hidden else numbers))
        self.encoding_H = nn.Parameter(torch.zeros(self.encoding_DH.shape[1]))
        self.decoding_DH = nn.Parameter(torch.empty_like(self.encoding_DH))
        self.decoding_D = nn.Parameter(torch.zeros(inputs))
        nn.init.kaiming_uniform_(self.encoding_DH, mode="fan_out", nonlinearity="relu")
        nn.init.kaiming_uniform_(self.decoding_DH, nonlinearity="relu")
        between = ACTIVATIONS[activation]
        self.encoder, self.decoder = nn.Sequential(), nn.Sequential()
        if hidden:
            self.encoder.extend([between(), MLP(units[0], numbers, units[1:], activation=activation)])
            self.decoder.extend([MLP(numbers, units[0], units[:0:-1], activation=activation), between()])

    def encode(self, x_BD: Tensor) -> Tensor:
        """The code of each row, (B, C)."""
        code_BC: Tensor = self.code(self.encoder(sparse_product(x_BD, self.encoding_DH) + self.encoding_H))
        return code_BC

    def decode(self, code_BC: Tensor) -> Tensor:
        """The row that each code stands for, (B, D), dense."""
        rebuilt_BD: Tensor = self.decoder(code_BC) @ self.decoding_DH.T + self.decoding_D
        return rebuilt_BD

    def forward(self, x_BD: Tensor) -> Tensor:
        code_BC = self.encode(self.blanks(x_BD))
        h_BH = self.decoder(code_BC)
        errors_B1 = self._errors(x_BD, h_BH)[:, None] / x_BD.shape[1]
        return self.code.charged(torch.cat([errors_B1, code_BC], 1), x_BD.shape[1])

    def _errors(self, x_BD: Tensor, h_BH: Tensor) -> Tensor:
        """The sum of squared differences of each row and `h W' + b`, (B,)."""
        weight_DH, bias_D = self.decoding_DH, self.decoding_D
        rebuilt_B = ((h_BH @ (weight_DH.T @ weight_DH)) * h_BH).sum(1) + 2 * h_BH @ (weight_DH.T @ bias_D)
        both_B = (sparse_product(x_BD, weight_DH) * h_BH).sum(1) + sparse_product(x_BD, bias_D[:, None])[:, 0]
        row_B = torch.segment_reduce(x_BD.values().square(), "sum", offsets=x_BD.crow_indices().long(), initial=0)
        return rebuilt_B + bias_D.square().sum() - 2 * both_B + row_B


class Blanks(OwnStream, nn.Module):
    """Dropout of a sparse row's values in training: words are blanked out, the others count more.

    Source: Chen et al. 2012, "Marginalized denoising autoencoders for domain adaptation", section 3.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x_BD: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x_BD
        values = x_BD.values()
        kept = torch.rand(len(values), generator=self.generator).to(values.device) >= self.p
        parts = x_BD.crow_indices(), x_BD.col_indices(), values * kept / (1 - self.p)
        return torch.sparse_csr_tensor(*parts, x_BD.shape, check_invariants=False)
