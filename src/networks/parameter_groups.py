"""Groups of parameters with their own way of learning."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that learn from epoch `after` on, at a share of the member's rate, with or without its penalties."""

    parameters: list[nn.Parameter]
    rate: float = 1.0
    after: int = 0
    penalized: bool = True

    @property
    def weights(self) -> list[nn.Parameter]:
        """The parameters with penalties and decay: matrices and kernels, not biases."""
        return [p for p in self.parameters if p.ndim > 1] if self.penalized else []


class Grouped(nn.Module):
    """A network, or a part of one, some of whose parameters learn differently from the rest."""

    @property
    @abstractmethod
    def apart(self) -> list[ParameterGroup]:
        """The groups of parameters that learn differently; none is empty."""


def parameter_groups(network: nn.Module) -> list[ParameterGroup]:
    """All parameters of a network: first those that learn as the member says, then the other groups."""
    apart = [group for module in network.modules() if isinstance(module, Grouped) for group in module.apart]
    others = {id(p) for group in apart for p in group.parameters}
    return [ParameterGroup([p for p in network.parameters() if id(p) not in others]), *apart]


def begin_epoch(groups: Sequence[ParameterGroup], epoch: int) -> None:
    """Enable learning for the groups whose epoch has come. epoch: from 0."""
    for group in groups:
        if group.after:
            for p in group.parameters:
                p.requires_grad_(epoch >= group.after)
