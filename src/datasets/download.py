"""Download files with checksums, retries and resumed transfers.

pooch checks the checksum and puts the finished file in place in one move. This module adds a downloader that resumes a
broken transfer, even after the run was killed.
"""

import ftplib
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from src.core.credentials import filled, variables_in
from src.core.errors import UserError
from src.core.hashes import file_sha256

log = logging.getLogger("workflow")

# Seconds to wait before the second, third, ... attempt.
WAITS = (1.0, 3.0, 9.0)
_TIMEOUT = 30.0
_BLOCK = 2**16
# Errors of broken transfers beside those of requests.
_BROKEN = (ftplib.Error, EOFError, TimeoutError, ConnectionError, socket.gaierror)
_LINE_EVERY = 5.0


class Unreachable(Exception):
    """The address gave no file, and why; the caller adds its advice.

    final: whether trying again later is pointless.
    """

    def __init__(self, reason: str, final: bool) -> None:
        super().__init__(reason)
        self.final = final


def download(url: str, sha256: str, target: Path) -> None:
    """Download `url` to `target`, which appears only when it is complete and its checksum is right.

    An existing target with the right checksum stays. Environment variables in the address's query are filled in for the
    request alone; a user and password for the host come from ~/.netrc. Raises UserError for a wrong checksum or a
    variable that is not set, and Unreachable if all attempts fail.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    partial = target.with_name(f"{target.name}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    unset = [name for name in variables_in(url) if not os.environ.get(name)]
    if unset:
        raise UserError(f"{url}: the variable {unset[0]} is not set; export {unset[0]}=… and run again")
    downloader = _resume(partial, sha256) if url.startswith("http") else _of_ftp(url)
    for wait in (*WAITS, None):
        try:
            pooch.retrieve(url, sha256, fname=target.name, path=target.parent, downloader=downloader)
            return
        except (requests.RequestException, *_BROKEN) as error:
            reason = _reason(error)
            if wait is None or _is_final(error):
                raise Unreachable(reason, _is_final(error)) from None
        except ValueError as error:
            raise UserError(f"{url}: {error}") from None
        log.info("%s: %s; trying again in %g s", target.name, reason, wait)
        time.sleep(wait)


def _resume(partial: Path, sha256: str) -> Callable[[str, str, Any], None]:
    """A pooch downloader that keeps what has arrived in `partial` and requests only the rest."""

    def fetch(url: str, output: str, _: Any) -> None:
        import requests

        have = partial.stat().st_size if partial.exists() else 0
        # identity: the checksum is that of the stored file, not of one compressed for the transfer.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(filled(url, os.environ), headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                partial.unlink()
                return fetch(url, output, _)
            response.raise_for_status()
            resumed = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            total = int(response.headers.get("Content-Length", 0)) + (have if resumed else 0)
            with partial.open("ab" if resumed else "wb") as out, _progress(url, have if resumed else 0, total) as count:
                for block in response.iter_content(_BLOCK):
                    out.write(block)
                    count(len(block))
        actual = file_sha256(partial)
        if actual != sha256:
            partial.unlink()
            if resumed:  # the beginning may come from an older version of the file
                return fetch(url, output, _)
            raise UserError(
                f"{url}: wrong checksum\n  expected {sha256}\n  got      {actual}\n"
                "The file at this address has changed: check it, then correct `sha256`"
            )
        partial.replace(output)
        return None

    return fetch


def _of_ftp(url: str) -> Callable[[str, str, Any], None]:
    import pooch

    try:
        login = netrc(os.environ.get("NETRC")).authenticators(urlsplit(url).hostname or "")
    except FileNotFoundError:
        login = None
    except NetrcParseError as error:
        raise UserError(f"{error.filename}: line {error.lineno}: {error.msg}; correct the file") from None
    user, _, password = login or ("anonymous", "", "")
    return pooch.FTPDownloader(username=user, password=password or "", timeout=_TIMEOUT)


@contextmanager
def _progress(url: str, start: int, total: int) -> Iterator[Callable[[int], Any]]:
    """Report progress: a bar on a terminal, elsewhere a log line every few seconds."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        name = url.rpartition("/")[2]
        with tqdm(desc=name, initial=start, total=total or None, unit="B", unit_scale=True) as bar:
            yield bar.update
        return
    received, last = start, time.monotonic()

    def line(count: int) -> None:
        nonlocal received, last
        received += count
        if time.monotonic() - last >= _LINE_EVERY:
            last = time.monotonic()
            log.info(
                "%s: %s", url, f"{received / 1e6:.1f} of {total / 1e6:.1f} MB" if total else f"{received / 1e6:.1f} MB"
            )

    log.info("downloading %s%s", url, f" ({total / 1e6:.1f} MB)" if total else "")
    yield line


def _is_final(error: Exception) -> bool:
    """Whether the server understood the request and refused it, so that another attempt is pointless."""
    if isinstance(error, ftplib.error_perm):
        return True
    response = getattr(error, "response", None)
    return response is not None and 400 <= response.status_code < 500 and response.status_code not in (408, 429)


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}"
    names = {
        "ConnectTimeout": "no answer in time",
        "ReadTimeout": "the transfer stalled",
        "SSLError": "no safe connection",
    }
    return names.get(type(error).__name__, f"the connection failed ({type(error).__name__})")
