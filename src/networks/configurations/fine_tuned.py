"""Networks on top of pretrained layers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from src.core.text import counted, listing
from src.networks.configurations.pictures import SeeingPictures

if TYPE_CHECKING:
    from torch import nn


class FineTunedConfiguration(SeeingPictures):
    """weights: the file of each pretrained network, by its name. learnt: how many of its last blocks are fine-tuned."""

    architecture: Literal["fine_tuned"] = "fine_tuned"
    weights: Annotated[dict[str, str], Field(min_length=1)]
    learnt: Annotated[int, Field(ge=0)]

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.fine_tuned import FineTuned

        return FineTuned

    @property
    def structure(self) -> str:
        learning = f", of which the last {counted(self.learnt, 'block')} learn on" if self.learnt else ""
        return f"{super().structure} on the features of {listing([*self.weights])}{learning}"

    @property
    def learnt_before(self) -> str:
        blocks = f", {counted(self.learnt, 'block')} learning" if self.learnt else ""
        return f" on {' and '.join(self.weights)}{blocks}"
