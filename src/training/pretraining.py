"""Initial weights of networks from rows without a target.

No fold holds these rows out, so one training serves all folds. Shapes: U rows without a target, D inputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from src.core.progress import progress
from src.inputs.sparse import widths
from src.networks import build_network
from src.preparation.fold import fit_vectorizer
from src.problem.training import Engine
from src.results.networks import Candidate
from src.tables.table import Table

if TYPE_CHECKING:
    from torch import nn

    from src.training.inputs import Rows

BATCH = 128
# Gradient steps, and the most epochs that they may take.
STEPS, MOST_EPOCHS = 2_000, 100


def with_initial_weights(table: Table, candidates: Sequence[Candidate], engine: Engine, seed: int) -> Table:
    """The table with the initial weights of all candidates that are pretrained too, by `Candidate.start`."""
    asked = {candidate.start: candidate for candidate in candidates if candidate.pretrained != "none"}
    pretrained = {start: candidate for start, candidate in asked.items() if start not in table.starts}
    if not pretrained:
        return table
    import torch

    from src.training.inputs import rows_of

    assert table.unlabelled is not None
    x_UD = fit_vectorizer(table, np.arange(0)).transform(table.unlabelled)
    rows, inputs = rows_of(x_UD, torch.float32), widths(x_UD)
    epochs = min(-(-STEPS // (len(rows) // min(BATCH, len(rows)))), MOST_EPOCHS)
    starts = dict(table.starts)
    with progress("pretraining", len(pretrained) * epochs, f"{len(pretrained)} networks on {len(rows):,} rows") as done:
        for number, (start, candidate) in enumerate(pretrained.items()):

            def ended(epoch: int, before: int = number * epochs) -> None:
                done(before + epoch)

            build = partial(build_network, candidate.network.unregularized, inputs)
            learnt = _pretrained(candidate.pretrained, build, rows, epochs, engine, seed, ended)
            starts[start] = {name: learnt[name] for name in _before_the_last_layer(build)}
    return replace(table, starts=starts)


def _pretrained(
    method: str,
    build: "Callable[[int], nn.Module]",
    rows: "Rows",
    epochs: int,
    engine: Engine,
    seed: int,
    ended: Callable[[int], None],
) -> dict[str, NDArray[Any]]:
    """The weights of the whole network, by their names. ended: is told the number of epochs after each."""
    import torch
    from torch.utils.data import DataLoader

    from src.models.pretraining import METHODS
    from src.training.lightning import make_trainer

    size = rows[torch.arange(1)].to(torch.device("cpu")).shape[1:]  # type: ignore[union-attr]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = METHODS[method](build, size)
        module.ended = ended
        loader: DataLoader[Any] = DataLoader(
            range(len(rows)),  # type: ignore[arg-type]
            batch_size=min(BATCH, len(rows)),
            shuffle=True,
            drop_last=True,
            collate_fn=lambda places: rows[torch.tensor(places)],
        )
        make_trainer(0, epochs, engine).fit(module, loader)
    return {name: value.cpu().numpy().copy() for name, value in module.network.state_dict().items()}


def _before_the_last_layer(build: "Callable[[int], nn.Module]") -> list[str]:
    """The names of all weights whose shape the number of outputs leaves alone."""
    import torch

    with torch.random.fork_rng(devices=[]):
        one, other = (build(outputs).state_dict() for outputs in (1, 2))
    return [name for name, value in one.items() if value.shape == other[name].shape]
