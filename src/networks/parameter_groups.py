"""Parameters of a network that learn otherwise than the rest of it."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that learn after so many epochs, at a share of the member's rate, with its penalties or without."""

    parameters: list[nn.Parameter]
    rate: float = 1.0
    after: int = 0
    penalized: bool = True

    @property
    def weights(self) -> list[nn.Parameter]:
        """What is penalized and decays: matrices and kernels, not biases."""
        return [p for p in self.parameters if p.ndim > 1] if self.penalized else []


class Grouped(nn.Module):
    """A network, or a part of one, that says which of its parameters learn otherwise."""

    @property
    @abstractmethod
    def apart(self) -> list[ParameterGroup]:
        """Groups of parameters that learn otherwise; none is empty."""


def parameter_groups(network: nn.Module) -> list[ParameterGroup]:
    """All parameters of a network: first those that learn as the member says, then groups that do not."""
    apart = [group for module in network.modules() if isinstance(module, Grouped) for group in module.apart]
    others = {id(p) for group in apart for p in group.parameters}
    return [ParameterGroup([p for p in network.parameters() if id(p) not in others]), *apart]


def begin_epoch(groups: Sequence[ParameterGroup], epoch: int) -> None:
    """Let the groups learn whose time has come; epoch: from 0."""
    for group in groups:
        if group.after:
            for p in group.parameters:
                p.requires_grad_(epoch >= group.after)
