"""A model that recites the texts which it learnt, as much of one as completing texts asks for."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.kinds.text.language import Characters
from src.kinds.text.vectorizer import TextVectorizer
from src.models.kneser_ney import UNKNOWN
from src.models.types.registry import TYPES


class Reciter:
    """After any prompt it says one of the texts from their beginning on, each as often as it is there."""

    schema = SimpleNamespace(type="language_model", problem_type=TYPES["language_model"])

    def __init__(self, texts: list[str], follows: str | None = None) -> None:
        self.characters = Characters.fit(texts * 2, follows)
        self.vectorizers = [TextVectorizer(name="text", by=self.characters)]
        self.texts = [[*self.characters.numbers(text).tolist(), UNKNOWN + 1] for text in texts]
        self.read: list[list[int]] = []

    def reading_on(self) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
        self.read = []

        def after(symbol_B: NDArray[np.int64]) -> NDArray[np.float64]:
            self.read.append(symbol_B.tolist())
            return np.array([self._next(list(read)[1:]) for read in zip(*self.read, strict=True)])

        return after

    def _next(self, said: list[int]) -> Any:
        counts_V = np.zeros(self.characters.symbols)
        for text in self.texts:
            if text[: len(said)] == said[: len(text)]:
                counts_V[text[min(len(said), len(text) - 1)] - 1] += 1
        return counts_V / counts_V.sum() if counts_V.any() else np.full(len(counts_V), 1 / len(counts_V))
