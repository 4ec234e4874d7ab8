"""Words of sentences, each with a label, as a kind of input."""

from src.kinds.kind import Kind
from src.kinds.tokens.baselines import common_sense
from src.kinds.tokens.encoding import encode
from src.kinds.tokens.ladder import ladder, options
from src.kinds.tokens.shallow import SHALLOW
from src.kinds.tokens.shown import shown
from src.kinds.tokens.vectorizer import TokenVectorizer

TOKENS = Kind(
    columns=frozenset({"token"}),
    vectorizer=TokenVectorizer,
    shallow=SHALLOW,
    ladders={"predict": ladder},
    epochs=30,
    gradient_steps=2_400,
    fewest_epochs=6,
    largest_batch=512,
    candidates=12,
    # Most words are rare: a penalty would take them back in the many steps between two of them.
    penalties=0.0,
    shown=shown,
    encode=encode,
    common_sense=common_sense,
    options=options,
)
