"""Let a finished model of type density or generate draw rows. Shapes: N rows."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from src.core.errors import UserError
from src.inputs.pictures import ClassedPictures, picture_uri, png
from src.kinds.image.vectorizer import ImageVectorizer
from src.kinds.tabular.vectorizer import DAY, TabularVectorizer
from src.saved.asked import Asked
from src.saved.inference import Model
from src.tables.columns import FeatureType

MOST_ROWS = 1_000
# How often so many rows are drawn for those of one class, and what the seed grows by each time.
MOST_TURNS, TURN = 100, 1_000_003


class Drawing(Asked):
    """How many rows to draw; the same seed gives the same rows. given: their class, where the model knows classes.

    nearest: tell for each the nearest training row, see `sample`.
    """

    n: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 1
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    given: str | None = None
    nearest: bool = False


def sample(model: Model, asked: Drawing) -> pd.DataFrame:
    """New rows, with the columns of a table; pictures are PNG files.

    With `nearest`, two more columns: `nearest__row`, the number of the nearest training row in the data file, from 0,
    and `nearest__distance`, see `src.saved.neighbours`. Raises UserError if the model cannot draw or tell any.
    """
    if not model.schema.problem_type.draws:
        raise UserError(f"a model of type {model.schema.type} gives rows no probability, so it cannot draw any")
    if asked.nearest and model.neighbours is None:
        raise UserError("nearest: this version of the model keeps no training rows; run `dvc repro` to make a new one")
    x_N = model.drawn(asked.n, asked.seed) if asked.given is None else _of_class(model, asked, asked.given)
    rows = as_rows(model, x_N)
    if asked.nearest and model.neighbours is not None:
        nearest = model.neighbours.nearest(x_N)
        rows = rows.assign(nearest__row=nearest.row_S, nearest__distance=nearest.distance_S)
    return rows


def _of_class(model: Model, asked: Drawing, class_: str) -> NDArray[Any] | ClassedPictures:
    """The inputs of rows of one class.

    Of a table the model draws rows of all classes, and those of others are left out.
    """
    name = model.schema.given
    if name is None:
        raise UserError(
            "given: this model draws rows without regard to classes; name their column as `given` and retrain"
        )
    classes = classes_of(model)
    if class_ not in classes:
        raise UserError(f"given: {class_!r} is no class of {name!r}; there are: {classes}")
    if isinstance(model.vectorizers[0], ImageVectorizer):
        return model.drawn(asked.n, asked.seed, classes.index(class_))
    parts, fitting = [], 0
    for turn in range(MOST_TURNS):
        x_NI = np.asarray(model.drawn(MOST_ROWS, (asked.seed + turn * TURN) % 2**63))
        parts.append(x_NI[(as_rows(model, x_NI)[name].astype("str") == class_).to_numpy(bool)])
        fitting += len(parts[-1])
        if fitting >= asked.n:
            of_class_NI: NDArray[Any] = np.concatenate(parts)[: asked.n]
            return of_class_NI
    raise UserError(
        f"given: of {MOST_TURNS * MOST_ROWS:,} drawn rows {fitting} are of class {class_!r}; ask for fewer, or use "
        "another model"
    )


def classes_of(model: Model) -> list[str]:
    """The classes that rows can be drawn of; none where the problem names no column of them."""
    vectorizer = model.vectorizers[0]
    if isinstance(vectorizer, ImageVectorizer):
        return list(vectorizer.encoding.classes)
    of_name = {feature.name: feature.encoding.get("categories", []) for feature in model.schema.features}
    return [] if model.schema.given is None else list(of_name[model.schema.given])


def as_json(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON takes them: None for a gap, dates as texts, pictures as data URIs."""
    return [{name: plain(value) for name, value in row.items()} for row in rows.to_dict("records")]


def plain(value: Any) -> Any:
    """A value as JSON takes it, see `as_json`."""
    if isinstance(value, bytes):
        return picture_uri(value, "png")
    if pd.isna(value):
        return None
    return value.isoformat() if isinstance(value, pd.Timestamp) else value


def as_rows(model: Model, x: NDArray[Any] | ClassedPictures) -> pd.DataFrame:
    """Inputs as rows of a table."""
    vectorizer = model.vectorizers[0]
    types = {feature.name: feature.type for feature in model.schema.features}
    if isinstance(vectorizer, ImageVectorizer):
        pixels_NCHW = x.pixels_NCHW if isinstance(x, ClassedPictures) else x
        files = [png(pixels_CHW, max(pixels_CHW.shape)) for pixels_CHW in pixels_NCHW]
        rows = pd.DataFrame({vectorizer.name: pd.Series(files, dtype=object)})
        if isinstance(x, ClassedPictures):
            rows[model.schema.given] = pd.array(vectorizer.classes(x.class_N), dtype="str")
        return rows
    assert isinstance(vectorizer, TabularVectorizer)
    assert isinstance(x, np.ndarray)
    columns = vectorizer.values(x)
    return pd.DataFrame({name: _TYPED[types[name]](values) for name, values in columns.items()})


def _dates(days: list[Any]) -> "pd.Series[pd.Timestamp]":
    dates = [pd.NaT if np.isnan(day) else pd.Timestamp(round(day * DAY), unit="s") for day in days]
    return pd.Series(dates, dtype="datetime64[us]")


def _flags(texts: list[Any]) -> "pd.Series[bool]":
    return pd.Series([{"True": True, "False": False}.get(text) for text in texts], dtype="boolean")


_TYPED: dict[FeatureType, Callable[[list[Any]], pd.Series]] = {
    "numeric": partial(pd.Series, dtype="float64"),
    "categorical": partial(pd.Series, dtype="str"),
    "date": _dates,
    "boolean": _flags,
}
