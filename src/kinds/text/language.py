"""Texts that are read on, character by character: their encoding, how they become numbers, and the capacity ladder.

Shapes: N texts, X places of a row, S characters of all texts one after another.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.core.errors import UserError
from src.core.stored import Stored
from src.models.kneser_ney import UNKNOWN
from src.networks import Configuration
from src.networks.configurations.language import CausalTransformerConfiguration, RecurrentLanguageConfiguration
from src.problem.sources import numbered_by
from src.problem.steps import PrepareSettings
from src.problem.training import OverfitLadder, Training
from src.results.verdicts import Choice
from src.tables.table import Feature

# Characters before a row that its first ones are read after, where rows continue one another.
BEFORE = 32
# The most characters of a text.
LONGEST = 8192
# A character has a number of its own if so many texts have it. Those of a single text teach what unknown ones are like.
FEWEST_TEXTS = 2
# Codes of Unicode that are no characters, and that no file in UTF-8 holds.
SURROGATES = 0xD800, 0xDFFF
# The size of a character's vector in a recurrent network, and units of the ladders by `overfit.first_units`.
EMBEDDING, RECURRENT_UNITS, BLOCK_UNITS = 64, 16, 8


class Reading(Stored):
    """The settled encoding of a column that is read on.

    symbols: their highest number. length: places of the longest training row. follows: the column that numbers rows
    which continue one another; without one, every text begins anew and ends.
    """

    encoding: Literal["read_on"] = "read_on"
    network: Literal["lstm", "gru", "transformer"]
    layers: int
    symbols: int
    length: int
    follows: str | None


class Characters(Stored):
    """Texts as rows of numbered characters; `src.models.kneser_ney` says what the numbers stand for.

    A text has an end of its own, numbered after UNKNOWN, unless rows continue one another by the numbers in the column
    `follows`. Then a row has the `BEFORE` characters of the rows before it with negative numbers.
    """

    known: str
    follows: str | None

    @classmethod
    def fit(cls, texts: Sequence[str], follows: str | None) -> Self:
        """Number the characters that at least two texts have, in the order of Unicode."""
        codes = [np.unique(_codes(text)) for text in texts]
        known, times = np.unique(np.concatenate([*codes, np.empty(0, np.uint32)]), return_counts=True)
        known = known[(times >= FEWEST_TEXTS) & ~((known >= SURROGATES[0]) & (known <= SURROGATES[1]))]
        return cls(known="".join(map(chr, known)), follows=follows)

    @property
    def first(self) -> int:
        """The number of the first known character."""
        return UNKNOWN + 1 if self.follows else UNKNOWN + 2

    @property
    def symbols(self) -> int:
        return self.first + len(self.known) - 1

    def numbers(self, text: str) -> NDArray[np.int64]:
        """The numbers of a text's characters, without its end."""
        codes_S, known = _codes(text), _codes(self.known)
        if not len(known):
            return np.full(len(codes_S), UNKNOWN)
        places_S = np.searchsorted(known, codes_S).clip(max=len(known) - 1)
        return np.where(known[places_S] == codes_S, places_S + self.first, UNKNOWN)

    def text(self, numbers: Sequence[int]) -> str:
        """The characters of numbers from `first` on."""
        return "".join(self.known[number - self.first] for number in numbers)

    def transform(self, texts: Sequence[str], place_N: NDArray[np.float64] | None) -> NDArray[np.float32]:
        """The rows as numbers, (N, X). place_N: those of the rows. Raises UserError for a text that is too long."""
        lengths_N = np.array([len(text) for text in texts], dtype=np.int64)
        if lengths_N.max(initial=0) > LONGEST:
            raise UserError(
                f"a text of {lengths_N.max():,} characters is too long to be read at once; cut it into rows of at most "
                f"{LONGEST:,}"
            )
        ends = np.full(int(not self.follows), UNKNOWN + 1)
        stream_S = np.concatenate([*(part for text in texts for part in (self.numbers(text), ends)), np.empty(0, int)])
        ends_N = np.cumsum(lengths_N + len(ends))
        starts_N = ends_N - lengths_N - len(ends)
        before, run_N = 0, starts_N
        if self.follows:
            before, follows_N = BEFORE, np.zeros(len(texts), dtype=bool)
            if place_N is not None:
                follows_N[1:] = np.diff(place_N) == 1
            first_N = np.maximum.accumulate(np.where(follows_N, 0, np.arange(len(texts))))
            run_N = starts_N[first_N]
        # Row by row, as a long text makes all others as wide: indices of that shape would take many times the memory.
        x_NX = np.zeros((len(texts), before + int((ends_N - starts_N).max(initial=1))), np.float32)
        for row, (start, end, run) in enumerate(zip(starts_N, ends_N, run_N, strict=True)):
            first = max(start - before, run)
            x_NX[row, before - (start - first) : before + end - start] = stream_S[first:end]
        hidden_NX = x_NX[:, :before]
        np.negative(hidden_NX, out=hidden_NX, where=hidden_NX > 0)
        return x_NX


def read_on(train: pd.DataFrame, feature: Feature, settings: PrepareSettings) -> tuple[list[Feature], list[Choice]]:
    """The column with its encoding, and the choices made, from the training rows."""
    texts, follows = train[feature.name].fillna("").tolist(), continues_by(settings)
    fitted = Characters.fit(texts, follows)
    network = settings.text.network
    encoding = Reading(
        network="lstm" if network not in ("gru", "transformer") else network,
        layers=settings.text.layers,
        symbols=fitted.symbols,
        length=max(map(len, texts)) + (BEFORE if follows else 1),
        follows=follows,
    )
    reason = f"the column numbers the rows that data.records cut from a text ({follows})" if follows else ""
    choices = [Choice(setting=f"rows of {feature.name}", chosen="continue one another", reason=reason)] * bool(follows)
    return [feature.model_copy(update={"encoding": encoding.model_dump()})], choices


def passages(frame: pd.DataFrame, feature: Feature) -> list[str]:
    """The texts of a table, rows that continue one another in one."""
    texts, follows = frame[feature.name].fillna("").tolist(), Reading.model_validate(feature.encoding).follows
    if follows is None:
        return [text for text in texts if text]
    begins = np.append(True, np.diff(frame[follows].to_numpy(np.float64)) != 1)[: len(texts)]
    starts = [*np.flatnonzero(begins).tolist(), len(texts)]
    return ["".join(texts[start:end]) for start, end in pairwise(starts)]


def read_after(frame: pd.DataFrame, features: Sequence[Feature], row: int) -> int:
    """The first of the rows whose characters come before a row, see `Characters`; the row itself if there are none."""
    [feature] = features
    follows = feature.encoding.get("follows")
    if follows is None or follows not in frame:
        return row
    texts_N, place_N, characters = frame[feature.name], frame[follows], 0
    while row > 0 and characters < BEFORE and place_N.iloc[row] - place_N.iloc[row - 1] == 1:
        row -= 1
        text = texts_N.iloc[row]
        characters += len(text) if isinstance(text, str) else 0
    return row


def continues_by(settings: PrepareSettings) -> str | None:
    """The column that numbers rows cut from one text, if they are kept in its order."""
    return settings.time if settings.time is not None and settings.time in numbered_by(settings.data) else None


def ladder(features: Sequence[Feature], settings: OverfitLadder, training: Training) -> Sequence[Configuration]:
    """Recurrent layers of doubling width, 64 units first; of Transformers 2 blocks of 64 units, 3 of 96, 4 of 128."""
    [encoding] = [Reading.model_validate(feature.encoding) for feature in features]
    rungs = range(settings.max_rungs)
    if encoding.network == "transformer":
        return [
            CausalTransformerConfiguration(
                units=[BLOCK_UNITS * settings.first_units * blocks] * blocks,
                symbols=encoding.symbols,
                length=encoding.length,
            )
            for blocks in (2 + rung for rung in rungs)
        ]
    return [
        RecurrentLanguageConfiguration(
            reader=encoding.network,
            units=[RECURRENT_UNITS * settings.first_units * 2**rung],
            symbols=encoding.symbols,
            embedding=EMBEDDING,
            layers=encoding.layers,
        )
        for rung in rungs
    ]


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
