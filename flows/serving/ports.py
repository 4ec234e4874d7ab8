"""Binds the ports before anything is started. If a port is taken, the error names the program that has it."""

import errno
import ipaddress
import socket
import urllib.request
from contextlib import suppress
from http.client import HTTPException

import psutil

from src.core.errors import UserError

_BACKLOG = 512
_PROBE_SECONDS = 1.0
# The path that identifies each server, and its answer.
_ANSWERS = {"a Prefect server": ("/api/health", b"true"), "an MLflow server": ("/health", b"OK")}


def listening(host: str, port: int, option: str) -> socket.socket:
    """A socket that accepts connections at `host` and `port`; 0 stands for any free port.

    Raises UserError if that is impossible. It names the program that has the port and suggests `option` with another.
    """
    family, address = _resolved(host, port)
    # With the protocol named, asyncio sets TCP_NODELAY; without it, the second part of an answer waits for 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UserError(_reason(error, family, address[0], port, option)) from None
    return listener


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach a server that listens at `host`."""
    return ipaddress.ip_address(_resolved(host, 0)[1][0]).is_loopback


def url(listener: socket.socket) -> str:
    """The address to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        host = "::1" if address.version == 6 else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, tuple]:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UserError(
            f"--host {host}: {error.strerror}; give an address of this machine, such as 127.0.0.1"
        ) from None
    return family, address


def _reason(error: OSError, family: socket.AddressFamily, host: str, port: int, option: str) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host}: not an address of this machine; 127.0.0.1 always is"
    if error.errno == errno.EACCES:
        return f"port {port} is not for everybody: give a number from 1024 on with {option}"
    if error.errno == errno.EADDRINUSE:
        free = _free_port(family, host, port)
        return f"port {port} is taken by {_holder(host, port)}; stop that, or use {option} {free}"
    return f"port {port} of {host}: {error.strerror}"


def _holder(host: str, port: int) -> str:
    """The program that listens at the port, as precisely as we can tell."""
    program = _program(host, port)
    process = _process(port)
    if process is None:
        return program or "another program"
    with suppress(psutil.Error):
        command = " ".join(process.cmdline())
        folder = f" in {process.cwd()}" if "flows." in command else ""
        return f"{program or 'another program'}, process {process.pid}{folder} (`{command}`)"
    return f"{program or 'another program'}, process {process.pid}"


def _program(host: str, port: int) -> str | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    reachable = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104
    for program, (path, answer) in _ANSWERS.items():
        try:
            with opener.open(f"http://{reachable}:{port}{path}", timeout=_PROBE_SECONDS) as response:
                if response.read(100).strip() == answer:
                    return program
        except (OSError, HTTPException):
            continue
    return None


def _process(port: int) -> psutil.Process | None:
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return psutil.Process(connection.pid)
    return None


def _free_port(family: socket.AddressFamily, host: str, port: int) -> int:
    for candidate in range(port + 1, min(port + 100, 65536)):
        with socket.socket(family, socket.SOCK_STREAM) as trial, suppress(OSError):
            trial.bind((host, candidate))
            return candidate
    return 0
