"""Small sentences whose words have tags: by the word, by how it ends, and by what stands before it."""

from typing import Any

import numpy as np
import pandas as pd

from src.kinds.tokens.encoding import Encoding
from src.problem.sources import SklearnSource
from src.problem.steps import PrepareSettings, SealedSplit
from src.tables.table import Feature, Schema, Table, encode_targets

DETERMINERS, STEMS = ["the", "a", "this"], ["glim", "tor", "blick", "dran", "ploft", "sket", "mun", "farl"]
TAGS = ["ADV", "DET", "NOUN", "VERB"]


def encoding(**changes: Any) -> dict[str, Any]:
    own = {"vocabulary": 100, "network": "lstm", "layers": 1, "characters": "lstm"}
    return Encoding.model_validate(own | changes).model_dump()


def tagged(sentences: int, seed: int = 0) -> pd.DataFrame:
    """A stem is a noun after a determiner, and otherwise a verb; with -ly it is an adverb anywhere, known or not."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(sentences):
        for _ in range(int(rng.integers(1, 4))):
            rows += [(number, str(rng.choice(DETERMINERS)), "DET"), (number, str(rng.choice(STEMS)), "NOUN")]
            rows += [(number, str(rng.choice(STEMS)), "VERB")]
            if rng.random() < 0.5:
                rows.append((number, "".join(rng.choice(list("bdfgklm"), 4)) + "ly", "ADV"))
    names = [f"s{number}" for number, _, _ in rows]
    words, tags = [word for _, word, _ in rows], [tag for _, _, tag in rows]
    columns = {"sentence": names, "word": words, "tag": tags}
    return pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in columns.items()})


def settings(**changes: Any) -> PrepareSettings:
    own: dict[str, Any] = {
        "data": SklearnSource(source="sklearn", name="iris"),
        "target": "tag",
        "type": "multiclass",
        "columns": {"word": "token"},
        "groups": "sentence",
        "test": SealedSplit(share=0.2),
        "protocol": "hold_out",
        "folds": "auto",
        "repeats": "auto",
        "seed": 0,
        "measure": "accuracy",
    }
    return PrepareSettings.model_validate(own | changes)


def table_of(sentences: int, seed: int = 0, **changes: Any) -> Table:
    frame = tagged(sentences, seed)
    schema = Schema(
        type="multiclass",
        features=[
            Feature(name="word", type="token", encoding=encoding(**changes), sentence="sentence"),
            Feature(name="sentence", type="categorical", sentence="sentence"),
        ],
        targets=["tag"],
        classes=TAGS,
        positive=None,
        groups="sentence",
        time=None,
        weights=None,
    )
    return Table(schema, frame, encode_targets(frame, schema), np.ones(len(frame)), np.arange(len(frame)))
