"""Heads that give values. Shapes: B rows, T target columns."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from src.models.head import Head


@dataclass(frozen=True)
class ErrorLoss:
    """A loss of an error, prediction minus target, and its derivative: `steepness` times `direction`."""

    of_error: Callable[[Tensor], Tensor]
    direction: Callable[[Tensor], Tensor]
    steepness: float = 1.0


def _itself(error: Tensor) -> Tensor:
    return error


def _huber(error: Tensor) -> Tensor:
    size = error.abs()
    return torch.where(size < 1, error.square() / 2, size - 0.5)


def _at_most_one(error: Tensor) -> Tensor:
    return error.clamp(-1, 1)


# Huber 1964: squared up to an error of one standard deviation of the target, absolute beyond.
ERROR_LOSSES = {
    "auto": ErrorLoss(torch.square, _itself, 2.0),
    "absolute": ErrorLoss(torch.abs, torch.sign),
    "huber": ErrorLoss(_huber, _at_most_one),
}


class Regression(Head):
    """Linear output, and by default mean squared error; targets are standardized beforehand.

    Losses are averaged over the target columns.
    """

    @property
    def error_loss(self) -> ErrorLoss:
        return ERROR_LOSSES[self.criterion]

    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        return self.error_loss.of_error(logits_BK - y_BT).mean(1)

    def predictions(self, logits_BK: Tensor) -> Tensor:
        return logits_BK

    def slope(self, outputs: int) -> float:
        return self.error_loss.steepness / outputs

    def errors(self, logits_BK: Tensor, target_BK: Tensor) -> Tensor:
        return self.error_loss.direction(logits_BK - target_BK)


class UnitIntervalRegression(Head):
    """Sigmoid and binary cross-entropy for targets in [0, 1], which are not standardized."""

    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(logits_BK, y_BT, reduction="none").mean(1)

    def predictions(self, logits_BK: Tensor) -> Tensor:
        return torch.sigmoid(logits_BK)
