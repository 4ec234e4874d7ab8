"""The optimizers of `src.models.head.OPTIMIZERS` on a stack of members, each with its own learning rate.

Same arithmetic as torch.optim, on a buffer (M, P): M members, P parameters of one. A test holds the two together.
Members stand in runs: those of a run have equally many steps in an epoch, the first run most.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

Part = list[Tensor]

# So many steps leave no trace of the zeros that moments began with.
MANY_STEPS = 1e6


class StackedOptimizer(ABC):
    """Steps the members of the first runs by the gradients in `gradients_MP`; the others stay as they are.

    runs: how many members each run has. decay_MP: each member's decoupled weight decay (Loshchilov and Hutter 2019),
    zero where nothing decays; None where no member's weights decay.
    """

    moments = 1

    def __init__(
        self,
        values_MP: Tensor,
        gradients_MP: Tensor,
        rate_M1: Tensor,
        runs: Sequence[int],
        decay_MP: Tensor | None = None,
    ) -> None:
        self.rate_M1 = rate_M1
        self.kept_MP = None if decay_MP is None else 1 - rate_M1 * decay_MP
        self.steps = [torch.zeros((), device=values_MP.device) for _ in runs]
        self.state = [torch.zeros_like(values_MP) for _ in range(self.moments)]
        self.runs = list(runs)
        self.settle(values_MP, gradients_MP)

    def settle(self, values_MP: Tensor, gradients_MP: Tensor) -> None:
        self.values_MP, self.gradients_MP = values_MP, gradients_MP

    @torch.no_grad()
    def step(self, runs: int) -> None:
        """One step of the first so many runs."""
        for steps in self.steps[:runs]:
            steps.add_(1)
        first = slice(None if runs == len(self.runs) else sum(self.runs[:runs]))
        if self.kept_MP is not None:
            self.values_MP[first].mul_(self.kept_MP[first])
        self.update(first, runs)

    def keep(self, members: Tensor, values_MP: Tensor, gradients_MP: Tensor) -> None:
        """Leave only these members, in their order, whose parameters are now elsewhere."""
        run_of_M = torch.arange(len(self.runs)).repeat_interleave(torch.tensor(self.runs))[members.cpu()]
        left = run_of_M.bincount(minlength=len(self.runs)).tolist()
        self.rate_M1 = self.rate_M1[members]
        self.kept_MP = None if self.kept_MP is None else self.kept_MP[members]
        self.state = [moment[members] for moment in self.state]
        self.steps = [steps for steps, number in zip(self.steps, left, strict=True) if number]
        self.runs = [number for number in left if number]
        self.settle(values_MP, gradients_MP)

    def steps_of(self, member: int) -> Tensor:
        """How many steps a member has made; the number is that of its run."""
        return self.steps[next(r for r in range(len(self.runs)) if member < sum(self.runs[: r + 1]))]

    @abstractmethod
    def update(self, first: slice, runs: int) -> None:
        """Change `values_MP` and `state` of the `first` members, those of the first so many runs, in place."""

    @classmethod
    @abstractmethod
    def step_alone(cls, values: Part, gradients: Part, moments: list[Part], steps: Tensor, rate: float) -> None:
        """The same for one network: its parameters, their gradients, `moments` of each, its steps with this one."""


class Adam(StackedOptimizer):
    """Kingma and Ba 2015; betas 0.9 and 0.999, epsilon 1e-8.

    torch's fused step, which knows one learning rate only, at the rate 1 and away from zero: what it gives is then
    added at each member's own rate. One pass over the moments instead of seven.
    """

    moments = 2
    betas, epsilon = (0.9, 0.999), 1e-8

    def settle(self, values_MP: Tensor, gradients_MP: Tensor) -> None:
        super().settle(values_MP, gradients_MP)
        self.change_MP = torch.zeros_like(values_MP)
        self.parts = [list(of.split(self.runs)) for of in (self.change_MP, gradients_MP, *self._moments())]
        self.counted = self._counted()

    def _moments(self) -> tuple[Tensor, Tensor]:
        return self.state[0], self.state[1]

    def _counted(self) -> list[Tensor]:
        """The number of steps of each run, by which moments are corrected that began at zero."""
        return self.steps

    def update(self, first: slice, runs: int) -> None:
        change_MP = self.change_MP[first].zero_()
        change, gradients, moment, square = (of[:runs] for of in self.parts)
        self.fused((change, gradients, moment, square), self.counted[:runs], 1.0)
        self.values_MP[first].addcmul_(change_MP, self.rate_M1[first])

    @classmethod
    def step_alone(cls, values: Part, gradients: Part, moments: list[Part], steps: Tensor, rate: float) -> None:
        cls.fused((values, gradients, moments[0], moments[1]), [steps] * len(values), rate)

    @classmethod
    def fused(cls, parts: tuple[Part, Part, Part, Part], steps: Part, rate: float) -> None:
        """torch's fused step of values by their gradients, first and second moments, each in equally many parts."""
        values, gradients, first, second = parts
        torch._fused_adam_(
            *(values, gradients, first, second, [], steps),
            lr=rate,
            beta1=cls.betas[0],
            beta2=cls.betas[1],
            weight_decay=0.0,
            eps=cls.epsilon,
            amsgrad=False,
            maximize=False,
        )


class RMSprop(Adam):
    """Tieleman and Hinton 2012; rho 0.9, epsilon 1e-7: Adam without a first moment, and without the correction, as
    after very many steps."""

    moments = 1
    betas, epsilon = (0.0, 0.9), 1e-7

    def _moments(self) -> tuple[Tensor, Tensor]:
        return self.gradients_MP, self.state[0]  # a first moment that forgets everything is the gradient

    def _counted(self) -> list[Tensor]:
        return [torch.full_like(steps, MANY_STEPS) for steps in self.steps]

    @classmethod
    def step_alone(cls, values: Part, gradients: Part, moments: list[Part], steps: Tensor, rate: float) -> None:
        cls.fused((values, gradients, gradients, moments[0]), [torch.full_like(steps, MANY_STEPS)] * len(values), rate)


class SGD(StackedOptimizer):
    """Stochastic gradient descent with momentum 0.9."""

    def update(self, first: slice, runs: int) -> None:
        momentum = self.state[0][first].mul_(0.9).add_(self.gradients_MP[first])
        self.values_MP[first].addcmul_(momentum, self.rate_M1[first], value=-1)

    @classmethod
    def step_alone(cls, values: Part, gradients: Part, moments: list[Part], steps: Tensor, rate: float) -> None:
        torch._foreach_mul_(moments[0], 0.9)
        torch._foreach_add_(moments[0], gradients)
        torch._foreach_add_(values, moments[0], alpha=-rate)


# Decay comes before the step, for every optimizer; with it, Adam is AdamW.
STACKED_OPTIMIZERS: dict[str, type[StackedOptimizer]] = {"rmsprop": RMSprop, "adam": Adam, "adamw": Adam, "sgd": SGD}
