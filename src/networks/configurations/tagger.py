"""Networks that predict a label for each word of a sentence."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from src.core.text import counted, listing
from src.networks.configurations.configuration import Count, Regularizes, Share
from src.networks.configurations.reading import READERS, Reading

if TYPE_CHECKING:
    from torch import nn


class TaggerConfiguration(Reading):
    """embedding: the size of a word's vector. characters: the layer that reads them, with `character_units`.
    word_dropout: the share of words that count as unknown in training."""

    architecture: Literal["tagger"] = "tagger"
    reader: Literal["lstm", "gru"]
    layers: Count = 1
    embedding: Count
    characters: Literal["lstm", "convolution", "none"]
    character_units: Count
    word_dropout: Annotated[Share, Regularizes("word dropout {:g}")] = 0.0

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.tagger import Tagger

        return Tagger

    @property
    def structure(self) -> str:
        layers = f"{self.layers} layers of " if self.layers > 1 else ""
        units = listing([str(width) for width in self.units])
        read = f"embeddings of {counted(self.embedding, 'number')}"
        if self.characters != "none":
            read += f" and {READERS[self.characters]} of {counted(self.character_units, 'unit')} over characters"
        return f"{layers}{READERS[self.reader]} of {units} units, both ways, over {read}"
