"""Repeats requests that the Prefect server could not answer because SQLite was busy.

The server begins its transactions as readers. One that reads, then writes, fails at once where another wrote in
between, for instance a run that starts (SQLITE_BUSY_SNAPSHOT, for which SQLite does not wait). Its changes are undone,
and the answer is a 503. Prefect's own client repeats such a request; browsers and other programs do not.
"""

import asyncio
from collections.abc import Sequence

from flows.serving.exact_json import again, read_body
from flows.serving.same_origin import App, Message, Receive, Send

PAUSES_SECONDS = (0.05, 0.2, 0.5, 1.0)
BUSY = 503


class Patient:
    """The ASGI application `app`, asked again after each pause while it answers a request that writes with 503."""

    def __init__(self, app: App, pauses: Sequence[float] = PAUSES_SECONDS) -> None:
        self.app = app
        self.pauses = pauses

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH", "DELETE"):
            await self.app(scope, receive, send)
            return
        messages = await read_body(receive)
        for pause in self.pauses:
            attempt = _Attempt(send)
            try:
                await self.app({**scope}, again(messages, receive), attempt.send)
            except Exception:  # Starlette raises it for the log, after the answer
                if not attempt.is_busy:
                    raise
            if not attempt.is_busy:
                return
            await asyncio.sleep(pause)
        await self.app(scope, again(messages, receive), send)


class _Attempt:
    """Passes on an answer unless it is a 503."""

    def __init__(self, send: Send) -> None:
        self.pass_on = send
        self.is_busy = False

    async def send(self, message: Message) -> None:
        self.is_busy = self.is_busy or message.get("status") == BUSY
        if not self.is_busy:
            await self.pass_on(message)
