"""Train a member on several devices at once, one process for each, for networks too large for one.

    engine: {devices: 2}                    # of this machine
    engine: {devices: 4, num_nodes: 2}      # the same step on two machines, with MASTER_ADDR, MASTER_PORT, NODE_RANK

Every process has all rows and takes its share of each minibatch. The gradients are summed (torch.distributed), so the
result equals that of one device up to rounding. Batch norms see only their process's share.
"""

import os
import socket
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from src.core.errors import UserError
from src.core.processes import die_with_parent
from src.problem.training import Engine
from src.training.engines import process_context
from src.training.members import Trained

# Where the processes find each other, by the names that Lightning reads.
MEETING = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")


def train_spread(train: Callable[[], Trained], engine: Engine) -> Trained:
    """The result of `train`, a call of `train_looped`, in the first of the processes that run it together."""
    address = {name: os.environ[name] for name in MEETING if name in os.environ}
    if engine.num_nodes == 1:
        address = dict(zip(MEETING, ("127.0.0.1", str(_free_port()), "0"), strict=True))
    if missing := [name for name in MEETING if name not in address]:
        raise UserError(
            f"engine.num_nodes: set {', '.join(missing)} on each machine (address and free port of the first, number "
            "of the machine from 0), or choose num_nodes: 1"
        )
    with ProcessPoolExecutor(
        engine.devices, process_context(), initializer=die_with_parent, initargs=(os.getpid(),)
    ) as pool:
        ranks = [pool.submit(_as_rank, train, address | {"LOCAL_RANK": str(rank)}) for rank in range(engine.devices)]
        try:
            first, *_ = [rank.result() for rank in ranks]
            return first
        except BrokenProcessPool:
            raise UserError(
                "engine.devices: a process was killed while it trained a member; if memory ran out, choose a smaller "
                "training.batch_size"
            ) from None


def _as_rank(train: Callable[[], Trained], environment: dict[str, str]) -> Trained:
    os.environ.update(environment)
    return train()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
