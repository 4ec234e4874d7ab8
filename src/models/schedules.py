"""How a learning rate changes from step to step: the share of it that a step takes.

A schedule ends after a stated number of steps. Whoever trains for fewer leaves it early; later steps stay at its end.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass


def _constant(taken: int, steps: int) -> float:
    return 1.0


def _linear(taken: int, steps: int) -> float:
    return max(1 - taken / steps, 0.0)


def _cosine(taken: int, steps: int) -> float:
    """Loshchilov and Hutter 2017, "SGDR", with a single cycle."""
    return (1 + math.cos(math.pi * min(taken / steps, 1.0))) / 2


def _coslog4(taken: int, steps: int) -> float:
    """Four cycles from zero to one and back, each twice as long as the one before.

    It takes its value in the middle of a step, so that no step has the rate zero. Source: Holzmüller, Grinsztajn and
    Steinwart 2024, "Better by default", the schedule of RealMLP.
    """
    share = min((taken + 0.5) / steps, 1.0)
    return (1 - math.cos(2 * math.pi * math.log2(1 + 15 * share))) / 2


# The share of the learning rate that a step has, from the steps taken before it and the steps of the schedule.
SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "coslog4": _coslog4,
}


@dataclass(frozen=True)
class Schedule:
    """One of `SCHEDULES` by its name, over so many steps."""

    name: str = "constant"
    steps: int = 1

    def share(self, taken: int) -> float:
        """The share of the learning rate that a step has, after `taken` others."""
        return SCHEDULES[self.name](taken, self.steps)


CONSTANT = Schedule()
