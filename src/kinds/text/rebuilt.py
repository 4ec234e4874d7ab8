"""How the report shows what a model rebuilt of a text. Shapes: N texts, V columns."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.kinds.text.bag import Bag
from src.kinds.text.shown import beginning
from src.kinds.text.vectorizer import TextVectorizer

# N-grams of a rebuilt text that are shown.
MOST_WORDS = 12


def rebuilt(frame: pd.DataFrame, vectorizer: TextVectorizer, x_NV: NDArray[np.float64]) -> pd.DataFrame:
    """The text, and the n-grams that weigh most in what is rebuilt."""
    texts = heaviest(vectorizer, x_NV)
    return pd.DataFrame({"shown": beginning(frame[vectorizer.name]).array, "rebuilt": pd.Series(texts, dtype="str")})


def restored(vectorizer: TextVectorizer, x_NV: NDArray[np.float64]) -> pd.DataFrame:
    """The n-grams that weigh most."""
    return pd.DataFrame({vectorizer.name: pd.Series(heaviest(vectorizer, x_NV), dtype="str")})


def heaviest(vectorizer: TextVectorizer, x_NV: NDArray[np.float64]) -> list[str]:
    """Of each row the n-grams that weigh most, the heaviest first; none that the row lacks."""
    assert isinstance(vectorizer.by, Bag)
    names = vectorizer.by.vocabulary
    order_NW = np.argsort(-x_NV, axis=1, kind="stable")[:, :MOST_WORDS]
    rows = zip(order_NW.tolist(), x_NV, strict=True)
    return [", ".join(names[place] for place in order_W if x_V[place] > 0) for order_W, x_V in rows]
