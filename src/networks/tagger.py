"""A network that gives an answer for each word of a sentence.

A word's embedding is joined to what a recurrent layer reads of its characters, and a recurrent layer reads the sentence
of them in both directions. Sources: Huang, Xu and Yu 2015, "Bidirectional LSTM-CRF models for sequence tagging"; Ling
et al. 2015, "Finding function in form: compositional character models for open vocabulary word representation"; Plank,
Søgaard and Goldberg 2016, "Multilingual part-of-speech tagging with bidirectional long short-term memory models".
Shapes: B words, S sequences, L places of the longest, U different forms, C characters of the longest, E numbers of a
word, H units, K outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from src.networks.dropout import Dropout, OwnStream
from src.networks.mlp import MLP
from src.networks.readers import STEPS, Convolution

# The number of a word that is not in the vocabulary; of what stands behind the last character of a form.
UNKNOWN, PADDING = 0, 0
# Numbers that a character may have, and how many of its own one has.
ALPHABET, CHARACTER = 256, 24


@dataclass(frozen=True)
class Packing:
    """How sequences that lie one after another, B items in all, are read from both ends side by side, without padding.

    order_2B: from either end, their items place by place, at each the longest sequence first. back_2B: the other way
    round. sizes: how many sequences have each place. first_S, last_S: where each sequence begins and ends.
    """

    order_2B: Tensor
    back_2B: Tensor
    sizes: list[int]
    first_S: Tensor
    last_S: Tensor

    @classmethod
    def of(cls, lengths_S: Tensor) -> "Packing":
        """For sequences of these lengths, none of them 0."""
        count, last_S = len(lengths_S), lengths_S.cumsum(0) - 1
        first_S = last_S + 1 - lengths_S
        rank_S = lengths_S.argsort(descending=True, stable=True).argsort()
        sequence_B = torch.arange(count).repeat_interleave(lengths_S)
        item_B = torch.arange(len(sequence_B))
        place_2B = torch.stack([item_B - first_S[sequence_B], last_S[sequence_B] - item_B])
        order_2B = (place_2B * count + rank_S[sequence_B]).argsort()
        return cls(order_2B, order_2B.argsort(), place_2B[0].bincount().tolist(), first_S, last_S)

    def to(self, device: torch.device) -> "Packing":
        order_2B, back_2B = self.order_2B.to(device), self.back_2B.to(device)
        return Packing(order_2B, back_2B, self.sizes, self.first_S.to(device), self.last_S.to(device))


@dataclass(frozen=True)
class Tokens:
    """A minibatch: the words of whole sentences, and the forms among them with their characters, filled up at the end.

    form_B: which of the forms a word is. spelled: how the characters lie that are real, form after form.
    """

    words_B: Tensor
    sentences: Packing
    form_B: Tensor
    characters_UC: Tensor
    spelled: Packing


class Tagger(nn.Module):
    """Reads `Tokens` and gives logits_BK.

    inputs: numbers of words. embedding: E of a word. characters: what reads them, with `character_units` of its own;
    `none`: nothing. reader, layers: what reads the sentence. units: H of both directions together, then the hidden
    layers of the `MLP` behind. word_dropout: the share of words that are taken for unknown ones in training.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        embedding: int,
        units: Sequence[int],
        reader: Literal["lstm", "gru"],
        characters: Literal["lstm", "convolution", "none"],
        character_units: int,
        layers: int = 1,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
    ) -> None:
        super().__init__()
        self.forget = WordDropout(word_dropout)
        self.embed = nn.Embedding(inputs, embedding)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.spell = None if characters == "none" else Spelling(characters, character_units)
        width = embedding + (0 if self.spell is None else character_units)
        self.before, self.after = Dropout(dropout), Dropout(dropout)
        self.read = BothWays(reader, width, units[0], layers)
        self.rest = MLP(units[0], outputs, units[1:], dropout, activation)

    def forward(self, of: Tokens) -> Tensor:
        x_BE = self.embed(self.forget(of.words_B))
        if self.spell is not None:
            x_BE = torch.cat([x_BE, self.spell(of.characters_UC, of.spelled)[of.form_B]], dim=1)
        return self.rest(self.after(self.read(self.before(x_BE), of.sentences)))


class BothWays(nn.Module):
    """Recurrent layers that read sequences from both ends; H units of a layer, half of them in each direction.

    The same as torch's own, in two thirds of their time on a CPU: both directions make each step together, and the
    gradients of packed sequences are not filled up anew at each place.
    """

    def __init__(self, kind: str, inputs: int, units: int, layers: int = 1) -> None:
        super().__init__()
        if units % 2:
            raise ValueError(f"two directions share the units of a layer: {units} is odd")
        self.units = units // 2
        self.step, gates = STEPS[kind]
        widths, size = [inputs, *[units] * (layers - 1)], gates * self.units

        def drawn(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape).uniform_(-(self.units**-0.5), self.units**-0.5))  # as torch's own

        self.of_input = nn.ParameterList(drawn(2, width, size) for width in widths)
        self.of_state = nn.ParameterList(drawn(2, self.units, size) for _ in widths)
        self.biases = nn.ParameterList(drawn(2, 2, 1, size) for _ in widths)

    def forward(self, x_BE: Tensor, packing: Packing) -> Tensor:
        """The states at all places, (B, H)."""
        for of_input, of_state, (bias_21G, own_bias_21G) in zip(self.of_input, self.of_state, self.biases, strict=True):
            gates_2BG = torch.baddbmm(bias_21G, x_BE[packing.order_2B], of_input)
            h_2SH = c_2SH = x_BE.new_zeros(2, packing.sizes[0], self.units)
            states = []
            for gates_2SG in gates_2BG.split(packing.sizes, dim=1):
                count = gates_2SG.shape[1]
                if count < h_2SH.shape[1]:
                    h_2SH, c_2SH = h_2SH[:, :count], c_2SH[:, :count]
                own_2SG = torch.baddbmm(own_bias_21G, h_2SH, of_state)
                h_2SH, c_2SH = self.step(gates_2SG, own_2SG, h_2SH, c_2SH)
                states.append(h_2SH)
            onward_BH, back_BH = torch.cat(states, dim=1)
            x_BE = torch.cat([onward_BH[packing.back_2B[0]], back_BH[packing.back_2B[1]]], dim=1)
        return x_BE

    def ends(self, x_BE: Tensor, packing: Packing) -> Tensor:
        """The state of each direction where it ends, (S, H)."""
        onward_BH, back_BH = self(x_BE, packing).chunk(2, 1)
        return torch.cat([onward_BH[packing.last_S], back_BH[packing.first_S]], dim=1)


class Spelling(nn.Module):
    """A vector for each form, by its characters."""

    def __init__(self, kind: Literal["lstm", "convolution"], units: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(ALPHABET, CHARACTER)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.read = BothWays(kind, CHARACTER, units) if kind == "lstm" else Convolution(CHARACTER, units)

    def forward(self, characters_UC: Tensor, spelled: Packing) -> Tensor:
        real_UC = characters_UC != PADDING
        if isinstance(self.read, BothWays):
            return self.read.ends(self.embed(characters_UC[real_UC]), spelled)
        return self.read(self.embed(characters_UC), real_UC.to(self.embed.weight.dtype)[..., None])


class WordDropout(OwnStream, nn.Module):
    """Takes words for unknown ones in training, so that the network learns what to make of them.

    Source: Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods for text classification".
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, words_B: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return words_B
        forgotten_B = torch.rand(len(words_B), generator=self.generator) < self.p
        return words_B.masked_fill(forgotten_B.to(words_B.device), UNKNOWN)
