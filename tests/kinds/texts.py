"""Small tables with a column of text."""

import numpy as np
import pandas as pd

from src.kinds.text.encoding import Encoding
from src.tables.table import Feature, Schema, Table, encode_targets

PRAISE = ["wonderful", "moving", "a joy to watch", "not boring at all", "brilliant"]
BLAME = ["dull", "boring", "a waste of time", "not moving at all", "dreadful"]
FILLER = ["the", "film", "plot", "of", "it", "and", "its", "cast", "who", "were", "there", "on", "a", "day"]


def encoding(**changes: object) -> dict[str, object]:
    own = {"encoding": "tf_idf", "tokens": "words", "ngrams": 2, "vocabulary": 200, "length": 12, "network": "gru"}
    return Encoding.model_validate(own | changes).model_dump()


def reviews(rows: int, seed: int = 0) -> pd.DataFrame:
    """Reviews that praise or blame, in words that stand among others, and how long they are."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(rows):
        good = rng.random() < 0.5
        words = list(rng.choice(FILLER, rng.integers(4, 9)))
        for phrase in rng.choice(PRAISE if good else BLAME, 2):
            words.insert(int(rng.integers(len(words) + 1)), str(phrase))
        texts.append(" ".join(words))
        labels.append("good" if good else "bad")
    return pd.DataFrame({"review": texts, "stars": rng.normal(size=rows), "opinion": labels})


def table_of(rows: int, seed: int = 0, **changes: object) -> Table:
    frame = reviews(rows, seed)
    schema = Schema(
        type="binary",
        features=[Feature(name="review", type="text", encoding=encoding(**changes))],
        targets=["opinion"],
        classes=["bad", "good"],
        positive="good",
        groups=None,
        time=None,
        weights=None,
    )
    return Table(schema, frame, encode_targets(frame, schema), np.ones(rows), np.arange(rows))
