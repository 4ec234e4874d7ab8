"""Texts as a kind of input."""

from src.kinds.kind import Kind
from src.kinds.text import language
from src.kinds.text.autoencoders import autoencoders
from src.kinds.text.encoding import encode, in_bags
from src.kinds.text.ladder import ladder, options
from src.kinds.text.rebuilt import rebuilt, restored
from src.kinds.text.shallow import SHALLOW
from src.kinds.text.shown import shown
from src.kinds.text.start import start
from src.kinds.text.vectorizer import TextVectorizer

TEXT = Kind(
    columns=frozenset({"text"}),
    vectorizer=TextVectorizer,
    shallow=SHALLOW,
    ladders={"predict": ladder, "rebuild": autoencoders, "read_on": language.ladder},
    apart=True,
    epochs=20,
    # A row has hundreds of the columns: what is right for standardized inputs leaves too little of their weights.
    penalties=0.1,
    shallow_features=in_bags,
    shown=shown,
    rebuilt=rebuilt,
    restored=restored,
    encode=encode,
    read_after=language.read_after,
    options=options,
    start=start,
)
