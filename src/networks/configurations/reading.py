"""The base of configurations of networks that read a sequence."""

from abc import abstractmethod
from typing import Annotated, Literal

from src.core.text import counted
from src.networks.configurations.configuration import Configuration, Count, Regularizes, Share, hidden_layers

# Layers that read a sequence step by step. Their gradients may grow with every step and are clipped to this length.
# Source: Pascanu, Mikolov and Bengio 2013, "On the difficulty of training recurrent neural networks".
RECURRENT, CLIP_NORM = ("rnn", "gru", "lstm", "convolution_gru"), 1.0
Reader = Literal["embedding", "convolution", "rnn", "gru", "lstm", "convolution_gru", "transformer"]
READERS = {
    "dense": "a dense layer",
    "embedding": "a pooled layer",
    "convolution": "a convolution",
    "rnn": "a simple recurrent layer",
    "gru": "a GRU",
    "lstm": "an LSTM",
    "convolution_gru": "a convolution and a GRU",
    "transformer": "a Transformer encoder",
}


class Reading(Configuration):
    """A layer that reads a sequence, the first of `units`, and hidden layers after it."""

    reader: str

    @property
    def clip_norm(self) -> float | None:
        return CLIP_NORM if self.reader in RECURRENT else None

    @property
    def sizes(self) -> str:
        return f"{self.reader} {super().sizes}"


class ReadingOnce(Reading):
    """A network that reads a sequence into a single vector, with the options of `readers.reader_of`."""

    layers: Count = 1
    bidirectional: bool = False
    recurrent_dropout: Annotated[Share, Regularizes("recurrent dropout {:g}")] = 0.0

    @property
    def structure(self) -> str:
        first, *rest = self.units
        parts = [
            f"{READERS[self.reader]} of {counted(first, 'unit')} over {self.reads}",
            *([f"{self.layers} layers"] if self.layers > 1 else []),
            *(["read from both ends"] if self.bidirectional else []),
            *self.forecasts,
            *([f"then {hidden_layers(rest)}"] if rest else []),
        ]
        return ", ".join(parts)

    @property
    @abstractmethod
    def reads(self) -> str:
        """What the first layer reads, in words."""

    @property
    def forecasts(self) -> list[str]:
        """What is forecast, if it is not the value itself."""
        return []
