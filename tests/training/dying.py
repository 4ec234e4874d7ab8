"""A worker that dies in the middle of a shard, once."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass

from src.training.fit import train_shard


@dataclass
class Dying:
    """Stands in for `train_shard`: the first process that trains a shard is killed after an epoch of it.

    mark: a file that says that this has happened.
    """

    mark: str

    def __call__(self, shard, part, *rest):
        with suppress(FileExistsError):
            os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
            part.add = lambda epochs: os.kill(os.getpid(), signal.SIGKILL)
        return train_shard(shard, part, *rest)
