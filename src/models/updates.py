"""Update parameters by their gradients: penalties, clipping, decay and the optimizers, each formula once.

A single network is updated as a list of tensors with plain numbers. A stack of M members is updated as a list of
tensors (m, P), one per run of its members, each with a tensor of numbers. That is (m, 1) for one number per member, or
(m, P) if it does not apply to every parameter. P: parameters of a member.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from src.internals import torch_kernels

Parts = list[Tensor] | tuple[Tensor, ...]
# One number for a network, or a tensor for each part of a stack.
Numbers = float | Parts
Number = TypeVar("Number", float, Tensor)

# After so many steps Adam's bias correction is negligible.
MANY_STEPS = 1e6


@dataclass(frozen=True)
class Regularization:
    """The changes to gradients and weights before the optimizer's step. None: no change.

    l1, l2: factors of the penalty l1 * sum |w| + l2 * sum w². clip_norm: the longest gradient, penalties included.
    """

    l1: Numbers | None
    l2: Numbers | None
    clip_norm: Numbers | None

    @torch.no_grad()
    def apply(self, weights: Parts, of_weights: Parts, gradients: Parts, kept: Numbers | None) -> None:
        """Change `gradients` and `weights` in place.

        weights: the parameters with penalties and decay. of_weights: their gradients, which are among `gradients`.
        kept: the factor of the weights, see `kept_share`.
        """
        if self.l2 is not None:
            _add(of_weights, weights, self.l2, 2.0)
        if self.l1 is not None:
            _add(of_weights, torch_kernels.signs(weights), self.l1)
        if self.clip_norm is not None:
            _clip(gradients, self.clip_norm)
        if kept is not None:
            _scale(weights, kept)


def kept_share(rate: Number, weight_decay: Number) -> Number:
    """The share of a weight that remains after decoupled weight decay (Loshchilov and Hutter 2019)."""
    return 1 - rate * weight_decay


def _clip(gradients: Parts, longest: Numbers) -> None:
    """Shorten gradients to the norm `longest`: one network's as a whole, a stack's member by member."""
    if isinstance(longest, float):
        norm = torch.linalg.vector_norm(torch.stack(torch_kernels.norms(gradients)))
        _scale(gradients, _shortened(longest, norm))
    else:
        norms = [part.norm(dim=1, keepdim=True) for part in gradients]
        _scale(gradients, [_shortened(limit, norm) for limit, norm in zip(longest, norms, strict=True)])


def _shortened(longest: float | Tensor, norm: Tensor) -> Tensor:
    return (longest / (norm + 1e-6)).clamp(max=1.0)


def _add(parts: Parts, addends: Parts, times: Numbers, factor: float = 1.0) -> None:
    """Add `factor * times * addends` to `parts` in place."""
    if isinstance(times, float):
        torch_kernels.add_(parts, addends, alpha=factor * times)
    else:
        torch_kernels.addcmul_(parts, addends, times, value=factor)


def _scale(parts: Parts, by: Numbers | Tensor) -> None:
    torch_kernels.multiply_(parts, by)


class Optimizer(ABC):
    """Updates `values` in place by the optimizer's rule.

    moments: its memory, `memories` numbers per parameter, in parts like `values`. steps: for each part, the number of
    steps, with the present one.
    """

    memories = 1

    def __init__(self, values: Parts, moments: Sequence[Parts], steps: Parts) -> None:
        self.values, self.moments, self.steps = values, moments, steps

    @abstractmethod
    def step(self, chosen: slice, gradients: Parts, rate: Numbers) -> None:
        """Make one step of the chosen parts. gradients: of all parts."""

    @classmethod
    @abstractmethod
    def of_torch(cls, parameters: Iterable[Any], rate: float) -> torch.optim.Optimizer:
        """The same optimizer of torch, for any Trainer. parameters: or groups of them, as torch accepts them."""


class Adam(Optimizer):
    """Kingma and Ba 2015; betas 0.9 and 0.999, epsilon 1e-8.

    It uses torch's fused step, one pass over the moments instead of seven, which accepts only one learning rate. A
    stack computes the change at rate 1 and adds it at each member's own rate.
    """

    memories = 2
    betas, epsilon = (0.9, 0.999), 1e-8

    def __init__(self, values: Parts, moments: Sequence[Parts], steps: Parts) -> None:
        super().__init__(values, moments, steps)
        self.change: Parts | None = None

    def step(self, chosen: slice, gradients: Parts, rate: Numbers) -> None:
        values = self.values[chosen]
        if isinstance(rate, float):
            self._fused(values, chosen, gradients, rate)
            return
        if self.change is None:
            self.change = [torch.empty_like(part) for part in self.values]
        change = self.change[chosen]
        torch_kernels.zero_(change)
        self._fused(change, chosen, gradients, 1.0)
        _add(values, change, rate)

    def _fused(self, values: Parts, chosen: slice, gradients: Parts, rate: float) -> None:
        torch_kernels.fused_adam_(
            *(values, gradients[chosen], self._first(gradients)[chosen], self.moments[-1][chosen]),
            *([], self._counted()[chosen]),
            lr=rate,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=0.0,
            eps=self.epsilon,
            amsgrad=False,
            maximize=False,
        )

    def _first(self, gradients: Parts) -> Parts:
        """The first moments."""
        return self.moments[0]

    def _counted(self) -> Parts:
        """The numbers of steps for the bias correction."""
        return self.steps

    @classmethod
    def of_torch(cls, parameters: Iterable[Any], rate: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=rate, betas=cls.betas, eps=cls.epsilon, fused=True)


class RMSprop(Adam):
    """Tieleman and Hinton 2012, with the defaults of Keras and the book: rho 0.9, epsilon 1e-7.

    It is Adam with the gradient as the first moment, and without bias correction, as after very many steps.
    """

    memories = 1
    betas, epsilon = (0.0, 0.9), 1e-7

    def __init__(self, values: Parts, moments: Sequence[Parts], steps: Parts) -> None:
        super().__init__(values, moments, steps)
        self.many_steps = [torch.full_like(count, MANY_STEPS) for count in steps]

    def _first(self, gradients: Parts) -> Parts:
        return gradients

    def _counted(self) -> Parts:
        return self.many_steps

    @classmethod
    def of_torch(cls, parameters: Iterable[Any], rate: float) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(parameters, lr=rate, alpha=cls.betas[1], eps=cls.epsilon)


class SGD(Optimizer):
    """Stochastic gradient descent with momentum 0.9."""

    momentum = 0.9

    def step(self, chosen: slice, gradients: Parts, rate: Numbers) -> None:
        velocity = self.moments[0][chosen]
        torch_kernels.multiply_(velocity, self.momentum)
        torch_kernels.add_(velocity, gradients[chosen])
        _add(self.values[chosen], velocity, rate, -1.0)

    @classmethod
    def of_torch(cls, parameters: Iterable[Any], rate: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=rate, momentum=cls.momentum, fused=True)


# Weight decay comes before the step, for every optimizer; with it, Adam is AdamW.
OPTIMIZERS: dict[str, type[Optimizer]] = {"rmsprop": RMSprop, "adam": Adam, "adamw": Adam, "sgd": SGD}
