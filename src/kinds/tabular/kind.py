"""Columns of a table as a kind of input."""

from src.kinds.kind import Kind
from src.kinds.tabular.autoencoders import autoencoders
from src.kinds.tabular.encoding import encode
from src.kinds.tabular.ladder import ladder
from src.kinds.tabular.likelihoods import LIKELIHOODS, OF_ROWS, constants, likelihoods
from src.kinds.tabular.rebuilt import rebuilt, restored
from src.kinds.tabular.shallow import SHALLOW
from src.kinds.tabular.vectorizer import TabularVectorizer
from src.models.judges import TableJudge

TABULAR = Kind(
    columns=frozenset({"numeric", "categorical", "boolean", "date"}),
    vectorizer=TabularVectorizer,
    shallow=SHALLOW | LIKELIHOODS,
    rebuilt=rebuilt,
    restored=restored,
    encode=encode,
    constants=constants,
    judge=TableJudge,
    of_rows={"likelihood": OF_ROWS},
    ladders={"predict": ladder, "rebuild": autoencoders, "likelihood": likelihoods},
    epochs=200,
    penalties=1.0,
    pretrains=True,
)
