"""Other ways to train the same members: what people write by hand, and other tools.

Each takes a job and some of its members and trains them one after another, with a validation loss after every epoch
where the tool offers one; data is vectorized beforehand, which ours does itself. Shapes: A training rows, V validation
rows, B rows of a minibatch, D inputs, T target columns.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from src.networks import build_network
from src.preparation.fold import FoldArrays
from src.tables.table import Table
from src.training.members import Member


@dataclass(frozen=True)
class Job:
    """What every implementation is asked to do. `sampled`: so many members stand for all with the slow peers.

    threads: that peers may have; ours chooses for itself. published: what others have reported for this job.
    """

    name: str
    table: Table
    members: list[Member]
    folds: list[FoldArrays]
    sampled: int
    device: str = "cpu"
    threads: int = 1
    published: dict[str, float] | None = None

    @property
    def classifies(self) -> bool:
        return self.table.schema.type != "regression"


class CannotDo(Exception):
    """Why an implementation has no figure for a job."""


def network_of(job: Job, member: Member, fold: FoldArrays) -> nn.Module:
    torch.manual_seed(member.seed)
    return build_network(member.candidate.network, fold.x_AD.shape[1], job.table.schema.outputs).to(job.device)


def loss_of(job: Job) -> Callable[[Tensor, Tensor], Tensor]:
    def multiclass(logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        return functional.cross_entropy(logits_BK, y_BT[:, 0].long())

    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "binary": functional.binary_cross_entropy_with_logits,
        "multiclass": multiclass,
        "regression": functional.mse_loss,
    }
    return losses[job.table.schema.type]


def optimizer_of(member: Member, parameters: Any, fused: bool) -> torch.optim.Optimizer:
    c = member.candidate
    if c.optimizer == "rmsprop":  # torch has no fused form of it
        return torch.optim.RMSprop(parameters, lr=c.learning_rate, alpha=0.9, eps=1e-7, weight_decay=2 * c.l2)
    return torch.optim.Adam(parameters, lr=c.learning_rate, weight_decay=2 * c.l2, fused=fused or None)


def orders(member: Member, rows: int) -> Iterator[Tensor]:
    """The rows of every minibatch, epoch by epoch, in the same order as ours."""
    generator = torch.Generator().manual_seed(member.seed)
    for _ in range(member.candidate.epochs):
        yield torch.randperm(rows, generator=generator)


def hand_loop(job: Job, members: Sequence[tuple[Member, FoldArrays]], fused: bool = False) -> None:
    """Whole tensors, no DataLoader, zero_grad(set_to_none), loss after every epoch: a good loop, by hand."""
    loss = loss_of(job)
    for member, fold in members:
        network = network_of(job, member, fold)
        optimizer = optimizer_of(member, network.parameters(), fused)
        x_AD, y_AT, x_VD, y_VT = (
            torch.from_numpy(p).to(job.device) for p in (fold.x_AD, fold.y_AT, fold.x_VD, fold.y_VT)
        )
        for order_A in orders(member, len(x_AD)):
            network.train()
            for rows_B in order_A.to(job.device).split(member.candidate.batch_size):
                optimizer.zero_grad()
                loss(network(x_AD[rows_B]), y_AT[rows_B]).backward()
                optimizer.step()
            network.eval()
            with torch.no_grad():
                loss(network(x_VD), y_VT).item()


def fused_loop(job: Job, members: Sequence[tuple[Member, FoldArrays]]) -> None:
    if members[0][0].candidate.optimizer == "rmsprop":
        raise CannotDo("torch has no fused RMSprop")
    hand_loop(job, members, fused=True)


def lightning(job: Job, members: Sequence[tuple[Member, FoldArrays]], trimmed: bool = False) -> None:
    """A LightningModule, a DataLoader and a Trainer per member, as in the documentation."""
    import logging
    import warnings

    from pytorch_lightning import LightningModule, Trainer
    from torch.utils.data import DataLoader, TensorDataset

    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    loss = loss_of(job)

    class Module(LightningModule):
        def __init__(self, member: Member, network: nn.Module) -> None:
            super().__init__()
            self.member, self.network = member, network

        def training_step(self, batch: tuple[Tensor, Tensor], number: int) -> Tensor:
            value = loss(self.network(batch[0]), batch[1])
            if not trimmed:
                self.log("training_loss", value)
            return value

        def validation_step(self, batch: tuple[Tensor, Tensor], number: int) -> None:
            self.log("validation_loss", loss(self.network(batch[0]), batch[1]))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return optimizer_of(self.member, self.network.parameters(), fused=False)

    lean = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        for member, fold in members:
            rows = TensorDataset(torch.from_numpy(fold.x_AD), torch.from_numpy(fold.y_AT))
            held_out = TensorDataset(torch.from_numpy(fold.x_VD), torch.from_numpy(fold.y_VT))
            Trainer(
                max_epochs=member.candidate.epochs,
                accelerator="gpu" if job.device == "cuda" else "cpu",
                devices=1,
                default_root_dir=folder,
                enable_progress_bar=False,
                **(lean if trimmed else {}),  # type: ignore[arg-type]
            ).fit(
                Module(member, network_of(job, member, fold)),
                DataLoader(rows, member.candidate.batch_size, shuffle=True),
                DataLoader(held_out, len(held_out)),
            )


def trimmed_lightning(job: Job, members: Sequence[tuple[Member, FoldArrays]]) -> None:
    lightning(job, members, trimmed=True)


def scikit_learn(job: Job, members: Sequence[tuple[Member, FoldArrays]]) -> None:
    """MLPClassifier or MLPRegressor; no loss on held-out rows after an epoch."""
    import warnings

    from sklearn.neural_network import MLPClassifier, MLPRegressor

    _only_dense(members, "scikit-learn")
    if members[0][0].candidate.optimizer != "adam":
        raise CannotDo("scikit-learn has no RMSprop")
    if any(member.candidate.network.dropout for member in job.members):
        raise CannotDo("scikit-learn has no dropout")
    for member, fold in members:
        c = member.candidate
        with warnings.catch_warnings(action="ignore"):
            (MLPClassifier if job.classifies else MLPRegressor)(
                hidden_layer_sizes=tuple(c.network.units),
                learning_rate_init=c.learning_rate,
                alpha=c.l2,
                batch_size=c.batch_size,
                max_iter=c.epochs,
                n_iter_no_change=c.epochs,
                tol=0.0,
                random_state=member.seed,
            ).fit(fold.x_AD, fold.y_AT[:, 0])


def skorch(job: Job, members: Sequence[tuple[Member, FoldArrays]]) -> None:
    from skorch import NeuralNet

    loss = loss_of(job)

    class Loss(nn.Module):
        def forward(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
            return loss(logits_BK, y_BT)

    for member, fold in members:
        c = member.candidate
        NeuralNet(
            network_of(job, member, fold),
            criterion=Loss,
            optimizer=torch.optim.RMSprop if c.optimizer == "rmsprop" else torch.optim.Adam,
            lr=c.learning_rate,
            optimizer__weight_decay=2 * c.l2,
            batch_size=c.batch_size,
            max_epochs=c.epochs,
            train_split=None,
            verbose=0,
            device=job.device,
        ).fit(fold.x_AD, fold.y_AT)


def keras(job: Job, members: Sequence[tuple[Member, FoldArrays]]) -> None:
    os.environ["KERAS_BACKEND"] = "torch"
    import keras as library

    _only_dense(members, "the Keras form of this benchmark")
    losses = {
        "binary": library.losses.BinaryCrossentropy(from_logits=True),
        "multiclass": library.losses.SparseCategoricalCrossentropy(from_logits=True),
        "regression": "mse",
    }
    for member, fold in members:
        c = member.candidate
        layers: list[Any] = [library.Input((fold.x_AD.shape[1],))]
        for width in c.network.units:
            layers += [library.layers.Dense(width, activation="relu"), library.layers.Dropout(c.network.dropout)]
        model = library.Sequential([*layers, library.layers.Dense(job.table.schema.outputs)])
        optimizer = library.optimizers.RMSprop if c.optimizer == "rmsprop" else library.optimizers.Adam
        model.compile(optimizer(c.learning_rate), losses[job.table.schema.type])
        model.fit(
            fold.x_AD,
            fold.y_AT,
            batch_size=c.batch_size,
            epochs=c.epochs,
            validation_data=(fold.x_VD, fold.y_VT),
            verbose=0,
        )


def _only_dense(members: Sequence[tuple[Member, FoldArrays]], who: str) -> None:
    if members[0][0].candidate.network.architecture != "mlp":
        raise CannotDo(f"{who} has dense networks only")


# In the order of the table.
PEERS: dict[str, Callable[[Job, Sequence[tuple[Member, FoldArrays]]], None]] = {
    "Lightning, a Trainer each": lightning,
    "Lightning, trimmed": trimmed_lightning,
    "hand-written loop": hand_loop,
    "hand-written loop, fused": fused_loop,
    "scikit-learn": scikit_learn,
    "skorch": skorch,
    "Keras 3 on torch": keras,
}


class SmallConvnet(nn.Module):
    """For 8x8 digits: two convolutions, a pool, a linear layer."""

    def __init__(self, inputs: int, outputs: int, channels: int = 8, dropout: float = 0.0) -> None:
        super().__init__()
        self.side = int(np.sqrt(inputs))
        self.body = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(2 * channels * (self.side // 2) ** 2, outputs),
        )

    def forward(self, x_BD: Tensor) -> Tensor:
        return self.body(x_BD.view(-1, 1, self.side, self.side))
