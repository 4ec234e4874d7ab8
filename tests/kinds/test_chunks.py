"""Tables vectorized in chunks: the same inputs as at once."""

import numpy as np
import pandas as pd
import pytest

from src.kinds.chunks import inputs_of
from src.kinds.text.language import BEFORE, Reading
from src.kinds.text.vectorizer import TextVectorizer
from src.models.kneser_ney import KneserNey
from src.tables.table import Feature, Schema


def rows(lengths: list[int]) -> pd.DataFrame:
    """Texts of these lengths that continue one another but for a gap in the middle."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ab c"), length)) or None for length in lengths]
    place_N = np.arange(len(texts)) + (np.arange(len(texts)) >= len(texts) // 2)
    return pd.DataFrame({"text": pd.Series(texts, dtype=object), "place": place_N.astype(np.float64)})


def schema_of(follows: str | None) -> Schema:
    encoding = Reading(network="lstm", layers=1, symbols=9, length=9, follows=follows)
    feature = Feature(name="text", type="text", encoding=encoding.model_dump())
    roles = dict.fromkeys(("positive", "groups", "time", "weights"))
    return Schema(type="language_model", features=[feature], targets=[], classes=[], **roles)


@pytest.mark.parametrize("follows", ["place", None])
@pytest.mark.parametrize("lengths", [[3] * 40, [100, 2, 0, 1, 50, 7] * 4, [0, 0, 0, 0]])
def test_a_row_is_read_after_those_before_it_wherever_a_chunk_begins(follows: str | None, lengths: list[int]):
    frame, schema = rows(lengths), schema_of(follows)
    vectorizer = TextVectorizer.fit(frame, schema.features)
    whole_NX = vectorizer.transform(frame)
    model = KneserNey(BEFORE // 4).fit(whole_NX)
    for size in (1, 2, 7, len(frame)):
        chunks = list(inputs_of(vectorizer, frame, schema, size))
        assert [len(chunk) for chunk in chunks] == [
            min(size, len(frame) - start) for start in range(0, len(frame), size)
        ]
        for start, chunk in zip(range(0, len(frame), size), chunks, strict=True):
            together_NX = whole_NX[start : start + size]
            width = min(together_NX.shape[1], chunk.shape[1])
            np.testing.assert_array_equal(chunk[:, :width], together_NX[:, :width])
            assert not chunk[:, width:].any()
            assert not together_NX[:, width:].any()
        bits = np.concatenate([model.score_samples(chunk) for chunk in chunks])
        np.testing.assert_allclose(bits, model.score_samples(whole_NX), rtol=1e-12)
