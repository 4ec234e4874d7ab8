"""Who may talk to the servers, told by the headers of a request."""

import asyncio

import pytest

from flows.serving.same_origin import ANY_ADDRESS, Message, SameOrigin


async def page(scope: Message, receive: object, send: object) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Frame-Options", b"ALLOW")]})
    await send({"type": "http.response.body", "body": b"a page"})


def ask(gate: SameOrigin, kind: str, **headers: str) -> list[Message]:
    sent = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": f"{kind}.request"}

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(gate({"type": kind, "headers": pairs}, receive, send))
    return sent


WAY_OUT = "ask under another name"
GATE = SameOrigin(page, ["localhost", "127.0.0.1", "::1"], WAY_OUT)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:4200", "127.0.0.1:4200", "[::1]:4200", "[::1]"])
def test_its_own_names_are_served_under_any_port_as_through_a_tunnel(host: str):
    assert GATE.refusal([(b"host", host.encode())]) is None


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:4200", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1", "", "["],
)
def test_another_name_is_refused(host: str):
    assert "not known as" in GATE.refusal([(b"host", host.encode())])


def test_no_name_and_two_names_are_refused():
    assert GATE.refusal([])
    assert GATE.refusal([(b"host", b"localhost"), (b"host", b"evil.example")])


def test_a_page_of_the_server_itself_is_served():
    host = (b"host", b"localhost:4200")
    assert GATE.refusal([host, (b"origin", b"http://localhost:4200")]) is None
    assert GATE.refusal([host, (b"origin", b"https://localhost:4200")]) is None


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "http://localhost:3000",
        "http://localhost",
        "http://localhost:4200.evil.example",
    ],
)
def test_a_page_of_anybody_else_is_refused(origin: str):
    assert "may not use this server" in GATE.refusal([(b"host", b"localhost:4200"), (b"origin", origin.encode())])


def test_a_refused_request_never_reaches_the_server():
    refused = ask(GATE, "http", host="evil.example")
    assert refused[0]["status"] == 403
    assert f"not known as evil.example; {WAY_OUT}".encode() in refused[1]["body"]
    socket = ask(GATE, "websocket", host="localhost:4200", origin="http://evil.example")
    assert [message["type"] for message in socket] == ["websocket.close"]


def test_an_answer_forbids_its_page_to_ask_other_hosts_and_to_be_framed():
    start = ask(GATE, "http", host="localhost:4200")[0]
    headers = dict(start["headers"])
    assert start["status"] == 200
    assert headers[b"content-security-policy"].startswith(b"default-src 'self' ")
    assert b"http:" not in headers[b"content-security-policy"]
    assert headers[b"x-frame-options"] == b"SAMEORIGIN"
    assert b"X-Frame-Options" not in headers, "one of a kind"


def test_open_to_the_network_any_address_in_numbers_will_do_but_no_made_up_name():
    gate = SameOrigin(page, ["localhost", ANY_ADDRESS], WAY_OUT)
    for host in (b"192.0.2.1:4200", b"[2001:db8::1]:4200"):
        assert gate.refusal([(b"host", host)]) is None
    assert gate.refusal([(b"host", b"evil.example")])
