"""Update a stack of members by their gradients, each with its own learning rate and its schedule, penalties, clip norm
and decay.

Members are ordered in runs. The members of a run have the same number of steps per epoch, the first run the most, and
share one count of the steps made. Shapes: M members, P parameters of one.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from src.models.schedules import Schedule
from src.models.updates import OPTIMIZERS, Regularization, kept_share
from src.results.networks import Candidate
from src.training.stack import Stack


class StackSteps:
    """What a step of a stack needs besides its parameters. `moments`: each holds a number per parameter.

    schedules: of the members' learning rates. runs: the number of members of each run.
    """

    def __init__(
        self, stack: Stack, candidates: Sequence[Candidate], schedules: Sequence[Schedule], runs: Sequence[int]
    ) -> None:
        values_MP = stack.values_MP

        def column(numbers: Sequence[float]) -> Tensor:
            return torch.tensor(numbers, dtype=values_MP.dtype, device=values_MP.device)[:, None]

        self.column = column
        self.schedules = list(schedules)
        self.rule = OPTIMIZERS[candidates[0].optimizer]
        self.rate_M1 = column([c.learning_rate for c in candidates])
        self.l1_M1, self.l2_M1 = column([c.l1 for c in candidates]), column([c.l2 for c in candidates])
        self.clip_M1 = column([torch.inf if c.clip_norm is None else c.clip_norm for c in candidates])
        self.decay_M1 = column([c.weight_decay for c in candidates])
        self.moments = [torch.zeros_like(values_MP) for _ in range(self.rule.memories)]
        self.runs = list(runs)
        self.counts = [torch.zeros((), device=values_MP.device) for _ in runs]
        self.taken = [0] * len(self.runs)
        self._settle(stack)

    def _settle(self, stack: Stack) -> None:
        """Derive what depends on the members in the stack."""

        parts = self._parts
        self.values, self.gradients = parts(stack.values_MP), parts(stack.gradients_MP)
        self.optimizer = self.rule(self.values, [parts(moment) for moment in self.moments], self.counts)
        self.l1 = parts(self.l1_M1 * stack.penalized_P) if bool(self.l1_M1.any()) else None
        self.l2 = parts(self.l2_M1 * stack.penalized_P) if bool(self.l2_M1.any()) else None
        self.clip = parts(self.clip_M1) if bool(self.clip_M1.isfinite().any()) else None
        self.decay_MP = self.decay_M1 * stack.penalized_P if bool(self.decay_M1.any()) else None
        self.changes = any(schedule.name != "constant" for schedule in self.schedules)
        self._use_rates(self.rate_M1)

    def _parts(self, numbers: Tensor) -> list[Tensor]:
        return list(numbers.split(self.runs))

    def _use_rates(self, rate_M1: Tensor) -> None:
        self.rates = self._parts(rate_M1)
        self.kept = None if self.decay_MP is None else self._parts(kept_share(rate_M1, self.decay_MP))

    def _present_rates(self) -> Tensor:
        """Each member's learning rate in its next step."""
        taken_M = [taken for taken, members in zip(self.taken, self.runs, strict=True) for _ in range(members)]
        pairs = list(zip(self.schedules, taken_M, strict=True))
        shares = {pair: pair[0].share(pair[1]) for pair in set(pairs)}
        return self.rate_M1 * self.column([shares[pair] for pair in pairs])

    @torch.no_grad()
    def step(self, runs: int) -> None:
        """Make one step of the first `runs` runs. The other members do not change."""
        chosen = slice(runs)
        if self.changes:
            self._use_rates(self._present_rates())
        for run in range(runs):
            self.taken[run] += 1
        for count in self.counts[chosen]:
            count.add_(1)
        l1, l2, clip, kept = (parts and parts[chosen] for parts in (self.l1, self.l2, self.clip, self.kept))
        gradients = self.gradients[chosen]
        Regularization(l1, l2, clip).apply(self.values[chosen], gradients, gradients, kept)
        self.optimizer.step(chosen, self.gradients, self.rates[chosen])

    def keep(self, members: Tensor, stack: Stack) -> None:
        """Keep only these members, in their order, whose parameters are now elsewhere."""
        run_of_M = torch.arange(len(self.runs)).repeat_interleave(torch.tensor(self.runs))[members.cpu()]
        left = run_of_M.bincount(minlength=len(self.runs)).tolist()
        for name in ("rate_M1", "l1_M1", "l2_M1", "clip_M1", "decay_M1"):
            setattr(self, name, getattr(self, name)[members])
        self.schedules = [self.schedules[m] for m in members.tolist()]
        self.moments = [moment[members] for moment in self.moments]
        self.counts = [count for count, number in zip(self.counts, left, strict=True) if number]
        self.taken = [taken for taken, number in zip(self.taken, left, strict=True) if number]
        self.runs = [number for number in left if number]
        self._settle(stack)

    def resume(self, member: int, taken: int) -> None:
        """Go on with a member, and its run, after so many steps."""
        run = self._run_of(member)
        self.counts[run].fill_(taken)
        self.taken[run] = taken

    def taken_by(self, member: int) -> int:
        """The number of steps that a member has made, which is that of its run."""
        return self.taken[self._run_of(member)]

    def _run_of(self, member: int) -> int:
        return next(r for r in range(len(self.runs)) if member < sum(self.runs[: r + 1]))
