"""How a process that `make serve` started tells it that it is ready: a line through a pipe that it was given.

Nothing is asked over the network, so no other program can answer in its place.
"""

import os

READY_PIPE = "WORKFLOW_READY_PIPE"


def say_ready() -> None:
    """Tell `make serve` that this process does its work from now on; does nothing when started by somebody else."""
    number = os.environ.pop(READY_PIPE, None)
    if number is not None:
        with os.fdopen(int(number), "w") as pipe:
            pipe.write("ready\n")
