"""What the report shows of a model that draws: rows, the training rows nearest to them, and steps between codes.

Nothing is chosen: samples come from a fixed seed, strips from the first sealed rows. Shapes: N rows, S samples, C
numbers of a code, D dimensions, P pictures.
"""

import numpy as np

from src.inputs.pictures import Bytes
from src.kinds.image.shown import data_uri
from src.kinds.image.vectorizer import ImageVectorizer
from src.results.evaluate import Drawn, Grid
from src.saved.cells import cells_of
from src.saved.codes import in_steps
from src.saved.generator import as_rows, classes_of
from src.saved.inference import Model
from src.saved.neighbours import pixels
from src.saved.network_model import NetworkModel
from src.tables.table import Table

# Samples of pictures (side by side and below each other), and of a table; the last digit of the seed that draws them.
SIDE, ROWS = 8, 8
# The most classes of which a row of pictures is drawn each.
MOST_CLASSES = 10
# Pairs of sealed rows between which a strip goes, and its steps.
PAIRS, STEPS = 4, 8


def drawings(saved: Model, network: NetworkModel, train: Table, test: Table, seed: int) -> Drawn:
    """Samples of the saved model, and what the network's code says if it has one."""
    vectorizer = saved.vectorizers[0]
    assert saved.neighbours is not None
    if not isinstance(vectorizer, ImageVectorizer):
        x_SI = np.asarray(saved.drawn(ROWS, seed))
        header = [column.name for column in vectorizer.columns]
        place_S = saved.neighbours.nearest(x_SI).place_S
        nearest = train.frame.iloc[place_S]
        return Drawn(header=header, samples=cells_of(as_rows(saved, x_SI)[header]), nearest=cells_of(nearest[header]))
    pixels_SCHW, of_classes = _pictures(saved, seed)
    nearest_SCHW = saved.neighbours.x_N[saved.neighbours.nearest(pixels_SCHW).place_S]
    grids = [
        Grid(caption=f"Drawn by the saved model{of_classes}", picture=_grid(pixels_SCHW, SIDE)),
        Grid(caption="The training picture nearest to each", picture=_grid(nearest_SCHW, SIDE)),
    ]
    return Drawn(grids=[*grids, *_strips(network, test, seed)])


def _pictures(saved: Model, seed: int) -> tuple[Bytes, str]:
    """Pictures for a grid, and what is said of its rows: each is of one class where pictures are drawn of classes."""
    classes = classes_of(saved)[:MOST_CLASSES]
    if not classes:
        return pixels(saved.drawn(SIDE**2, seed)), ""
    parts = [pixels(saved.drawn(SIDE, seed, number)) for number in range(len(classes))]
    return np.concatenate(parts), f", from top to bottom of {saved.schema.given} {', '.join(classes)}"


def _strips(network: NetworkModel, test: Table, seed: int) -> list[Grid]:
    """From one sealed picture to another, by their codes."""
    if not network.encodes or len(test) < 2:
        return []
    ends_NC = network.codes(test.frame.iloc[: 2 * PAIRS])
    pairs = zip(ends_NC[0::2], ends_NC[1::2], strict=False)
    strips_PC = np.concatenate([in_steps(first_C, last_C, STEPS) for first_C, last_C in pairs])
    return [
        Grid(
            caption="In equal steps from the code of one sealed picture, left, to that of another",
            picture=_grid(network.drawn_from(strips_PC, seed), STEPS),
        )
    ]


def _grid(pixels_PCHW: Bytes, columns: int) -> str:
    """Pictures side by side, so many in a row, as one data URI."""
    _, channels, height, width = pixels_PCHW.shape
    grid = pixels_PCHW.reshape(-1, columns, channels, height, width).transpose(2, 0, 3, 1, 4)
    pixels_CHW = np.ascontiguousarray(grid).reshape(channels, -1, columns * width)
    return data_uri(pixels_CHW, max(pixels_CHW.shape))
