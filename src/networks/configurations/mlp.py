"""Dense networks."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from src.networks.configurations.configuration import Configuration

if TYPE_CHECKING:
    from torch import nn


class MLPConfiguration(Configuration):
    """Hidden layers of `units`."""

    pads: ClassVar[bool] = True

    architecture: Literal["mlp"] = "mlp"

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.mlp import MLP

        return MLP

    @property
    def stacks_with(self) -> tuple[object, ...]:
        """Networks of one depth may differ in their widths."""
        return self.architecture, len(self.units), self.activation
