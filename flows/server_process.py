"""What the processes of the two servers share: the socket they are given, their end, and who may talk to them.

The socket is bound by `make serve` before anything is started. So a port that is taken is told at once, no other
program can answer on it, and when a server is started anew its clients only wait.
"""

import socket
import sys
from collections.abc import Callable

from flows.readiness import say_ready
from flows.same_origin import App, SameOrigin
from src.processes import die_with_parent

_GRACE_SECONDS = 1


def run(make_app: Callable[[], App]) -> None:
    """Serve the application on the socket named on the command line, as long as the process that started this lives."""
    parent, number, *names = sys.argv[1:]
    die_with_parent(int(parent))
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                say_ready()

    config = uvicorn.Config(
        SameOrigin(make_app(), names),
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = Server(config)
    server.run(sockets=[socket.socket(fileno=int(number))])
    if not server.started:
        sys.exit(1)
