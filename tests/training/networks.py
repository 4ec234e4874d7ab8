"""Small networks of kinds that have no layers written for stacks: what later kinds of input will bring."""

from pydantic import ConfigDict, Field
from torch import Tensor, nn

from src.networks import Configuration
from src.networks.dropout import Dropout


class Convolutional(nn.Module):
    """Reads D inputs as a signal: a convolution with batch norm, dropout, a pool, a linear layer."""

    def __init__(self, inputs: int, outputs: int, channels: int = 3, dropout: float = 0.0, norm: bool = True) -> None:
        super().__init__()
        convolution = nn.Conv1d(1, channels, 3, padding=1, bias=not norm)
        layers = [convolution, nn.BatchNorm1d(channels) if norm else nn.Identity(), nn.ReLU(), Dropout(dropout)]
        self.body = nn.Sequential(*layers, nn.AvgPool1d(2), nn.Flatten())
        self.last = nn.Linear(channels * (inputs // 2), outputs)

    def forward(self, x_BD: Tensor) -> Tensor:
        return self.last(self.body(x_BD.unsqueeze(1)))


class Recurrent(nn.Module):
    """Reads D inputs as a sequence of numbers."""

    def __init__(self, inputs: int, outputs: int, cell: str = "LSTM", dropout: float = 0.0) -> None:
        super().__init__()
        self.cell = getattr(nn, cell)(1, 4, batch_first=True)
        self.dropout = Dropout(dropout)
        self.last = nn.Linear(4, outputs)

    def forward(self, x_BD: Tensor) -> Tensor:
        return self.last(self.dropout(self.cell(x_BD.unsqueeze(2))[0][:, -1]))


class Embedded(nn.Module):
    """Reads D inputs as words of a small vocabulary, with layer norm."""

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.words = nn.Embedding(16, 3)
        self.norm = nn.LayerNorm(3)
        self.dropout = Dropout(dropout)
        self.last = nn.Linear(3 * inputs, outputs)

    def forward(self, x_BD: Tensor) -> Tensor:
        words = (x_BD * 4).long().clamp(-8, 7) + 8
        return self.last(self.dropout(self.norm(self.words(words)).flatten(1)))


class Normed(nn.Module):
    """Batch norm over the rows alone."""

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, outputs))

    def forward(self, x_BD: Tensor) -> Tensor:
        return self.layers(x_BD)


class Forking(nn.Module):
    """Looks at a value to decide what to do, which vmap cannot."""

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.last = nn.Linear(inputs, outputs)

    def forward(self, x_BD: Tensor) -> Tensor:
        logits = self.last(x_BD)
        return logits if bool((logits > 100).any()) else 2 * logits


class PlainDropout(nn.Module):
    """Draws its masks from torch's own stream, so that they depend on what is trained beside it."""

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 4), nn.Dropout(0.5), nn.Linear(4, outputs))

    def forward(self, x_BD: Tensor) -> Tensor:
        return self.layers(x_BD)


class Bag(nn.Module):
    """An EmbeddingBag, which vmap takes on a slow path only."""

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(16, outputs)

    def forward(self, x_BD: Tensor) -> Tensor:
        return self.words((x_BD * 4).long().clamp(-8, 7) + 8)


MODULES = {of.__name__: of for of in (Convolutional, Recurrent, Embedded, Normed, Forking, PlainDropout, Bag)}


def configuration(kind: str) -> type[Configuration]:
    """The configuration of one of these networks, with any settings."""

    class Free(Configuration):
        model_config = ConfigDict(extra="allow")

        units: list[int] = Field(default_factory=list)

        @staticmethod
        def module() -> type[nn.Module]:
            return MODULES[kind]

    return Free
