"""A head in a plain Lightning Trainer, as people know it."""

import re
from dataclasses import dataclass

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from src.models.head import Head
from src.models.heads import HEADS, make_head
from src.models.types.registry import TYPES
from src.networks.parameter_groups import Grouped, ParameterGroup
from tests.models.answers import learnable_targets, network_of, outputs_of
from tests.workspaces import ROOT

ROWS = 24
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}


@dataclass(frozen=True)
class Target:
    type: str
    columns: int
    outputs: int
    weight: float = 1.0


def rows_of(*types: str, weights: bool = False) -> DataLoader:
    x_NB = torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(1))
    y_NT = torch.cat([targets_of(type_, x_NB) for type_ in types], dim=1)
    return DataLoader(TensorDataset(x_NB, y_NT, *([torch.ones(ROWS)] if weights else [])), batch_size=8)


def targets_of(type_: str, x_ND: torch.Tensor) -> torch.Tensor:
    return learnable_targets(TYPES[type_], x_ND)


def network_for(*types: str) -> nn.Module:
    return network_of([TYPES[type_] for type_ in types])


@pytest.mark.parametrize("types", [*((type_,) for type_ in TYPES), ("binary", "regression")], ids=" and ".join)
def test_a_head_trains_with_a_checkpoint_a_logger_and_early_stopping(types, tmp_path):
    rows = rows_of(*types)
    answers = [Target(each, targets_of(each, torch.zeros(1, 4)).shape[1], outputs_of(TYPES[each])) for each in types]
    head = make_head(answers, network_for(*types), "adam", 0.03, 1e-4, 1e-4, 0.01, 1.0)
    best = ModelCheckpoint(tmp_path, monitor="validation_loss")
    # Stops after the first epoch that gains less than half of the loss.
    stopping = EarlyStopping("validation_loss", patience=1, min_delta=0.5)
    trainer = Trainer(
        accelerator="auto",
        max_epochs=40,
        log_every_n_steps=1,
        logger=CSVLogger(tmp_path, name="log"),
        callbacks=[best, stopping],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(head, rows, rows)
    assert 0 < stopping.stopped_epoch < 39
    header, *logged = (tmp_path / "log/version_0/metrics.csv").read_text().splitlines()
    assert {"training_loss", "validation_loss", "epoch"} <= set(header.split(","))
    losses = [float(row.split(",")[header.split(",").index("validation_loss")] or "nan") for row in logged]
    seen = [loss for loss in losses if loss == loss]
    assert len(seen) == trainer.current_epoch
    assert min(seen) == pytest.approx(float(best.best_model_score), rel=1e-5)
    assert seen[-1] < seen[0]
    # The checkpoint holds the network, which answers as the Trainer says.
    kept = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
    head.load_state_dict(kept["state_dict"])
    predicted = torch.cat(trainer.predict(head, rows))
    with torch.no_grad():
        torch.testing.assert_close(predicted, head.predictions(head.final_logits(rows.dataset.tensors[0])))


@pytest.mark.parametrize("weights", [False, True])
def test_rows_without_weights_count_alike(weights):
    [one, *_] = rows_of("regression", weights=True)
    head = HEADS["regression"](network_for("regression"))
    torch.testing.assert_close(head.loss(tuple(one[:2])), head.loss(tuple(one)))


def test_penalties_shrink_the_weights():
    def trained(**options: float) -> Head:
        head = HEADS["binary"](network_for("binary"), optimizer="sgd", learning_rate=0.05, **options)
        Trainer(max_epochs=1, accelerator="cpu", **QUIET).fit(head, rows_of("binary", weights=True))
        return head

    plain, *shrunk = (
        sum(float(p.detach().square().sum()) for p in trained(**options).parameters() if p.ndim > 1)
        for options in ({}, {"l1": 0.1}, {"l2": 0.5}, {"weight_decay": 0.5})
    )
    assert max(shrunk) < plain


class Begun(Grouped):
    """A network whose first layer begins to learn after two epochs, slowly and without penalties."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 3), nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.tanh(self.first(x)))

    @property
    def apart(self) -> list[ParameterGroup]:
        return [ParameterGroup(list(self.first.parameters()), rate=0.1, after=2, penalized=False)]


class Weights(Callback):
    """The first layer's weights after each epoch."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Head) -> None:
        self.seen.append(pl_module.network.first.weight.detach().clone())


def test_layers_that_learn_later_and_slower_do_so_in_any_trainer():
    torch.manual_seed(0)
    head = HEADS["binary"](Begun(), optimizer="sgd", learning_rate=0.1, l2=0.1)
    start, seen = head.network.first.weight.detach().clone(), Weights()
    Trainer(max_epochs=3, accelerator="cpu", callbacks=[seen], **QUIET).fit(head, rows_of("binary"))
    assert [torch.equal(weight, start) for weight in seen.seen] == [True, True, False]
    assert [group["lr"] for group in head.configure_optimizers().param_groups] == [0.1, pytest.approx(0.01)]


def test_the_example_of_the_page_about_training_runs(tmp_path, monkeypatch):
    [block] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/training.md").read_text(), re.DOTALL)
    assert len([line for line in block.splitlines() if line and not line.startswith(("from", "import"))]) <= 10
    monkeypatch.chdir(tmp_path)
    found: dict[str, object] = {}
    exec(block, found)
    assert list(tmp_path.rglob("metrics.csv"))
    assert list(tmp_path.rglob("*.ckpt"))
    predicted = torch.cat(found["trainer"].predict(found["head"], found["rows"]))
    assert ((predicted > 0) & (predicted < 1)).all()
