"""Networks that give each row a probability."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from src.core.text import counted
from src.networks.configurations.configuration import Configuration, Count, FallingRate, Filtering, hidden_layers

if TYPE_CHECKING:
    from torch import nn

Places = list[Annotated[int, Field(ge=0)]]
Size = Annotated[list[Count], Field(min_length=2, max_length=2)]
Family = Literal["nice", "realnvp"]
_CALLED: dict[Family, str] = {"nice": "NICE", "realnvp": "RealNVP"}


class TabularVariationalConfiguration(Configuration):
    """units: hidden layers of the encoder; the decoder has them in reverse. places: the outcomes of each column, see
    `src.networks.outcomes`. code: how many numbers the code has."""

    # Measured: 16 members of 784-64-8 in minibatches of 32 are 1.4 times as fast as the loop, at about 2**21.
    largest_vmapped_step: ClassVar[int] = 2**21

    architecture: Literal["tabular_variational"] = "tabular_variational"
    places: Places
    code: Count

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.variational import TabularVariational

        return TabularVariational

    @property
    def structure(self) -> str:
        return f"a variational autoencoder with {super().structure} and a code of {counted(self.code, 'number')}"


class PictureVariationalConfiguration(Filtering, FallingRate):
    """units: filters of the convolutions. size: height and width. code: how many numbers the code has."""

    architecture: Literal["picture_variational"] = "picture_variational"
    size: Size
    code: Count

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.pixels import PictureVariational

        return PictureVariational

    @property
    def structure(self) -> str:
        return (
            f"a variational autoencoder with {counted(len(self.units), 'convolution')} of {self.filters} and a code "
            f"of {counted(self.code, 'number')}, whose decoder sees the neighbours of each pixel"
        )


class PixelCNNConfiguration(Filtering, FallingRate):
    """units: filters of the masked convolutions. size: height and width."""

    architecture: Literal["pixel_cnn"] = "pixel_cnn"
    size: Size

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.pixels import PixelCNN

        return PixelCNN

    @property
    def structure(self) -> str:
        return f"a PixelCNN with {counted(len(self.units), 'masked convolution')} of {self.filters}"


class FlowConfiguration(Configuration):
    """units: hidden layers in each of the couplings. family: see `src.networks.couplings.Flow`."""

    couplings: Count
    family: Family

    @property
    def clip_norm(self) -> float | None:
        return 1.0

    @property
    def structure(self) -> str:
        return f"{_CALLED[self.family]} with {counted(self.couplings, 'coupling')} of {hidden_layers(self.units)}"


class TabularFlowConfiguration(FlowConfiguration):
    """places: the outcomes of each column."""

    largest_vmapped_step: ClassVar[int] = 2**21

    architecture: Literal["tabular_flow"] = "tabular_flow"
    places: Annotated[Places, Field(min_length=2)]

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.couplings import TabularFlow

        return TabularFlow


class TabularFlowMatchingConfiguration(Configuration):
    """units: hidden layers of the velocity. places: the outcomes of each column."""

    largest_vmapped_step: ClassVar[int] = 2**21

    architecture: Literal["tabular_flow_matching"] = "tabular_flow_matching"
    places: Places

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.flow_matching import TabularFlowMatching

        return TabularFlowMatching

    @property
    def structure(self) -> str:
        return f"flow matching with {super().structure}"


class PictureFlowMatchingConfiguration(Filtering, FallingRate):
    """units: filters of the velocity's blocks. size: height and width. classes: of pictures that come with one."""

    architecture: Literal["picture_flow_matching"] = "picture_flow_matching"
    size: Size
    classes: Annotated[int, Field(ge=0)] = 0

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.picture_flow_matching import PictureFlowMatching

        return PictureFlowMatching

    @property
    def clip_norm(self) -> float | None:
        return 1.0

    @property
    def structure(self) -> str:
        of_classes = f" for {self.classes} classes" if self.classes else ""
        return f"flow matching{of_classes} with a U-Net of {self.filters}"


class PictureFlowConfiguration(FlowConfiguration, FallingRate):
    """size: height and width."""

    architecture: Literal["picture_flow"] = "picture_flow"
    size: Size

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.couplings import PictureFlow

        return PictureFlow
