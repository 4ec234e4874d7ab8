"""A table vectorized in chunks that bound the memory, as if it were vectorized at once. Shapes: N rows, D inputs."""

from collections.abc import Iterator

import pandas as pd

from src.inputs.sparse import Inputs
from src.kinds.registry import kind_of
from src.kinds.vectorizers import Vectorizer
from src.tables.table import Schema, whole


def inputs_of(vectorizer: Vectorizer, rows: pd.DataFrame, schema: Schema, size: int) -> Iterator[Inputs]:
    """The inputs (N, D) of about `size` rows of a `Table` at a time.

    A row that is read after earlier ones is so where they are in another chunk, see `Kind.read_after`.
    """
    read_after, start = kind_of(schema.features).read_after, 0
    for chunk in whole(rows, schema, size):
        first, end = read_after(rows, schema.features, start), start + len(chunk)
        if first == start:
            yield vectorizer.transform(chunk)
        else:
            yield vectorizer.transform(rows.iloc[first:end])[start - first :]
        start = end
