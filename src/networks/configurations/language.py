"""Networks that say which symbol of a text comes next."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from src.core.text import counted
from src.networks.configurations.configuration import Configuration, Count
from src.networks.configurations.reading import CLIP_NORM, READERS

if TYPE_CHECKING:
    from torch import nn


class LanguageConfiguration(Configuration):
    """symbols: that a text has, by their numbers from 1."""

    symbols: Count

    def build(self, inputs: int | list[int], outputs: int) -> "nn.Module":
        """The network; it reads rows of any width, and its head makes statistics of the logits of all symbols."""
        return self.module()(**self.settings)

    @property
    def clip_norm(self) -> float | None:
        return CLIP_NORM

    @property
    def rate_falls(self) -> bool:
        return True


class RecurrentLanguageConfiguration(LanguageConfiguration):
    """units: of the recurrent layers, each. embedding: the size of a symbol's vector."""

    architecture: Literal["recurrent_language_model"] = "recurrent_language_model"
    units: Annotated[list[Count], Field(min_length=1, max_length=1)]
    activation: Literal["tanh"] = "tanh"
    embedding: Count
    reader: Literal["lstm", "gru"]
    layers: Count = 1

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.language import RecurrentLanguageModel

        return RecurrentLanguageModel

    @property
    def structure(self) -> str:
        first = f"{READERS[self.reader]} of {counted(self.units[0], 'unit')}"
        layers = f", {self.layers} layers" if self.layers > 1 else ""
        return f"{first} over embeddings of {counted(self.embedding, 'number')}{layers}"

    @property
    def sizes(self) -> str:
        return f"{self.reader} {super().sizes}"


class CausalTransformerConfiguration(LanguageConfiguration):
    """units: of each block, all the same. length: the characters that attention reaches back over."""

    architecture: Literal["causal_transformer"] = "causal_transformer"
    activation: Literal["gelu"] = "gelu"
    length: Count

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.language import CausalTransformer

        return CausalTransformer

    @property
    def structure(self) -> str:
        return f"a causal Transformer of {counted(len(self.units), 'block')} of {self.units[0]} units"

    @property
    def sizes(self) -> str:
        return f"transformer {len(self.units)}x{self.units[0]}"
