"""Networks that read sequences of numbered tokens.

Book: "Deep learning for text": word embeddings, convolutions and recurrent layers. The number 0 is padding, at the end
of a sequence, and never changes a result. Shapes: B rows, L tokens, H hidden units, K outputs.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.networks.dropout import Dropout
from src.networks.mlp import MLP
from src.networks.readers import reader_of

PADDING = 0


class SequenceReader(nn.Module):
    """Embeds the tokens, reads them into one vector of H numbers, and predicts from that with an `MLP`.

    units: H, then the hidden layers of the MLP. reader, options: see `src.networks.readers.reader_of`. frozen: the
    vectors of tokens do not learn.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        tokens: int,
        embedding: int,
        units: Sequence[int],
        reader: str,
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
        frozen: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        self.embed = (Frozen if frozen else nn.Embedding)(tokens, embedding)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.reader = reader_of(reader, embedding, units[0], **options)
        self.dropout = Dropout(dropout)
        self.rest = MLP(units[0], outputs, units[1:], dropout, activation)

    def forward(self, x_BL: Tensor) -> Tensor:
        numbers_BL = x_BL.long()
        real_BL1 = (numbers_BL != PADDING).to(self.embed.weight.dtype)[..., None]
        return self.rest(self.dropout(self.reader(self.embed(numbers_BL), real_BL1)))


class Frozen(nn.Module):
    """An embedding that does not learn."""

    def __init__(self, tokens: int, size: int) -> None:
        super().__init__()
        self.weight: Tensor
        self.register_buffer("weight", torch.empty(tokens, size))

    def forward(self, numbers_BL: Tensor) -> Tensor:
        return functional.embedding(numbers_BL, self.weight)
