"""Small generated tables and members for the training tests."""

import numpy as np
import pandas as pd

from src.results.networks import Candidate
from src.tables.protocols import Folds, deal
from src.tables.table import Feature, Schema, Table, encode_targets


def table_of(kind: str, rows: int = 47, seed: int = 0, weights: bool = False) -> Table:
    """A table with a learnable target: numbers with gaps and a category."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, rows))
    frame = pd.DataFrame({"x": np.where(rng.random(rows) < 0.1, np.nan, x), "z": 5 + 3 * z})
    frame["colour"] = rng.choice(["red", "green", "blue"], rows)
    signal = x + 0.5 * z + 0.3 * rng.normal(size=rows)
    classes: list[str] = []
    targets = ["t"]
    if kind == "binary":
        classes, frame["t"] = ["no", "yes"], np.where(signal > 0, "yes", "no")
    elif kind == "multiclass":
        classes = ["a", "b", "c"]
        frame["t"] = np.array(classes)[np.digitize(signal, [-0.5, 0.5])]
    elif kind == "multilabel":
        targets = ["t", "u"]
        frame["t"], frame["u"] = (signal > 0).astype(float), (z > 0.2).astype(float)
    elif kind == "regression":
        targets = ["t", "u"]
        frame["t"], frame["u"] = 100 + 20 * signal, -3 * z
    else:
        frame["t"] = 1 / (1 + np.exp(-signal))
    schema = Schema(
        type=kind,
        features=[
            Feature(name="x", type="numeric"),
            Feature(name="z", type="numeric"),
            Feature(name="colour", type="categorical"),
        ],
        targets=targets,
        classes=classes,
        positive="yes" if kind == "binary" else None,
        groups=None,
        time=None,
        weights=None,
    )
    w_N = rng.uniform(0.5, 2, rows) if weights else np.ones(rows)
    return Table(schema, frame, encode_targets(frame, schema), w_N / w_N.mean(), np.arange(rows))


def folds_of(rows: int, parts: int = 3, seed: int = 0) -> Folds:
    return Folds(deal(np.arange(rows), None, [1 / parts] * parts, seed)[None].astype(np.int16), temporal=False)


def candidate(**changes: object) -> Candidate:
    """A small network; `units`, `dropout` and `activation` belong to the network, the rest to the training."""
    network = {"architecture": "mlp", "units": [5, 4], "activation": "relu", "dropout": 0.0}
    training = {
        "optimizer": "rmsprop", "learning_rate": 0.003, "l1": 0.0, "l2": 0.0, "batch_size": 8, "epochs": 4,
    }  # fmt: skip
    for name, value in changes.items():
        (network if name in network else training)[name] = value  # type: ignore[index]
    return Candidate(network=network, **training)  # type: ignore[arg-type]
