"""Networks that read sequences of numbered tokens.

Book: "Deep learning for text": word embeddings, convolutions and recurrent layers. The number 0 is padding, at the end
of a sequence, and never changes a result. Shapes: B rows, L tokens, E numbers of an embedding, H hidden units,
K outputs.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from src.networks.dropout import Dropout
from src.networks.mlp import MLP

PADDING = 0
WINDOW = 5


class SequenceReader(nn.Module):
    """Embeds the tokens, makes one vector of H numbers of them, and reads the answer off it with an `MLP`.

    reader: `embedding` (mean over the tokens), `convolution` (windows of 5, the largest of each feature), `gru` or
    `lstm` (the state after the last token). units: H, then the hidden layers of the MLP.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        tokens: int,
        embedding: int,
        units: Sequence[int],
        reader: Literal["embedding", "convolution", "gru", "lstm"],
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
    ) -> None:
        super().__init__()
        self.kind = reader
        self.embed = nn.Embedding(tokens, embedding)
        nn.init.normal_(self.embed.weight, std=0.1)
        first = units[0]
        readers: dict[str, nn.Module] = {
            "embedding": nn.Linear(embedding, first),
            "convolution": nn.Conv1d(embedding, first, WINDOW, padding=WINDOW // 2),
            "gru": nn.GRU(embedding, first, batch_first=True),
            "lstm": nn.LSTM(embedding, first, batch_first=True),
        }
        self.reader = readers[reader]
        self.dropout = Dropout(dropout)
        self.rest = MLP(first, outputs, units[1:], dropout, activation)

    def forward(self, x_BL: Tensor) -> Tensor:
        numbers_BL = x_BL.long()
        real_BL1 = (numbers_BL != PADDING).to(self.embed.weight.dtype)[..., None]
        e_BLE = self.embed(numbers_BL) * real_BL1
        return self.rest(self.dropout(self._read(e_BLE, real_BL1)))

    def _read(self, e_BLE: Tensor, real_BL1: Tensor) -> Tensor:
        if self.kind == "embedding":
            return torch.relu(self.reader(e_BLE.sum(1) / real_BL1.sum(1).clamp(min=1)))
        if self.kind == "convolution":
            h_BLH = torch.relu(self.reader(e_BLE.transpose(1, 2)).transpose(1, 2))
            return (h_BLH * real_BL1).amax(1)
        h_BLH, _ = self.reader(e_BLE)
        ends_BL1 = real_BL1 - nn.functional.pad(real_BL1, (0, 0, 0, 1))[:, 1:]
        return (h_BLH * ends_BL1).sum(1)
