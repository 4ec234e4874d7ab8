"""The one place that makes a Lightning Trainer."""

import logging
import warnings

import torch
from pytorch_lightning import Trainer


def make_trainer(epochs: int, accelerator: str) -> Trainer:
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
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
