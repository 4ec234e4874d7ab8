"""Columns of a table as a kind of input."""

from src.kinds.kind import Kind
from src.kinds.tabular.autoencoders import autoencoders
from src.kinds.tabular.encoding import encode
from src.kinds.tabular.ladder import ladder
from src.kinds.tabular.rebuilt import rebuilt
from src.kinds.tabular.shallow import SHALLOW
from src.kinds.tabular.vectorizer import TabularVectorizer

TABULAR = Kind(
    columns=frozenset({"numeric", "categorical", "boolean", "date"}),
    vectorizer=TabularVectorizer,
    shallow=SHALLOW,
    rebuilt=rebuilt,
    encode=encode,
    ladders={"predict": ladder, "rebuild": autoencoders},
    epochs=200,
    penalties=1.0,
)
