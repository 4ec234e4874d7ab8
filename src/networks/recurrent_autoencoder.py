"""A network that reads a window into a short code and writes the window from it, moment after moment.

Source: Srivastava, Mansimov and Salakhutdinov 2015, "Unsupervised learning of video representations using LSTMs"; for
series: Malhotra et al. 2016, "LSTM-based encoder-decoder for multi-sensor anomaly detection".
Shapes: B rows, D inputs, L moments of a window, V inputs of a moment, C numbers of the code, H units.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from src.networks.autoencoder import Blurred, errors_and_codes
from src.networks.codes import Code, Sparsity
from src.networks.mlp import MLP
from src.networks.readers import RECURRENT, Recurrent, reader_of


class RecurrentAutoencoder(nn.Module):
    """A reader of `src.networks.readers`, a code of `outputs` - 1 numbers, and a recurrent layer that sees it always.

    inputs: L * V, moment after moment; lookback: L. units: H of both layers, then those of hidden layers around the
    code. The writing layer is of the reader's sort where that is recurrent, otherwise a GRU. It begins with the last
    moment, which the reader saw last (Sutskever, Vinyals and Le 2014), and a linear layer reads the moments from it.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        lookback: int,
        units: Sequence[int],
        reader: str,
        dropout: float = 0.0,
        noise: float = 0.0,
        bits: bool = False,
        active: int = 0,
        sparsity: Sparsity = "largest",
        clusters: int = 0,
        mixture: bool = False,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
        **options: Any,
    ) -> None:
        super().__init__()
        self.lookback = lookback
        width, code = inputs // lookback, outputs - 1
        self.blurred, self.code = Blurred(dropout, noise), Code(bits, active, sparsity, clusters, mixture)
        self.reader = reader_of(reader, width, units[0], **options)
        self.encoder = MLP(units[0], code, units[1:], activation=activation)
        self.decoder = MLP(code, units[0], units[:0:-1], activation=activation)
        self.writer = Recurrent(reader if reader in RECURRENT else "gru", units[0], units[0])
        self.moment = nn.Linear(units[0], width)

    def encode(self, x_BD: Tensor) -> Tensor:
        """The code of each row, (B, C)."""
        x_BLV = x_BD.unflatten(1, (self.lookback, -1))
        code_BC: Tensor = self.code(self.encoder(self.reader(x_BLV, torch.ones_like(x_BLV[:, :, :1]))))
        return code_BC

    def decode(self, code_BC: Tensor) -> Tensor:
        """The row that each code stands for, (B, D)."""
        told_BLH = self.decoder(code_BC)[:, None].expand(-1, self.lookback, -1)
        h_BLH = self.writer.states(told_BLH, torch.ones_like(told_BLH[:, :, :1]))
        rebuilt_BD: Tensor = self.moment(h_BLH).flip(1).flatten(1)
        return rebuilt_BD

    def forward(self, x_BD: Tensor) -> Tensor:
        """The error of each row, and its code: (B, 1 + C)."""
        code_BC = self.encode(self.blurred(x_BD))
        return self.code.charged(errors_and_codes(x_BD, self.decode(code_BC), code_BC), x_BD.shape[1])
