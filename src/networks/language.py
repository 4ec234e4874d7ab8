"""Networks that say which symbol comes next, at each place of a text.

Source: Mikolov et al. 2010, "Recurrent neural network based language model"; Graves 2013, "Generating sequences with
recurrent neural networks"; Radford et al. 2019, "Language models are unsupervised multitask learners" (the blocks of
the causal Transformer: norms before attention and before the dense layers).
Shapes: B rows, X places, E numbers of a symbol's vector, H units, V symbols, A heads of attention.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.networks.dropout import Dropout

RECURRENT = {"lstm": nn.LSTM, "gru": nn.GRU}
MOST_HEADS = 4


class RecurrentLanguageModel(nn.Module):
    """Vectors of the symbols, recurrent layers, and the logits of the next symbol.

    symbols: V. embedding: E. units: H, as the only one of a list. layers: recurrent ones, stacked. An LSTM begins with
    gates that remember (Jozefowicz, Zaremba and Sutskever 2015, "An empirical exploration of recurrent network
    architectures", section 2.2).
    """

    def __init__(
        self,
        symbols: int,
        embedding: int,
        units: Sequence[int],
        reader: Literal["lstm", "gru"],
        layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        [width] = units
        self.embed = nn.Embedding(symbols + 1, embedding)
        stacked = [RECURRENT[reader](width if layer else embedding, width, batch_first=True) for layer in range(layers)]
        if reader == "lstm":
            for recurrent in stacked:
                nn.init.ones_(recurrent.bias_ih_l0.data[width : 2 * width])
        self.layers = nn.ModuleList(stacked)
        self.dropout = nn.ModuleList(Dropout(dropout) for _ in range(layers + 1))
        self.answer = nn.Linear(width, symbols)

    def forward(self, x_BX: Tensor) -> Tensor:
        """The logits at each place, (B, X, V). Rows hold symbols as `src.models.kneser_ney.NOTHING` says."""
        h_BXH = self.dropout[0](self.embed(symbols_before(x_BX, self.embed.num_embeddings)))
        for layer, dropout in zip(self.layers, list(self.dropout)[1:], strict=True):
            h_BXH = dropout(layer(h_BXH)[0])
        logits_BXV: Tensor = self.answer(h_BXH)
        return logits_BXV

    def next(self, symbol_B: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """The logits of what follows one more symbol of each text, (B, V), and the state for the next call.

        The first symbol of a text is none, 0; the first state is None.
        """
        h_B1H, states = self.embed(symbol_B[:, None]), []
        for place, layer in enumerate(self.layers):
            h_B1H, after = layer(h_B1H, None if state is None else state[place])
            states.append(after)
        return self.answer(h_B1H[:, 0]), states


class CausalTransformer(nn.Module):
    """Vectors of symbols and places, blocks of attention to what came before, and the logits of the next symbol.

    symbols: V. length: the places that attention reaches back over. units: H of each block, all the same.
    """

    def __init__(self, symbols: int, length: int, units: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        width = units[0]
        self.length = length
        self.embed, self.places = nn.Embedding(symbols + 1, width), nn.Embedding(length, width)
        nn.init.normal_(self.embed.weight, std=0.02)
        nn.init.normal_(self.places.weight, std=0.02)
        self.dropout = Dropout(dropout)
        blocks = [Block(width, dropout) for _ in units]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width)
        self.answer = nn.Linear(width, symbols)
        for block in blocks:
            nn.init.normal_(block.join.weight, std=0.02 / math.sqrt(2 * len(units)))
            nn.init.normal_(block.narrow.weight, std=0.02 / math.sqrt(2 * len(units)))

    def forward(self, x_BX: Tensor) -> Tensor:
        """The logits at each place, (B, X, V). In a longer text, each half of `length` is read after the half before
        it."""
        before_BX = symbols_before(x_BX, self.embed.num_embeddings)
        if before_BX.shape[1] <= self.length:
            return self._read(before_BX)
        half = max(self.length // 2, 1)
        parts = [self._read(before_BX[:, : self.length])]
        for start in range(self.length, before_BX.shape[1], half):
            window_BX = before_BX[:, max(start - self.length + half, 0) : start + half]
            parts.append(self._read(window_BX)[:, -len(before_BX[0, start : start + half]) :])
        return torch.cat(parts, 1)

    def next(self, symbol_B: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """See `RecurrentLanguageModel.next`; the state is what was read, as far as attention reaches back."""
        before_BX = symbol_B[:, None] if state is None else torch.cat([state, symbol_B[:, None]], 1)
        over, half = before_BX.shape[1] - self.length, max(self.length // 2, 1)
        if over > 0:
            before_BX = before_BX[:, half * -(-over // half) :]
        return self._read(before_BX)[:, -1], before_BX

    def _read(self, before_BX: Tensor) -> Tensor:
        places_X = torch.arange(before_BX.shape[1], device=before_BX.device)
        h_BXH = self.dropout(self.embed(before_BX) + self.places(places_X))
        for block in self.blocks:
            h_BXH = block(h_BXH)
        logits_BXV: Tensor = self.answer(self.norm(h_BXH))
        return logits_BXV


class Block(nn.Module):
    """Attention of every place to itself and those before it, and two dense layers, each added to what they read."""

    def __init__(self, units: int, dropout: float) -> None:
        super().__init__()
        self.heads = math.gcd(units, MOST_HEADS)
        self.norms = nn.ModuleList(nn.LayerNorm(units) for _ in range(2))
        self.attend, self.join = nn.Linear(units, 3 * units), nn.Linear(units, units)
        self.widen, self.narrow = nn.Linear(units, 4 * units), nn.Linear(4 * units, units)
        self.dropout = nn.ModuleList(Dropout(dropout) for _ in range(2))

    def forward(self, h_BXH: Tensor) -> Tensor:
        parts = self.attend(self.norms[0](h_BXH)).unflatten(2, (3, self.heads, -1)).unbind(2)
        queries, keys, values = (part.transpose(1, 2) for part in parts)
        seen_BAXE = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        h_BXH = h_BXH + self.dropout[0](self.join(seen_BAXE.transpose(1, 2).flatten(2)))
        widened_BXH = functional.gelu(self.widen(self.norms[1](h_BXH)))
        added_BXH: Tensor = h_BXH + self.dropout[1](self.narrow(widened_BXH))
        return added_BXH


def symbols_before(x_BX: Tensor, numbers: int) -> Tensor:
    """The symbol before each place, without signs; 0 before the first, and 1 for one from `numbers` on."""
    number_BX = x_BX.abs().long()
    number_BX = torch.where(number_BX < numbers, number_BX, torch.ones_like(number_BX))
    return functional.pad(number_BX, (1, 0))[:, :-1]
