"""Networks with several inputs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from src.networks.configurations.configuration import Configuration, Network, Regularizes, Share, hidden_layers
from src.networks.configurations.pictures import Augmentation

if TYPE_CHECKING:
    from torch import nn


class JoinedConfiguration(Configuration):
    """encoders: a network for each input. Hidden layers of `units` join them.

    The other settings replace those of every encoder that has them.
    """

    architecture: Literal["joined"] = "joined"
    encoders: Annotated[list[Network], Field(min_length=1)]
    recurrent_dropout: Annotated[Share, Regularizes("recurrent dropout {:g}")] = 0.0
    word_dropout: Annotated[Share, Regularizes("word dropout {:g}")] = 0.0
    frozen: Annotated[bool, Regularizes("frozen vectors")] = False
    augmentation: Annotated[Augmentation, Regularizes("augmentation {}")] = "none"

    def names(self, setting: str) -> bool:
        return super().names(setting) or any(encoder.names(setting) for encoder in self.encoders)

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.joined import JoinedNetwork

        return JoinedNetwork

    def build(self, inputs: int | list[int], outputs: int) -> "nn.Module":
        assert isinstance(inputs, list), "a network with several inputs needs the width of each"
        given = {"dropout": self.dropout} | {
            name: getattr(self, name) for name in self._regularizing() if name in self.settings
        }
        changed = [encoder.changed(**{k: v for k, v in given.items() if encoder.names(k)}) for encoder in self.encoders]
        features = [encoder.units[-1] for encoder in changed]
        encoders = [encoder.build(*widths) for encoder, *widths in zip(changed, inputs, features, strict=True)]
        return self.module()(encoders, features, outputs, self.units, self.dropout, self.activation)

    @property
    def clip_norm(self) -> float | None:
        lengths = [encoder.clip_norm for encoder in self.encoders if encoder.clip_norm is not None]
        return min(lengths, default=None)

    @property
    def rate_falls(self) -> bool:
        return any(encoder.rate_falls for encoder in self.encoders)

    @property
    def structure(self) -> str:
        encoders = "; ".join(encoder.structure for encoder in self.encoders)
        return f"an encoder for each input ({encoders}), joined by {hidden_layers(self.units)}"

    @property
    def sizes(self) -> str:
        return f"{' + '.join(encoder.text for encoder in self.encoders)} > {super().sizes}"
