"""Networks that give each row a probability."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from src.core.text import counted
from src.networks.configurations.configuration import Configuration, Count

if TYPE_CHECKING:
    from torch import nn


class TabularVariationalConfiguration(Configuration):
    """units: hidden layers of the encoder; the decoder has them in reverse. places: the outcomes of each column, see
    `src.networks.outcomes`. code: how many numbers the code has."""

    # Measured: 16 members of 784-64-8 in minibatches of 32 are 1.4 times as fast as the loop, at about 2**21.
    largest_vmapped_step: ClassVar[int] = 2**21

    architecture: Literal["tabular_variational"] = "tabular_variational"
    places: list[Annotated[int, Field(ge=0)]]
    code: Count

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.variational import TabularVariational

        return TabularVariational

    @property
    def structure(self) -> str:
        return f"a variational autoencoder with {super().structure} and a code of {counted(self.code, 'number')}"
