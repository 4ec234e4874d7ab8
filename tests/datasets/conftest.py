"""Small files read the way the workflow reads them, and a server on the loopback that misbehaves on request."""

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from src.datasets import fetch_source, read_table
from src.problem.sources import LocalSource

Read = Callable[..., pd.DataFrame]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Fetch and read a local file: `read(b"a,b\\n1,2", columns={}, encoding="latin-1")`."""

    def of(
        content: str | bytes, name: str = "t.csv", columns: dict[str, Any] | None = None, **options: Any
    ) -> pd.DataFrame:
        local = tmp_path / "local"
        local.mkdir(exist_ok=True)
        (local / name).write_bytes(content.encode() if isinstance(content, str) else content)
        source = LocalSource.model_validate({"source": "file", "path": name, **options})
        fetch_source(source, tmp_path / "raw", local)
        return read_table(source, tmp_path / "raw", columns or {})

    return of


@dataclass
class Server:
    """Serves `files` by path. `trouble` is worked off one entry per request; then everything goes well.

    "cut": half of the body, then the connection ends; "503": the server is busy; "no range": resuming is not offered.
    """

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    logins: list[str | None] = field(default_factory=list)


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, *arguments: Any, server_state: Server) -> None:
        self.state = server_state
        super().__init__(*arguments)

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.state.requests.append((self.path, wanted))
        self.state.logins.append(self.headers.get("Authorization"))
        trouble = self.state.trouble.pop(0) if self.state.trouble else ""
        body = self.state.files.get(self.path)
        if trouble == "503" or body is None:
            self.send_error(503 if trouble else 404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and trouble != "no range" else 0
        if start >= len(body) > 0:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        rest = body[start:]
        self.wfile.write(rest[: len(rest) // 2] if trouble == "cut" else rest)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Server("")
    handler = functools.partial(_Handler, server_state=state)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        state.address = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        running.shutdown()
        thread.join()
