"""Initial weights of networks from rows without a target.

No fold holds these rows out, so one training serves all folds. Shapes: U rows without a target, D inputs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import Callback
from torch.utils.data import DataLoader

from src.core.progress import progress
from src.inputs.sparse import widths
from src.models.pretraining import METHODS
from src.networks import build_network
from src.preparation.fold import fit_vectorizer
from src.problem.training import Engine
from src.results.networks import Candidate
from src.tables.table import Table
from src.training.inputs import Rows, rows_of
from src.training.lightning import make_trainer

BATCH = 128
# Gradient steps, and the most epochs that they may take.
STEPS, MOST_EPOCHS = 2_000, 100


def with_initial_weights(table: Table, candidates: Sequence[Candidate], engine: Engine, seed: int) -> Table:
    """The table with the initial weights of all candidates that are pretrained, by `Candidate.start`."""
    pretrained = {candidate.start: candidate for candidate in candidates if candidate.pretrained != "none"}
    if not pretrained:
        return table
    assert table.unlabelled is not None
    x_UD = fit_vectorizer(table, np.arange(0)).transform(table.unlabelled)
    rows, inputs = rows_of(x_UD, torch.float32), widths(x_UD)
    epochs = min(-(-STEPS // (len(rows) // min(BATCH, len(rows)))), MOST_EPOCHS)
    starts = {}
    with progress("pretraining", len(pretrained) * epochs, f"{len(pretrained)} networks on {len(rows):,} rows") as done:
        for number, (start, candidate) in enumerate(pretrained.items()):
            counter = _Counter(done, number * epochs)
            settings = candidate.network.unregularized

            def build(outputs: int, settings: Mapping[str, Any] = settings) -> torch.nn.Module:
                return build_network(settings, inputs, outputs)

            learnt = _pretrained(candidate.pretrained, build, rows, epochs, engine, seed, counter)
            starts[start] = {name: learnt[name] for name in _before_the_last_layer(build)}
    return replace(table, starts=starts)


def _pretrained(
    method: str,
    build: Callable[[int], torch.nn.Module],
    rows: Rows,
    epochs: int,
    engine: Engine,
    seed: int,
    counter: Callback,
) -> dict[str, NDArray[Any]]:
    """The weights of the whole network, by their names."""
    size = rows[torch.arange(1)].to(torch.device("cpu")).shape[1:]  # type: ignore[union-attr]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = METHODS[method](build, size)
        loader: DataLoader[Any] = DataLoader(
            range(len(rows)),  # type: ignore[arg-type]
            batch_size=min(BATCH, len(rows)),
            shuffle=True,
            drop_last=True,
            collate_fn=lambda places: rows[torch.tensor(places)],
        )
        make_trainer(0, epochs, engine, callbacks=[counter]).fit(module, loader)
    return {name: value.cpu().numpy().copy() for name, value in module.network.state_dict().items()}


def _before_the_last_layer(build: Callable[[int], torch.nn.Module]) -> list[str]:
    """The names of all weights whose shape the number of outputs leaves alone."""
    with torch.random.fork_rng(devices=[]):
        one, other = (build(outputs).state_dict() for outputs in (1, 2))
    return [name for name, value in one.items() if value.shape == other[name].shape]


class _Counter(Callback):
    """Counts epochs."""

    def __init__(self, done: Callable[[float], None], before: int) -> None:
        self.done, self.before = done, before

    def __deepcopy__(self, memo: object) -> "_Counter":
        return self

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        self.done(self.before + trainer.current_epoch + 1)
