"""Heads of types without a target. Shapes: B rows, T target columns, K outputs, X places, V symbols."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from src.models.head import Head, Inputs
from src.models.kneser_ney import SPELLING_BITS, UNKNOWN


class OwnLoss(Head):
    """The network computes the loss of each row itself: it is the first output. The others describe the row.

    An autoencoder gives its error and the code, or the cluster.
    """

    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        return logits_BK[..., 0]

    def predictions(self, logits_BK: Tensor) -> Tensor:
        return logits_BK

    def slope(self, outputs: int) -> float:
        return 1.0

    def errors(self, logits_BK: Tensor, target_BK: Tensor) -> Tensor:
        error_BK = torch.zeros_like(logits_BK)
        error_BK[..., 0] = 1
        return error_BK


class Likelihood(Head):
    """How many bits it takes to tell a text symbol by symbol, and of how many symbols: (B, 2).

    The network gives the logits of the symbols 1 to V at each place, after those before it. What the numbers of a row
    stand for, `src.models.kneser_ney` says. The loss is that of a symbol of the row, in nats.
    """

    def forward(self, x: Inputs) -> Tensor:
        assert isinstance(x, Tensor)
        logits_BXV = self.network(x)
        number_BX, counted_BX = x.abs().long(), x >= UNKNOWN
        target_BX = torch.where(counted_BX & (number_BX <= logits_BXV.shape[2]), number_BX, UNKNOWN)
        nats_BX = functional.cross_entropy(logits_BXV.transpose(1, 2), target_BX - 1, reduction="none")
        bits_BX = nats_BX / math.log(2) + SPELLING_BITS * (target_BX == UNKNOWN)
        return torch.stack([(bits_BX * counted_BX).sum(1), counted_BX.sum(1).to(bits_BX)], 1)

    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        return logits_BK[:, 0] / logits_BK[:, 1].clamp(min=1) * math.log(2)

    def predictions(self, logits_BK: Tensor) -> Tensor:
        return logits_BK
