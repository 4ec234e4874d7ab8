"""Networks that rebuild a row from a short code."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from src.networks.configurations.configuration import Configuration, Count, Regularizes, Share, hidden_layers

if TYPE_CHECKING:
    from torch import nn


class AutoencoderConfiguration(Configuration):
    """units: hidden layers of the encoder; the decoder has them in reverse, and none make it linear.

    dropout: the share of a row's numbers that are blanked out before the network rebuilds the whole row.
    """

    architecture: Literal["autoencoder"] = "autoencoder"
    units: list[Count]
    dropout: Annotated[Share, Regularizes("{:.0%} of the inputs blanked out")] = 0.0

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.autoencoder import Autoencoder

        return Autoencoder

    @property
    def structure(self) -> str:
        return f"an encoder and a decoder with {hidden_layers(self.units)}" if self.units else "a linear autoencoder"

    @property
    def sizes(self) -> str:
        return super().sizes or "linear"

    @property
    def phrase(self) -> str:
        return f"{self.sizes} units" if self.units else "no hidden units"
