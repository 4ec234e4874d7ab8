"""The head of density problems. Shapes: B rows, T target columns, K outputs."""

import torch
from torch import Tensor

from src.models.head import Head, Inputs


class RowLikelihood(Head):
    """The network gives each row's bits and dimensions; the loss is their ratio."""

    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        return logits_BK[..., 0] / logits_BK[..., 1]

    def predictions(self, logits_BK: Tensor) -> Tensor:
        return logits_BK

    def final_logits(self, x: Inputs) -> Tensor:
        """With as many random draws as the network makes of a row, where it makes any."""
        final = getattr(self.network, "final", self.network)
        logits_BK: Tensor = final(x)
        return logits_BK

    def slope(self, outputs: int) -> float:
        return 1.0

    def errors(self, logits_BK: Tensor, target_BK: Tensor) -> Tensor:
        """The gradient of the ratio."""
        bits, dimensions = logits_BK[..., 0], logits_BK[..., 1]
        return torch.stack([1 / dimensions, -bits / dimensions**2], -1)
