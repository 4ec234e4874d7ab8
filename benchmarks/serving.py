"""How many requests the model server answers in a second, and how long each waits.

    python -m benchmarks.serving [--problem wine] [--clients 50] [--rows 10] [--seconds 10] [--json figures.json]

Runs the workflow of a problem in a temporary workspace, serves the model by `flows.serve_model`, and asks it from this
process: every client keeps one connection open and sends its next request when it has the answer to the last. Each
request holds rows of the training table as JSON. Prints the requests per second, the latencies (median, 95th and 99th
percentile) and the processor time that the server spent per request, all after a second of warming up. Every answer
has to be a 200 with a prediction for each row.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import psutil

from benchmarks.steps import REPOSITORY, run_step, workspace
from src.core.files import Layout
from src.core.steps import STEPS
from src.tables.table import read_schema

WARM_UP_SECONDS = 1.0
HEAD_END = b"\r\n\r\n"


@contextmanager
def served(problem: str, folder: Path) -> Iterator[tuple[str, int, psutil.Process]]:
    """Serve version 1 of the problem's model in `folder`; yields the host, the port and the process."""
    command = [sys.executable, "-m", "flows.serve_model", problem, "--model", "1", "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if line.startswith("ready: ")), None)
            if line is None:
                sys.exit("the server did not start")
            address = urlsplit(line.partition(" answers at ")[2].split("/predict")[0])
            yield str(address.hostname), int(address.port or 0), psutil.Process(process.pid)
        finally:
            process.terminate()


def requests_of(layout: Layout, clients: int, rows: int, host: str, port: int) -> list[bytes]:
    """One request for each client: `rows` rows drawn from the training table, as JSON records."""
    schema = read_schema(layout.train)
    frame = pd.read_parquet(layout.train / "table.parquet", columns=[feature.name for feature in schema.features])
    requests = []
    for seed in range(clients):
        body = frame.sample(rows, replace=True, random_state=seed).to_json(orient="records", date_format="iso").encode()
        head = f"POST /predict HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        requests.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return requests


@dataclass
class Client(asyncio.Protocol):
    """One connection that asks again and again. `latencies` are the seconds of the answers after `begin`."""

    request: bytes
    rows: int
    begin: float
    end: float
    done: asyncio.Future[None] = field(default_factory=asyncio.Future)
    latencies: list[float] = field(default_factory=list)
    received: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.asked = perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, ended, body = self.received.partition(HEAD_END)
        if not ended or len(body) < content_length(head):
            return
        now = perf_counter()
        if not head.startswith(b"HTTP/1.1 200 ") or body.count(b'"row"') != self.rows:
            self.done.set_exception(RuntimeError(f"unexpected answer: {self.received.decode()}"))
            self.transport.close()
            return
        if self.asked >= self.begin:
            self.latencies.append(now - self.asked)
        self.received = b""
        if now < self.end:
            self.ask()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None) if error is None else self.done.set_exception(error)


def content_length(head: bytes) -> int:
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next(int(value) for name, _, value in lines if name == b"content-length")


async def ask_all(requests: Sequence[bytes], rows: int, host: str, port: int, seconds: float) -> list[float]:
    """Let every request be asked again and again; the latencies after the warm-up, in seconds."""
    loop = asyncio.get_running_loop()
    begin = perf_counter() + WARM_UP_SECONDS
    clients = [Client(request, rows, begin, begin + seconds) for request in requests]
    for client in clients:
        await loop.create_connection(lambda client=client: client, host, port)  # type: ignore[misc]
    await asyncio.gather(*(client.done for client in clients))
    return [latency for client in clients for latency in client.latencies]


def measure(folder: Path, problem: str, clients: int, rows: int, seconds: float) -> dict[str, float]:
    with served(problem, folder) as (host, port, process):
        requests = requests_of(Layout(problem, folder), clients, rows, host, port)
        asyncio.run(ask_all(requests, rows, host, port, 0))
        before = process.cpu_times()
        begin = perf_counter()
        latencies = asyncio.run(ask_all(requests, rows, host, port, seconds))
        share = seconds / (perf_counter() - begin)  # what the warm-up took does not count
        after = process.cpu_times()
    median, p95, p99 = np.percentile(latencies, [50, 95, 99]) * 1000
    cpu = (after.user - before.user + after.system - before.system) * share
    return {
        "requests_per_second": round(len(latencies) / seconds, 1),
        "median_ms": round(median, 2),
        "p95_ms": round(p95, 2),
        "p99_ms": round(p99, 2),
        "server_cpu_ms_per_request": round(1000 * cpu / len(latencies), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__.split("\n\n")[0])
    parser.add_argument("--problem", default="wine")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 50])
    parser.add_argument("--rows", type=int, default=10, help="of a request")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument(
        "--workspace", type=Path, metavar="FOLDER", help="with results and records, instead of a new run"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    options = parser.parse_args()
    with workspace() as folder:
        if options.workspace:
            shutil.copytree(options.workspace, folder, dirs_exist_ok=True)
        else:
            for step in STEPS:
                run_step(step, options.problem, folder)
        figures = {
            clients: measure(folder, options.problem, clients, options.rows, options.seconds)
            for clients in options.clients
        }
    print(f"{options.problem}: {options.rows} rows a request, {options.seconds:g} s each, {os.cpu_count()} cores")
    for clients, figure in figures.items():
        text = ", ".join(f"{value:,g} {name.replace('_', ' ')}" for name, value in figure.items())
        print(f"{clients:3} clients: {text}")
    if options.json:
        options.json.write_text(
            json.dumps({"problem": options.problem, "rows": options.rows, "clients": figures}) + "\n"
        )


if __name__ == "__main__":
    main()
