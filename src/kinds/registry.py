"""The table of all kinds of input, by the names of their folders.

A problem's kind follows from its columns. If they have several kinds, its kind is composed of theirs. The steps and the
trainers ask the `Kind` and never depend on its name.
"""

from collections.abc import Sequence
from functools import partial

from src.kinds.image.kind import IMAGE
from src.kinds.kind import Kind
from src.kinds.mixed import parts as mixed
from src.kinds.mixed.ladder import ladder as mixed_ladder
from src.kinds.mixed.parts import Part
from src.kinds.mixed.shallow import shallow as mixed_shallow
from src.kinds.series.kind import SERIES
from src.kinds.tabular.kind import TABULAR
from src.kinds.text.kind import TEXT
from src.kinds.tokens.kind import TOKENS
from src.tables.table import Feature

KINDS: dict[str, Kind] = {
    "tokens": TOKENS,
    "series": SERIES,
    "text": TEXT,
    "image": IMAGE,
    "tabular": TABULAR,
}


def kind_of(features: Sequence[Feature]) -> Kind:
    """The kind of a problem with these columns to learn from."""
    parts = [part for name, kind in KINDS.items() for part in _parts(name, kind, features)]
    return parts[0].kind if len(parts) == 1 else _mixed(parts)


def folders_of(features: Sequence[Feature]) -> list[str]:
    """The folders beside this module that hold the kind of a problem with these columns."""
    parts = {name: _parts(name, kind, features) for name, kind in KINDS.items()}
    mixed_too = ["mixed"] if sum(map(len, parts.values())) > 1 else []
    return [*(name for name in parts if parts[name]), *mixed_too]


def _parts(name: str, kind: Kind, features: Sequence[Feature]) -> list[Part]:
    columns = [feature for feature in features if feature.read_as in kind.columns]
    if kind.apart:
        return [Part(feature.name, kind, [feature]) for feature in columns]
    return [Part(name, kind, columns)] if columns else []


def _mixed(parts: Sequence[Part]) -> Kind:
    """The kind of a problem with several kinds of input, with the strictest of their limits."""
    kinds = [part.kind for part in parts]
    return Kind(
        columns=frozenset().union(*(kind.columns for kind in kinds)),
        vectorizer=mixed.Fits(parts),
        shallow=mixed_shallow(parts),
        ladders={"predict": partial(mixed_ladder, parts)},
        epochs=min(kind.epochs for kind in kinds),
        penalties=min(kind.penalties for kind in kinds),
        gradient_steps=min(kind.gradient_steps for kind in kinds),
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
