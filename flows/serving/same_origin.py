"""Who may talk to the servers: programs on this machine, and the servers' own pages.

None of them has users or passwords. So any web page open in a browser here could start flows and read models. It has
two ways: a request to 127.0.0.1, which its `Origin` shows, or a domain of its own that it resolves to 127.0.0.1 (DNS
rebinding), which `Host` shows. Both are refused. The answers also forbid the servers' pages to contact other hosts and
to be framed.
"""

import ipaddress
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

ANY_ADDRESS = "*"
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'; "
    "frame-ancestors 'self'"
)
_ADDED = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
]


class SameOrigin:
    """The ASGI application `app`, restricted to requests to one of `names` that come from no page but its own.

    `names` are the server's host names without port; `*` among them stands for every numeric address, which no other
    page can forge. Requests to another name are refused with the advice `way_out`.
    """

    def __init__(self, app: App, names: Iterable[str], way_out: str) -> None:
        self.app = app
        self.way_out = way_out
        self.names = {name.lower() for name in names}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif (reason := self.refusal(scope["headers"])) is None:
            await self.app(scope, receive, _with_policy(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": json.dumps({"detail": reason}).encode()})

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Why a request with these headers is refused; None if it is not."""
        values: dict[bytes, list[str]] = {b"host": [], b"origin": []}
        for name, value in headers:
            if name in values:
                values[name].append(value.decode("latin-1").lower())
        hosts, origins = values[b"host"], values[b"origin"]
        if len(hosts) != 1 or not self.is_known(hosts[0]):
            return f"this server is not known as {', '.join(hosts) or 'nothing'}; {self.way_out}"
        if any(origin not in (f"http://{hosts[0]}", f"https://{hosts[0]}") for origin in origins):
            return f"pages of {', '.join(origins)} may not use this server"
        return None

    def is_known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        return name is not None and (name in self.names or (ANY_ADDRESS in self.names and _is_address(name)))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _with_policy(send: Send) -> Send:
    async def send_with_policy(message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name for name, _ in _ADDED}
            headers = [header for header in message.get("headers", []) if header[0].lower() not in names]
            message = {**message, "headers": [*headers, *_ADDED]}
        await send(message)

    return send_with_policy
