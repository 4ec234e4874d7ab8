"""Heads that give values. Shapes: B rows, T target columns."""

import torch
from torch import Tensor
from torch.nn import functional

from src.models.head import Head


class Regression(Head):
    """Linear output and mean squared error, averaged over the target columns; targets are standardized beforehand."""

    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        return (logits_BK - y_BT).square().mean(1)

    def predictions(self, logits_BK: Tensor) -> Tensor:
        return logits_BK

    def slope(self, outputs: int) -> float:
        return 2 / outputs


class UnitIntervalRegression(Head):
    """Sigmoid and binary cross-entropy for targets in [0, 1], which are not standardized."""

    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(logits_BK, y_BT, reduction="none").mean(1)

    def predictions(self, logits_BK: Tensor) -> Tensor:
        return torch.sigmoid(logits_BK)
