"""How a process tells `make serve`, which started it, that it is ready: by a line through an inherited pipe.

Nothing goes over the network, so no other program can answer instead.
"""

import os

READY_PIPE = "WORKFLOW_READY_PIPE"


def say_ready() -> None:
    """Tell `make serve` that this process is ready. Does nothing if something else started the process."""
    number = os.environ.pop(READY_PIPE, None)
    if number is not None:
        with os.fdopen(int(number), "w") as pipe:
            pipe.write("ready\n")
