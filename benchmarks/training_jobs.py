"""What `benchmarks.training` trains: data, members and how many of them stand for all with slow peers."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from benchmarks.peers import Job, SmallConvnet
from src.networks import CONFIGURATIONS, Configuration, configuration_of
from src.preparation.fold import fit_fold
from src.results.networks import Candidate
from src.tables.protocols import Split
from src.tables.table import Feature, Schema, Table, encode_targets
from src.training.members import Member


class SmallConvnetConfiguration(Configuration):
    """A network that only the benchmark has."""

    units: list[int] = Field(default_factory=list)
    channels: int

    @staticmethod
    def module() -> type[SmallConvnet]:
        return SmallConvnet


CONFIGURATIONS["small_convnet"] = SmallConvnetConfiguration


def table_of(type_: str, x_ND: np.ndarray, y_N: np.ndarray) -> Table:
    names = [f"x{i}" for i in range(x_ND.shape[1])]
    frame = pd.DataFrame(x_ND, columns=names)
    frame["y"] = y_N if type_ == "regression" else pd.array(y_N.astype(int).astype(str), dtype="str")
    classes = [] if type_ == "regression" else sorted(set(frame["y"]))
    schema = Schema(
        type=type_,
        features=[Feature(name=name, type="numeric") for name in names],
        targets=["y"],
        classes=classes,
        positive=classes[-1] if type_ == "binary" else None,
        groups=None,
        time=None,
        weights=None,
    )
    return Table(schema, frame, encode_targets(frame, schema), np.ones(len(frame)), np.arange(len(frame)))


def generated(rows: int, columns: int) -> Table:
    """A regression table of the size of one that is not bundled; time does not depend on the values."""
    rng = np.random.default_rng(0)
    x_ND = rng.normal(size=(rows, columns))
    return table_of("regression", x_ND, x_ND @ rng.normal(size=columns) + rng.normal(size=rows))


def bundled(name: str, type_: str) -> Table:
    from sklearn import datasets

    x_ND, y_N = getattr(datasets, f"load_{name}")(return_X_y=True)
    return table_of(type_, x_ND, y_N)


def job_of(
    name: str,
    table: Table,
    candidates: Sequence[Candidate],
    sampled: int,
    folds: int = 5,
    repeats: int = 1,
    **options: Any,
) -> Job:
    members, arrays = [], []
    for repeat in range(repeats):
        order_N = np.random.default_rng(repeat).permutation(len(table))
        for number, validation in enumerate(np.array_split(order_N, folds)):
            split = Split(repeat, number, np.setdiff1d(order_N, validation), np.sort(validation))
            fold = fit_fold(table, split.training, split.validation)
            members += [Member.of_split(candidate, split, 0) for candidate in candidates]
            arrays += [fold] * len(candidates)
    return Job(name, table, members, arrays, sampled, **options)


def candidate_of(
    network: dict[str, Any], epochs: int, optimizer: str = "adam", batch_size: int = 32, **more: Any
) -> Candidate:
    settings = {"learning_rate": 0.001, "l1": 0.0, "l2": 0.0, **more}
    return Candidate(
        network=configuration_of(network), optimizer=optimizer, batch_size=batch_size, epochs=epochs, **settings
    )


def dense(*units: int, dropout: float = 0.0) -> dict[str, Any]:
    return {"architecture": "mlp", "units": list(units), "activation": "relu", "dropout": dropout}


def searched(count: int, epochs: int) -> list[Candidate]:
    """Candidates as a search proposes them: dropout, L2 and learning rate vary."""
    return [
        candidate_of(
            dense(16, 16, dropout=(0.0, 0.1, 0.25, 0.5)[i % 4]),
            epochs,
            l2=(0.0, 0.001, 0.01)[i % 3],
            learning_rate=0.001 * 3 ** (i % 3 - 1),
        )
        for i in range(count)
    ]


def jobs(quick: bool) -> dict[str, Callable[[], Job]]:
    """How to make every job; `quick`: fewer epochs and members, and one member stands for all with the slow peers."""
    few, cores = (1 if quick else 2), os.cpu_count() or 1
    epochs = 20 if quick else 100
    convnet = {"architecture": "small_convnet", "channels": 8, "dropout": 0.0}
    return {
        "breast_cancer": lambda: job_of(
            f"5-fold breast cancer, {epochs} epochs",
            bundled("breast_cancer", "binary"),
            [candidate_of(dense(16, 16), epochs)],
            few,
        ),
        "car_mileage": lambda: job_of(
            f"5-fold car mileage (318 rows), {epochs} epochs",
            generated(318, 7),
            [candidate_of(dense(64), epochs)],
            few,
            published=None if quick else {"Ludwig (as published)": 40.6},
        ),
        "search": lambda: job_of(
            f"search of {60 if quick else 180} members, {epochs} epochs",
            bundled("breast_cancer", "binary"),
            searched(12, epochs),
            few,
            repeats=1 if quick else 3,
        ),
        "boston": lambda: job_of(
            "4-fold Boston housing (404 rows), RMSprop, 500 epochs",
            generated(404, 13),
            [candidate_of(dense(64, 64), 500, "rmsprop", 16)],
            1,
            folds=4,
        ),
        "wide": lambda: job_of(
            "5-fold breast cancer, 512-512 units, 20 epochs",
            bundled("breast_cancer", "binary"),
            [candidate_of(dense(512, 512), 20)],
            few,
            threads=cores,
        ),
        "convnet": lambda: job_of(
            "5-fold digits, small convnet, 10 epochs",
            bundled("digits", "multiclass"),
            [candidate_of(convnet, 10)],
            few,
            threads=cores,
        ),
    }
