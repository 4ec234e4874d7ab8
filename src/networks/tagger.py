"""A network that predicts a label for each word of a sentence.

A word is represented by its embedding and a vector of its characters, and a bidirectional recurrent layer reads the
sentence. Sources: Huang, Xu and Yu 2015, "Bidirectional LSTM-CRF models for sequence tagging"; Ling
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

from src.networks.both_ways import BothWays, Packing
from src.networks.dropout import Dropout, OwnStream
from src.networks.mlp import MLP
from src.networks.readers import Convolution

# The number of a word that is not in the vocabulary, and of the padding after the last character of a form.
UNKNOWN, PADDING = 0, 0
# The number of different characters, and the size of a character's embedding.
ALPHABET, CHARACTER = 256, 24


@dataclass(frozen=True)
class Tokens:
    """A minibatch: the words of whole sentences, and their distinct forms with their characters, padded at the end.

    form_B: the form of each word. spelled: the packing of the real characters, form after form.
    """

    words_B: Tensor
    sentences: Packing
    form_B: Tensor
    characters_UC: Tensor
    spelled: Packing


class Tagger(nn.Module):
    """Reads `Tokens` and gives logits_BK.

    inputs: the size of the vocabulary. embedding: E of a word. characters: the layer that reads them, with
    `character_units`, or `none`. reader, layers: what reads the sentence. units: H of both directions together, then
    the hidden layers of the `MLP`. word_dropout: the share of words that count as unknown in training.
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

    def forward(self, tokens: Tokens) -> Tensor:
        x_BE = self.embed(self.forget(tokens.words_B))
        if self.spell is not None:
            x_BE = torch.cat([x_BE, self.spell(tokens.characters_UC, tokens.spelled)[tokens.form_B]], dim=1)
        return self.rest(self.after(self.read(self.before(x_BE), tokens.sentences)))


class Spelling(nn.Module):
    """A vector for each form, by its characters."""

    def __init__(self, reader: Literal["lstm", "convolution"], units: int) -> None:
        super().__init__()
        # torch's initial weights: it learns faster from them than from the small ones that suit the many words.
        self.embed = nn.Embedding(ALPHABET, CHARACTER)
        self.read = BothWays(reader, CHARACTER, units) if reader == "lstm" else Convolution(CHARACTER, units)

    def forward(self, characters_UC: Tensor, spelled: Packing) -> Tensor:
        real_UC = characters_UC != PADDING
        if isinstance(self.read, BothWays):
            return self.read.ends(self.embed(characters_UC[real_UC]), spelled)
        return self.read(self.embed(characters_UC), real_UC.to(self.embed.weight.dtype)[..., None])


class WordDropout(OwnStream, nn.Module):
    """Replaces words by the unknown word in training, so that the network learns to deal with it.

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
