"""The one place that makes a Lightning Trainer."""

import logging
import warnings
from collections.abc import Callable

import torch
from pytorch_lightning import Callback, LightningModule, Trainer


class AfterEveryEpoch(Callback):
    """Calls a function when an epoch is over."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.call()


def make_trainer(epochs: int, accelerator: str, on_epoch: Callable[[], object] | None = None) -> Trainer:
    """A Trainer without what a member of a pipeline does not need: logger, checkpoints, progress bar, summary.

    Lightning's notes on devices and loaders, once per training, would bury our own lines.
    """
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"pytorch_lightning\..*")
    # The stack gives autograd strided views of one buffer on purpose.
    warnings.filterwarnings("ignore", message=".*gradient layout contract.*")
    torch.set_num_threads(1)
    return Trainer(
        max_epochs=epochs,
        accelerator=accelerator,
        devices=1,
        callbacks=[AfterEveryEpoch(on_epoch)] if on_epoch else [],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
