"""What the workflow asks of a kind of input, and the table of all kinds.

Which kind a problem is of follows from its columns; where these are of several, its kind is made of theirs. The steps
and the trainers ask the `Kind` and never for its name.
The data checks of a kind are in `src.kinds.checks`, so that training does not depend on them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.kinds.image.encoding import decoded as image_decoded
from src.kinds.image.encoding import encode as image_encode
from src.kinds.image.ladder import ladder as image_ladder
from src.kinds.image.ladder import options as image_options
from src.kinds.image.shallow import SHALLOW as IMAGE_SHALLOW
from src.kinds.image.shown import shown as image_shown
from src.kinds.image.vectorizer import ImageVectorizer
from src.kinds.mixed import parts as mixed
from src.kinds.mixed.ladder import ladder as mixed_ladder
from src.kinds.mixed.parts import Part
from src.kinds.mixed.shallow import shallow as mixed_shallow
from src.kinds.series.baselines import common_sense as series_common_sense
from src.kinds.series.encoding import encode as series_encode
from src.kinds.series.ladder import ladder as series_ladder
from src.kinds.series.ladder import options as series_options
from src.kinds.series.shallow import SHALLOW as SERIES_SHALLOW
from src.kinds.series.shown import shown as series_shown
from src.kinds.series.vectorizer import SeriesVectorizer
from src.kinds.shallow import ByType
from src.kinds.tabular.ladder import ladder as tabular_ladder
from src.kinds.tabular.shallow import SHALLOW as TABULAR_SHALLOW
from src.kinds.tabular.vectorizer import TabularVectorizer
from src.kinds.text.encoding import encode as text_encode
from src.kinds.text.encoding import in_bags
from src.kinds.text.ladder import ladder as text_ladder
from src.kinds.text.ladder import options as text_options
from src.kinds.text.shallow import SHALLOW as TEXT_SHALLOW
from src.kinds.text.shown import shown as text_shown
from src.kinds.text.start import start as text_start
from src.kinds.text.vectorizer import TextVectorizer
from src.kinds.text.vectors import WordVectors
from src.kinds.tokens.baselines import common_sense as token_common_sense
from src.kinds.tokens.encoding import encode as token_encode
from src.kinds.tokens.ladder import ladder as token_ladder
from src.kinds.tokens.ladder import options as token_options
from src.kinds.tokens.shallow import SHALLOW as TOKEN_SHALLOW
from src.kinds.tokens.shown import shown as token_shown
from src.kinds.tokens.vectorizer import TokenVectorizer
from src.problem.steps import PrepareSettings
from src.problem.training import OverfitLadder, Training
from src.protocols import Split
from src.results import Choice
from src.tables import Feature, Schema, Table


def _nothing(schema: Schema) -> dict[str, Callable[[Table, Split, int], NDArray[np.float64]]]:
    return {}


def _as_they_are(
    train: pd.DataFrame, features: list[Feature], settings: PrepareSettings
) -> tuple[list[Feature], list[Choice]]:
    return features, []


def _stored_as_they_are(frame: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    return frame


def _the_same(features: Sequence[Feature]) -> Sequence[Feature]:
    return features


def _no_options(features: Sequence[Feature]) -> dict[str, Sequence[Any]]:
    return {}


def _random_start(vectorizer: object, vectors: WordVectors) -> dict[str, NDArray[np.float32]]:
    return {}


class Fits(Protocol):
    """What learns from the training rows of a fold how to make rows into inputs."""

    def fit(self, frame: pd.DataFrame, features: Sequence[Feature]) -> Any: ...


@dataclass(frozen=True)
class Kind:
    """What the workflow asks of a kind of input.

    columns: the kinds of column (`Feature.read_as`) that are inputs of this kind.
    apart: each of such columns is an input by itself, not all together one.
    vectorizer: `fit` learns from the training rows of a fold, `transform` makes rows into inputs (N, D).
    shallow: the shallow models of each problem type.
    ladder: the configurations of networks in order of capacity. larger: the settings that let it climb on.
    epochs: the most epochs of a training where the problem does not say. steps: fewer, where they make so many steps.
    fewest_epochs: of a training with so many rows that they make enough gradient steps in fewer.
    largest_batch: the most rows of a gradient step where the problem does not say.
    candidates: how many the search tries where the problem does not say.
    penalties: what the search's L1 and L2 penalties are multiplied by.
    shallow_features: the columns as the shallow models see them.
    shown: what the report shows of a row that was predicted wrongly; None: nothing.
    encode: settles how columns become numbers, by the training rows; the features, and the choices made.
    store: the rows as prepared tables keep them, with what is the same in every fold done once for all.
    common_sense: what common sense says of such inputs, beside what it says of the targets alone.
    options: further settings that the search tries of the networks that name them, with their values.
    start: what networks start from where there are vectors of words: weights by their name, NaN for a random number.
    """

    columns: frozenset[str]
    vectorizer: Fits
    shallow: ByType
    ladder: Callable[[Sequence[Feature], OverfitLadder, Training], list[dict[str, Any]]]
    epochs: int
    penalties: float
    apart: bool = False
    larger: str = "overfit.max_rungs"
    steps: int = 5_000
    fewest_epochs: int = 20
    largest_batch: int = 1024
    candidates: int = 48
    shallow_features: Callable[[Sequence[Feature]], Sequence[Feature]] = _the_same
    shown: Callable[[pd.DataFrame, Sequence[Feature]], pd.Series] | None = None
    encode: Callable[[pd.DataFrame, list[Feature], PrepareSettings], tuple[list[Feature], list[Choice]]] = _as_they_are
    store: Callable[[pd.DataFrame, Sequence[Feature]], pd.DataFrame] = _stored_as_they_are
    common_sense: Callable[[Schema], dict[str, Callable[[Table, Split, int], NDArray[np.float64]]]] = _nothing
    options: Callable[[Sequence[Feature]], Mapping[str, Sequence[Any]]] = _no_options
    start: Callable[[Any, WordVectors], dict[str, NDArray[np.float32]]] = _random_start


KINDS: dict[str, Kind] = {
    "token": Kind(
        columns=frozenset({"token"}),
        vectorizer=TokenVectorizer,
        shallow=TOKEN_SHALLOW,
        ladder=token_ladder,
        epochs=30,
        steps=2_400,
        fewest_epochs=6,
        largest_batch=512,
        candidates=12,
        # Most words are rare: a penalty would take them back in the many steps between two of them.
        penalties=0.0,
        shown=token_shown,
        encode=token_encode,
        common_sense=token_common_sense,
        options=token_options,
    ),
    "series": Kind(
        columns=frozenset({"series"}),
        vectorizer=SeriesVectorizer,
        shallow=SERIES_SHALLOW,
        ladder=series_ladder,
        epochs=500,
        steps=2_000,
        candidates=24,
        penalties=1.0,
        shown=series_shown,
        encode=series_encode,
        common_sense=series_common_sense,
        options=series_options,
    ),
    "text": Kind(
        columns=frozenset({"text"}),
        vectorizer=TextVectorizer,
        shallow=TEXT_SHALLOW,
        ladder=text_ladder,
        apart=True,
        epochs=20,
        # A row has hundreds of the columns: what is right for standardized inputs leaves too little of their weights.
        penalties=0.1,
        shallow_features=in_bags,
        shown=text_shown,
        encode=text_encode,
        options=text_options,
        start=text_start,
    ),
    "image": Kind(
        columns=frozenset({"image"}),
        vectorizer=ImageVectorizer,
        shallow=IMAGE_SHALLOW,
        ladder=image_ladder,
        larger="overfit.max_rungs, image.operations",
        apart=True,
        epochs=50,
        steps=4_000,
        penalties=0.1,
        # A picture costs as much in a large minibatch as in a small one, so that more steps of small ones are free.
        fewest_epochs=8,
        largest_batch=128,
        candidates=12,
        shown=image_shown,
        encode=image_encode,
        store=image_decoded,
        options=image_options,
    ),
    "tabular": Kind(
        columns=frozenset({"numeric", "categorical", "boolean", "date"}),
        vectorizer=TabularVectorizer,
        shallow=TABULAR_SHALLOW,
        ladder=tabular_ladder,
        epochs=200,
        penalties=1.0,
    ),
}


def kind_of(features: Sequence[Feature]) -> Kind:
    """The kind of a problem with these columns to learn from."""
    parts = [part for name, kind in KINDS.items() for part in _parts(name, kind, features)]
    return parts[0].kind if len(parts) == 1 else _mixed(parts)


def _parts(name: str, kind: Kind, features: Sequence[Feature]) -> list[Part]:
    own = [feature for feature in features if feature.read_as in kind.columns]
    if kind.apart:
        return [Part(feature.name, kind, [feature]) for feature in own]
    return [Part(name, kind, own)] if own else []


def _mixed(parts: Sequence[Part]) -> Kind:
    """The kind of a problem that has several: the limits are the narrowest of theirs."""
    kinds = [part.kind for part in parts]
    return Kind(
        columns=frozenset().union(*(kind.columns for kind in kinds)),
        vectorizer=mixed.Fits(parts),
        shallow=mixed_shallow(parts),
        ladder=partial(mixed_ladder, parts),
        epochs=min(kind.epochs for kind in kinds),
        penalties=min(kind.penalties for kind in kinds),
        steps=min(kind.steps for kind in kinds),
        fewest_epochs=min(kind.fewest_epochs for kind in kinds),
        largest_batch=min(kind.largest_batch for kind in kinds),
        candidates=min(kind.candidates for kind in kinds),
        shallow_features=partial(mixed.shallow_features, parts),
        shown=partial(mixed.shown, parts) if any(kind.shown for kind in kinds) else None,
        encode=partial(mixed.encode, parts),
        store=partial(mixed.store, parts),
        options=partial(mixed.options, parts),
        start=partial(mixed.start, parts),
    )
