"""Networks that rebuild a row from a short code."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from src.core.text import counted
from src.networks.configurations.configuration import (
    Configuration,
    Count,
    FallingRate,
    Filtering,
    Regularizes,
    Share,
    hidden_layers,
)
from src.networks.configurations.reading import ReadingOnce

if TYPE_CHECKING:
    from torch import nn


BLANKS = Regularizes("{:.0%} of the inputs blanked out")


class Coding(Configuration):
    """What a network says of its code, see `src.networks.codes.Code`.

    dropout: the share of a row's numbers that are blanked out before the network rebuilds the whole row. clusters: into
    how many clusters codes are dealt out. mixture: codes are random and come from a mixture of so many.
    """

    dropout: Annotated[Share, BLANKS] = 0.0
    bits: bool = False
    active: Annotated[int, Field(ge=0)] = 0
    sparsity: Annotated[Literal["largest", "kl", "l1"], Regularizes("codes made sparse by {}")] = "largest"
    clusters: Annotated[int, Field(ge=0)] = 0
    mixture: bool = False

    def _with_prior(self, structure: str) -> str:
        return f"{structure}, whose codes come from a mixture of {self.clusters}" if self.mixture else structure


class Blurring(Coding):
    """noise: the standard deviation of what is added to a row's numbers before the network rebuilds the row."""

    noise: Annotated[Share, Regularizes("noise {:g}")] = 0.0


class Rebuilding(Coding):
    """units: hidden layers of the encoder; the decoder has them in reverse, and none make it linear."""

    units: list[Count]

    @property
    def structure(self) -> str:
        layers = f"an encoder and a decoder with {hidden_layers(self.units)}" if self.units else "a linear autoencoder"
        return self._with_prior(layers)

    @property
    def sizes(self) -> str:
        return super().sizes or "linear"

    @property
    def phrase(self) -> str:
        return f"{self.sizes} units" if self.units else "no hidden units"


class Dense(Rebuilding, Blurring):
    """tied: the decoder's weights are the encoder's."""

    tied: bool = False

    @property
    def structure(self) -> str:
        return f"{super().structure} and tied weights" if self.tied else super().structure

    @property
    def sizes(self) -> str:
        return f"{super().sizes}, tied" if self.tied else super().sizes


class AutoencoderConfiguration(Dense):
    """Of rows of numbers."""

    architecture: Literal["autoencoder"] = "autoencoder"

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.autoencoder import Autoencoder

        return Autoencoder


class BagAutoencoderConfiguration(Rebuilding):
    """Of bags of words."""

    architecture: Literal["bag_autoencoder"] = "bag_autoencoder"

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.bag_autoencoder import BagAutoencoder

        return BagAutoencoder


class RecurrentAutoencoderConfiguration(Blurring, ReadingOnce):
    """Of windows over a series, read and written in order. lookback: moments of a window."""

    architecture: Literal["recurrent_autoencoder"] = "recurrent_autoencoder"
    lookback: Count

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.recurrent_autoencoder import RecurrentAutoencoder

        return RecurrentAutoencoder

    @property
    def reads(self) -> str:
        return f"a window of {counted(self.lookback, 'moment')}"

    @property
    def structure(self) -> str:
        return f"an encoder and a decoder: {super().structure}"


class DensePictureAutoencoderConfiguration(Dense, FallingRate):
    """Of the flat pixels of pictures. size: height and width."""

    architecture: Literal["dense_picture_autoencoder"] = "dense_picture_autoencoder"
    size: Annotated[list[Count], Field(min_length=2, max_length=2)]

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.picture_autoencoders import DensePictureAutoencoder

        return DensePictureAutoencoder


class ConvolutionalAutoencoderConfiguration(Blurring, Filtering, FallingRate):
    """Of pictures. units: the filters of each convolution. size: height and width."""

    architecture: Literal["convolutional_autoencoder"] = "convolutional_autoencoder"
    size: Annotated[list[Count], Field(min_length=2, max_length=2)]

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.picture_autoencoders import ConvolutionalAutoencoder

        return ConvolutionalAutoencoder

    @property
    def structure(self) -> str:
        return self._with_prior(
            f"an encoder and a decoder with {counted(len(self.units), 'convolution')} of {self.filters}"
        )
