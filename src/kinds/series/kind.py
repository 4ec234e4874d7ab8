"""Windows of a series as a kind of input."""

from src.kinds.kind import Kind
from src.kinds.series.autoencoders import autoencoders
from src.kinds.series.baselines import common_sense
from src.kinds.series.encoding import encode
from src.kinds.series.ladder import ladder, options
from src.kinds.series.rebuilt import rebuilt, restored
from src.kinds.series.shallow import SHALLOW
from src.kinds.series.shown import shown
from src.kinds.series.vectorizer import SeriesVectorizer

SERIES = Kind(
    columns=frozenset({"series"}),
    vectorizer=SeriesVectorizer,
    shallow=SHALLOW,
    ladders={"predict": ladder, "rebuild": autoencoders},
    epochs=500,
    gradient_steps=2_000,
    candidates=24,
    penalties=1.0,
    shown=shown,
    rebuilt=rebuilt,
    restored=restored,
    encode=encode,
    common_sense=common_sense,
    options=options,
)
