"""What the Prefect server could store but never send again is refused before it is stored."""

import asyncio
import json

import pytest

from flows.serving.exact_json import ExactJson, refusal
from flows.serving.same_origin import Message

BAD = {
    b'{"parameters": {"problem": "wine\\ud800"}}': "no text",
    b'{"parameters": {"version": 100000000000000000000}}': "64-bit",
    b'{"parameters": {"folds": Infinity}}': "Infinity, which is no number of JSON",
    b'{"parameters": {"folds": NaN}}': "NaN, which is no number of JSON",
    b"[" * 100_000: "nested too deeply",
}
GOOD = [b"", b"{", b"not JSON", b'{"problem": "w\\u00efne \\ud83d\\ude00", "folds": 3, "rate": 1e-300, "until": null}']


@pytest.mark.parametrize(("body", "reason"), BAD.items(), ids=lambda value: str(value)[:40])
def test_what_cannot_be_sent_again_is_refused_with_the_reason(body: bytes, reason: str):
    assert reason in refusal(body)


@pytest.mark.parametrize("body", GOOD)
def test_everything_else_is_left_to_the_server(body: bytes):
    assert refusal(body) is None


def answers(method: str, *parts: bytes) -> tuple[list[Message], bytes]:
    """What is sent for a request in parts, and the body that the application behind it got."""
    incoming = [{"type": "http.request", "body": part, "more_body": True} for part in parts[:-1]]
    incoming += [{"type": "http.request", "body": parts[-1], "more_body": False}, {"type": "http.disconnect"}]
    sent: list[Message] = []
    got = b""

    async def application(scope: Message, receive, send) -> None:
        nonlocal got
        while (message := await receive())["type"] == "http.request":
            got += message["body"]
        await send({"type": "http.response.start", "status": 201, "headers": []})

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(ExactJson(application)({"type": "http", "method": method, "headers": []}, receive, send))
    return sent, got


def test_a_good_request_arrives_as_it_was_sent():
    sent, got = answers("POST", b'{"a":', b' "', b'b"}')
    assert (sent[0]["status"], got) == (201, b'{"a": "b"}')
    assert answers("GET", b"") == (sent, b"")


def test_a_bad_request_never_arrives():
    sent, got = answers("PATCH", b'{"a": "\\ud8', b'00"}')
    assert (sent[0]["status"], got) == (422, b"")
    assert "could never send it again" in json.loads(sent[1]["body"])["detail"]
