"""The optimizers of `src.models.head.OPTIMIZERS` on a stack of members, each with its own learning rate.

Same arithmetic as torch.optim, on a buffer (M, P): M members, P parameters of one. A test holds the two together.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class StackedOptimizer(ABC):
    """Steps the members whose numbers are in `active` (all of them with None); the others stay as they are.

    decay_MP: each member's decoupled weight decay (Loshchilov and Hutter 2019), zero where nothing decays; None where
    no member's weights decay.
    """

    moments = 1

    def __init__(self, values_MP: Tensor, rate_M1: Tensor, decay_MP: Tensor | None = None) -> None:
        self.values_MP = values_MP
        self.rate_M1 = rate_M1
        self.kept_MP = None if decay_MP is None else 1 - rate_M1 * decay_MP
        self.steps_M1 = torch.zeros_like(rate_M1)
        self.state = [torch.zeros_like(values_MP) for _ in range(self.moments)]

    def step(self, gradients_MP: Tensor, active: Tensor | None) -> None:
        with torch.no_grad():
            if active is None:
                self.steps_M1 += 1
                if self.kept_MP is not None:
                    self.values_MP.mul_(self.kept_MP)
                self.update(self.values_MP, gradients_MP, self.state, self.rate_M1, self.steps_M1)
                return
            self.steps_M1[active] += 1
            values, state = self.values_MP[active], [moment[active] for moment in self.state]
            if self.kept_MP is not None:
                values.mul_(self.kept_MP[active])
            self.update(values, gradients_MP[active], state, self.rate_M1[active], self.steps_M1[active])
            self.values_MP[active] = values
            for moment, updated in zip(self.state, state, strict=True):
                moment[active] = updated

    def keep(self, members: Tensor, values_MP: Tensor) -> None:
        """Leave only these members, whose parameters are now in `values_MP`."""
        self.values_MP = values_MP
        self.rate_M1, self.steps_M1 = self.rate_M1[members], self.steps_M1[members]
        self.kept_MP = None if self.kept_MP is None else self.kept_MP[members]
        self.state = [moment[members] for moment in self.state]

    @abstractmethod
    def update(self, values: Tensor, gradients: Tensor, state: list[Tensor], rate: Tensor, steps: Tensor) -> None:
        """Change `values` and `state` in place."""


class RMSprop(StackedOptimizer):
    """Tieleman and Hinton 2012; rho 0.9, epsilon 1e-7."""

    def update(self, values: Tensor, gradients: Tensor, state: list[Tensor], rate: Tensor, steps: Tensor) -> None:
        square = state[0].mul_(0.9).addcmul_(gradients, gradients, value=0.1)
        values.sub_(rate * gradients.div(square.sqrt().add_(1e-7)))


class Adam(StackedOptimizer):
    """Kingma and Ba 2015; betas 0.9 and 0.999, epsilon 1e-8."""

    moments = 2

    def update(self, values: Tensor, gradients: Tensor, state: list[Tensor], rate: Tensor, steps: Tensor) -> None:
        first = state[0].lerp_(gradients, 0.1)
        second = state[1].mul_(0.999).addcmul_(gradients, gradients, value=0.001)
        correction = (1 - 0.999**steps).sqrt()
        values.sub_(rate / (1 - 0.9**steps) * first.div((second.sqrt() / correction).add_(1e-8)))


class SGD(StackedOptimizer):
    """Stochastic gradient descent with momentum 0.9."""

    def update(self, values: Tensor, gradients: Tensor, state: list[Tensor], rate: Tensor, steps: Tensor) -> None:
        momentum = state[0].mul_(0.9).add_(gradients)
        values.sub_(rate * momentum)


# Decay comes before the step, for every optimizer; with it, Adam is AdamW.
STACKED_OPTIMIZERS: dict[str, type[StackedOptimizer]] = {"rmsprop": RMSprop, "adam": Adam, "adamw": Adam, "sgd": SGD}
