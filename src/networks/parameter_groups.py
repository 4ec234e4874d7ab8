"""Parameters of a network that learn otherwise than the rest of it."""

from abc import abstractmethod
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that learn after so many epochs, at a share of the member's rate, with its penalties or without."""

    parameters: list[nn.Parameter]
    rate: float = 1.0
    after: int = 0
    penalized: bool = True


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
