"""What the processes of the two servers share: their inherited socket, their end, and who may talk to them.

`make serve` binds the socket before it starts anything. So it reports a taken port at once, no other program can answer
on it, and while a server restarts its clients only wait.
"""

import argparse
import socket
import sys
from collections.abc import Callable

from flows.serving.readiness import say_ready
from flows.serving.same_origin import App, SameOrigin
from src.core.processes import die_with_parent

_GRACE_SECONDS = 1


def run(make_app: Callable[[], App]) -> None:
    """Serve the application on the socket named on the command line until the parent process ends."""
    options = _options()
    die_with_parent(options.parent)
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                say_ready()

    config = uvicorn.Config(
        SameOrigin(make_app(), options.names, "name it with `--known-as` of `make serve`"),
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = Server(config)
    server.run(sockets=[socket.socket(fileno=options.socket)])
    if not server.started:
        sys.exit(1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A server of the workflow. `make serve` starts it; see its --help.")
    parser.add_argument("parent", type=int, help="the number of the process that starts it")
    parser.add_argument("socket", type=int, help="the number of the open file that is its socket")
    parser.add_argument("names", nargs="*", help="the names by which browsers may call this machine")
    return parser.parse_args()
