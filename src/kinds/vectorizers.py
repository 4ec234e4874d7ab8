"""The vectorizers of all kinds, which a saved model may hold; separate, so that scoring imports nothing else."""

from src.kinds.image.vectorizer import ImageVectorizer
from src.kinds.mixed.vectorizer import MixedVectorizer
from src.kinds.series.vectorizer import SeriesVectorizer
from src.kinds.tabular.vectorizer import TabularVectorizer
from src.kinds.text.vectorizer import TextVectorizer
from src.kinds.tokens.vectorizer import TokenVectorizer

Vectorizer = ImageVectorizer | TextVectorizer | TokenVectorizer | SeriesVectorizer | TabularVectorizer | MixedVectorizer
