"""Refuses requests whose JSON the Prefect server would store but could never send again.

The server writes parameters of runs as it gets them and answers with orjson, which knows no half of a surrogate pair
and no whole number beyond 64 bits. With one such run, every list that holds it is an error from then on: the Runs page
stays empty, and no run starts. Infinity and NaN would come back as null, so that a run has other parameters than asked.
"""

import json
from typing import Any, NoReturn

import orjson

from flows.serving.same_origin import App, Message, Receive, Send

UNREADABLE = "the server could never send it again, so nothing is stored"


class ExactJson:
    """The ASGI application `app` without requests whose JSON body cannot be sent again as it came (422 then)."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self.app(scope, receive, send)
            return
        messages = await read_body(receive)
        reason = refusal(b"".join(message.get("body", b"") for message in messages))
        if reason is None:
            await self.app(scope, again(messages, receive), send)
        else:
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 422, "headers": headers})
            await send({"type": "http.response.body", "body": json.dumps({"detail": reason}).encode()})


def refusal(body: bytes) -> str | None:
    """Why a body cannot be sent again; None if it can, or is no JSON at all, which the application refuses itself."""
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except _Constant as error:
        return f"the request holds {error}, which is no number of JSON; {UNREADABLE}"
    except RecursionError:
        return f"the request is nested too deeply; {UNREADABLE}"
    except ValueError:
        return None
    try:
        orjson.dumps(value)
    except TypeError as error:
        return f"the request holds what is no text or no number of 64 bits ({error}); {UNREADABLE}"
    return None


class _Constant(Exception):
    """Infinity, -Infinity or NaN, which Python's reader takes for numbers."""


def _refuse_constant(name: str) -> NoReturn:
    raise _Constant(name)


async def read_body(receive: Receive) -> list[Message]:
    """The messages with the body of a request."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


def again(messages: list[Message], receive: Receive) -> Receive:
    """The messages that were read already, then those that come."""
    waiting: list[Any] = messages[::-1]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again
