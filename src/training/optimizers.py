"""The optimizers of `src.models.head.OPTIMIZERS` on a stack of members, each with its own learning rate.

Same arithmetic as torch.optim, on a buffer (M, P): M members, P parameters of one. A test holds the two together.
Members stand in runs: those of a run have equally many steps in an epoch, the first run most.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor


class StackedOptimizer(ABC):
    """Steps the members of the first runs; the others stay as they are.

    runs: how many members each run has. decay_MP: each member's decoupled weight decay (Loshchilov and Hutter 2019),
    zero where nothing decays; None where no member's weights decay.
    """

    moments = 1

    def __init__(self, values_MP: Tensor, rate_M1: Tensor, runs: Sequence[int], decay_MP: Tensor | None = None) -> None:
        self.rate_M1 = rate_M1
        self.kept_MP = None if decay_MP is None else 1 - rate_M1 * decay_MP
        self.steps = [torch.zeros((), device=values_MP.device) for _ in runs]
        self.state = [torch.zeros_like(values_MP) for _ in range(self.moments)]
        self._settle(values_MP, runs)

    def _settle(self, values_MP: Tensor, runs: Sequence[int]) -> None:
        self.values_MP = values_MP
        self.runs = list(runs)

    @torch.no_grad()
    def step(self, gradients_MP: Tensor, runs: int) -> None:
        """One step of the first so many runs."""
        first = slice(sum(self.runs[:runs]))
        torch._foreach_add_(self.steps[:runs], 1)
        if self.kept_MP is not None:
            self.values_MP[first].mul_(self.kept_MP[first])
        self.update(gradients_MP, first, runs)

    def keep(self, members: Tensor, values_MP: Tensor) -> None:
        """Leave only these members, in their order; their parameters are now in `values_MP`."""
        run_of_M = torch.arange(len(self.runs)).repeat_interleave(torch.tensor(self.runs))[members.cpu()]
        left = run_of_M.bincount(minlength=len(self.runs)).tolist()
        self.rate_M1 = self.rate_M1[members]
        self.kept_MP = None if self.kept_MP is None else self.kept_MP[members]
        self.state = [moment[members] for moment in self.state]
        self.steps = [steps for steps, number in zip(self.steps, left, strict=True) if number]
        self._settle(values_MP, [number for number in left if number])

    def steps_of(self, member: int) -> Tensor:
        """How many steps a member has made; the number is that of its run."""
        return self.steps[next(r for r in range(len(self.runs)) if member < sum(self.runs[: r + 1]))]

    @abstractmethod
    def update(self, gradients_MP: Tensor, first: slice, runs: int) -> None:
        """Change `values_MP` and `state` of the `first` members in place."""


class Adam(StackedOptimizer):
    """Kingma and Ba 2015; betas 0.9 and 0.999, epsilon 1e-8.

    torch's fused step, which knows one learning rate only, at the rate 1 and away from zero: what it gives is then
    added at each member's own rate. One pass over the moments instead of seven.
    """

    moments = 2
    betas, epsilon = (0.9, 0.999), 1e-8

    def _settle(self, values_MP: Tensor, runs: Sequence[int]) -> None:
        super()._settle(values_MP, runs)
        self.change_MP = torch.zeros_like(values_MP)

    def update(self, gradients_MP: Tensor, first: slice, runs: int) -> None:
        self._fused(gradients_MP, self.state[0], self.state[1], self.steps[:runs], first)

    def _fused(
        self, gradients_MP: Tensor, first_MP: Tensor, second_MP: Tensor, steps: list[Tensor], first: slice
    ) -> None:
        change_MP = self.change_MP[first].zero_()
        sizes = self.runs[: len(steps)]
        torch._fused_adam_(
            change_MP.split(sizes),
            gradients_MP[first].split(sizes),
            first_MP[first].split(sizes),
            second_MP[first].split(sizes),
            [],
            steps,
            lr=1.0,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=0.0,
            eps=self.epsilon,
            amsgrad=False,
            maximize=False,
        )
        self.values_MP[first].addcmul_(change_MP, self.rate_M1[first])


class RMSprop(Adam):
    """Tieleman and Hinton 2012; rho 0.9, epsilon 1e-7: Adam without a first moment, and without the correction for
    moments that began at zero, as after very many steps."""

    moments = 1
    betas, epsilon = (0.0, 0.9), 1e-7

    def _settle(self, values_MP: Tensor, runs: Sequence[int]) -> None:
        super()._settle(values_MP, runs)
        self.first_MP = torch.zeros_like(values_MP)
        self.many = [torch.full((), 1e6, device=values_MP.device) for _ in runs]

    def update(self, gradients_MP: Tensor, first: slice, runs: int) -> None:
        self._fused(gradients_MP, self.first_MP, self.state[0], self.many[:runs], first)


class SGD(StackedOptimizer):
    """Stochastic gradient descent with momentum 0.9."""

    def update(self, gradients_MP: Tensor, first: slice, runs: int) -> None:
        momentum = self.state[0][first].mul_(0.9).add_(gradients_MP[first])
        self.values_MP[first].addcmul_(momentum, self.rate_M1[first], value=-1)


# Decay comes before the step, for every optimizer; with it, Adam is AdamW.
STACKED_OPTIMIZERS: dict[str, type[StackedOptimizer]] = {"rmsprop": RMSprop, "adam": Adam, "adamw": Adam, "sgd": SGD}
