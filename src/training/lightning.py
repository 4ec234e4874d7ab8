"""The only place that makes a Lightning Trainer."""

import logging
import warnings
from collections.abc import Sequence
from copy import deepcopy

import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.plugins.environments import LightningEnvironment

from src.problem.training import Engine


def make_trainer(first: int, last: int, engine: Engine, device: int = 0, callbacks: Sequence[Callback] = ()) -> Trainer:
    """A Trainer without what a pipeline does not need: logger, checkpoints, progress bar, summary.

    first: the epochs before a pause, from which `current_epoch` continues. last: the epoch after which it ends. device:
    the number of the GPU, modulo their number, if there are several and a member uses one. Lightning's notes on devices
    and loaders are silenced: one per training would bury our own lines.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"pytorch_lightning\..*")
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("high" if engine.precision == "tf32" else "highest")
    several = engine.accelerator != "cpu" and torch.cuda.device_count() > 1 and not engine.spreads
    trainer = Trainer(
        max_epochs=last,
        callbacks=[deepcopy(callback) for callback in callbacks],
        accelerator=engine.accelerator,
        devices=[device % torch.cuda.device_count()] if several else engine.devices,
        strategy=engine.strategy,
        num_nodes=engine.num_nodes,
        plugins=[LightningEnvironment()],
        precision="bf16-mixed" if engine.precision == "bf16" else "32-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    made = dict.fromkeys(("ready", "started", "processed", "completed"), first)
    trainer.fit_loop.epoch_progress.current.load_state_dict(made)
    return trainer
