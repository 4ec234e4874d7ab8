"""What the report shows of a model that draws: rows, the training rows nearest to them, and steps between codes.

Nothing is chosen: samples come from a fixed seed, strips from the first sealed rows. Shapes: N rows, S samples, C
numbers of a code, D dimensions, P pictures.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.inputs.pictures import Bytes
from src.kinds.image.shown import data_uri
from src.kinds.image.vectorizer import ImageVectorizer
from src.kinds.vectorizers import Vectorizer
from src.results.evaluate import Drawn, Grid
from src.saved.generator import as_rows, classes_of
from src.saved.inference import Model
from src.saved.neighbours import pixels
from src.saved.network_model import NetworkModel
from src.tables.table import Table

# Samples of pictures (side by side and below each other), and of a table; the last digit of the seed that draws them.
SIDE, ROWS = 8, 8
# The most training rows whose codes are averaged, evenly spaced.
MOST_CODES = 20_000
# Pairs of sealed rows between which a strip goes, its steps, and how far a concept is followed.
PAIRS, STEPS, STRENGTHS = 4, 8, (-2.0, -1.0, 0.0, 1.0, 2.0)
# Values of a reference column that become concepts, and the fewest rows of one.
MOST_CONCEPTS, FEWEST = 10, 5


def drawings(saved: Model, network: NetworkModel, train: Table, test: Table, seed: int) -> Drawn:
    """Samples of the saved model, and what the network's code says if it has one."""
    vectorizer = saved.vectorizers[0]
    assert saved.neighbours is not None
    if not isinstance(vectorizer, ImageVectorizer):
        x_SI = np.asarray(saved.drawn(ROWS, seed))
        place_S = saved.neighbours.nearest(x_SI).place_S
        return Drawn(
            header=_header(vectorizer), samples=_cells(saved, x_SI), nearest=_cells_of(train.frame.iloc[place_S], saved)
        )
    pixels_SCHW, of_classes = _pictures(saved, seed)
    nearest_SCHW = saved.neighbours.x_N[saved.neighbours.nearest(pixels_SCHW).place_S]
    grids = [
        Grid(caption=f"Drawn by the saved model{of_classes}", picture=_grid(pixels_SCHW, SIDE)),
        Grid(caption="The training picture nearest to each", picture=_grid(nearest_SCHW, SIDE)),
    ]
    return Drawn(grids=[*grids, *_of_codes(network, train, test, seed)])


def _pictures(saved: Model, seed: int) -> tuple[Bytes, str]:
    """Pictures for a grid, and what is said of its rows: each is of one class where pictures are drawn of classes."""
    classes = classes_of(saved)[:MOST_CONCEPTS]
    if not classes:
        return pixels(saved.drawn(SIDE**2, seed)), ""
    parts = [pixels(saved.drawn(SIDE, seed, number)) for number in range(len(classes))]
    return np.concatenate(parts), f", from top to bottom of {saved.schema.given} {', '.join(classes)}"


def _of_codes(network: NetworkModel, train: Table, test: Table, seed: int) -> list[Grid]:
    """Strips between sealed pictures, and concepts: the mean code of pictures with a value, less that of the others."""
    if not network.encodes or len(test) < 2:
        return []
    ends_NC = network.codes(test.frame.iloc[: 2 * PAIRS])
    share_S1 = np.linspace(0, 1, STEPS)[:, None]
    pairs = zip(ends_NC[0::2], ends_NC[1::2], strict=False)
    strips_PC = np.concatenate([(1 - share_S1) * first_C + share_S1 * last_C for first_C, last_C in pairs])
    grids = [
        Grid(
            caption="In equal steps from the code of one sealed picture, left, to that of another",
            picture=_grid(network.drawn_from(strips_PC, seed), STEPS),
        )
    ]
    some = train.frame.iloc[:: -(-len(train) // MOST_CODES)]
    code_NC = network.codes(some)
    for name in train.schema.references:
        values_N = some[name].astype("str")
        counts = values_N.value_counts()
        values = sorted(counts.index[counts >= FEWEST])[:MOST_CONCEPTS]
        if len(values) < 2:
            continue
        concepts = [
            code_NC[values_N == value].mean(axis=0) - code_NC[values_N != value].mean(axis=0) for value in values
        ]
        steps_PC = np.concatenate([code_NC.mean(axis=0) + np.outer(STRENGTHS, concept_C) for concept_C in concepts])
        strengths = ", ".join(f"{strength:+g}" for strength in STRENGTHS)
        grids.append(
            Grid(
                caption=f"From top to bottom {name} {', '.join(values)}: the mean code plus {strengths} times what "
                "sets the mean code of such pictures apart from that of the others",
                picture=_grid(network.drawn_from(steps_PC, seed), len(STRENGTHS)),
            )
        )
    return grids


def _grid(pixels_PCHW: Bytes, columns: int) -> str:
    """Pictures side by side, so many in a row, as one data URI."""
    _, channels, height, width = pixels_PCHW.shape
    grid = pixels_PCHW.reshape(-1, columns, channels, height, width).transpose(2, 0, 3, 1, 4)
    pixels_CHW = np.ascontiguousarray(grid).reshape(channels, -1, columns * width)
    return data_uri(pixels_CHW, max(pixels_CHW.shape))


def _header(vectorizer: Vectorizer) -> list[str]:
    return [column.name for column in vectorizer.columns]


def _cells(model: Model, x_SI: NDArray[np.floating]) -> list[list[str]]:
    return _cells_of(as_rows(model, x_SI), model)


def _cells_of(rows: pd.DataFrame, model: Model) -> list[list[str]]:
    return [[_text(row[name]) for name in _header(model.vectorizers[0])] for _, row in rows.iterrows()]


def _text(value: object) -> str:
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    return f"{value:g}" if isinstance(value, float) else str(value)
