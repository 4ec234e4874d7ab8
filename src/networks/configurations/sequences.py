"""Networks that read sequences of tokens."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from src.core.text import counted
from src.networks.configurations.configuration import Count, Regularizes
from src.networks.configurations.reading import Reader, ReadingOnce

if TYPE_CHECKING:
    from torch import nn


class SequenceConfiguration(ReadingOnce):
    """tokens: the size of the vocabulary. embedding: the size of a token's vector. frozen: the vectors do not learn."""

    architecture: Literal["sequence"] = "sequence"
    reader: Reader
    tokens: Count
    embedding: Count
    frozen: Annotated[bool, Regularizes("frozen vectors")] = False

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.sequences import SequenceReader

        return SequenceReader

    @property
    def reads(self) -> str:
        return f"embeddings of {counted(self.embedding, 'number')}"
