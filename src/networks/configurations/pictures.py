"""Networks for pictures."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from src.core.text import counted, listing
from src.networks.configurations.configuration import Count, FallingRate, Regularizes

if TYPE_CHECKING:
    from torch import nn


Augmentation = Literal["none", "move", "mirror", "shear", "colour"]
Block = Literal["plain", "double", "separable", "residual", "xception", "inception"]


class SeeingPictures(FallingRate):
    """augmentation: how pictures change while a network learns."""

    augmentation: Annotated[Augmentation, Regularizes("augmentation {}")] = "none"


class Sized(SeeingPictures):
    """size: height and width."""

    size: Annotated[list[Count], Field(min_length=2, max_length=2)]


class DenseOnPicturesConfiguration(Sized):
    """Hidden layers of `units`."""

    architecture: Literal["dense_on_pictures"] = "dense_on_pictures"

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.pictures import DenseOnPictures

        return DenseOnPictures


class ConvnetConfiguration(Sized):
    """units: filters of each block. kernel: the width of a filter in pixels. normalize: batch normalization."""

    architecture: Literal["convnet"] = "convnet"
    block: Block = "plain"
    kernel: Count = 3
    normalize: bool = True

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.pictures import Convnet

        return Convnet

    @property
    def structure(self) -> str:
        block = "convolution" if self.block == "plain" else f"{self.block} block"
        filters = listing([str(width) for width in self.units])
        normalized = ", batch-normalized" if self.normalize else ""
        return f"{counted(len(self.units), block)} of {filters} filters{normalized}"

    @property
    def sizes(self) -> str:
        return super().sizes if self.block == "plain" else f"{super().sizes} {self.block}"
