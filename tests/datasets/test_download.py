"""Downloads from a server that breaks off, stumbles, lies or is not there; all on the loopback."""

import base64
import hashlib
import logging
import os
from pathlib import Path

import pytest

from src.core.errors import UserError
from src.datasets.download import Unreachable, _of_ftp, download
from tests.datasets.conftest import Server

BODY = os.urandom(1_000_000)
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.datasets.download.WAITS", (0.0, 0.0))


@pytest.fixture
def target(server: Server, tmp_path: Path) -> Path:
    server.files["/t.csv"] = BODY
    return tmp_path / "cache" / "t.csv"


def resumed_at(server: Server) -> int:
    """The byte from which the last request asked to go on."""
    wanted = server.requests[-1][1]
    assert wanted is not None
    return int(wanted.removeprefix("bytes=").removesuffix("-"))


def test_a_file_is_downloaded_once(server: Server, target: Path) -> None:
    download(f"{server.address}/t.csv", SHA256, target)
    download(f"{server.address}/t.csv", SHA256, target)

    assert target.read_bytes() == BODY
    assert len(server.requests) == 1
    assert [path.name for path in target.parent.iterdir()] == ["t.csv"]


def test_a_login_comes_from_netrc(
    server: Server, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    download(f"{server.address}/t.csv", SHA256, target)

    assert server.logins == [f"Basic {base64.b64encode(b'ann:s3cret').decode()}"]


def test_a_login_for_ftp_comes_from_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine example.org login ann password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    of_ann, of_nobody = _of_ftp("ftp://example.org/t.csv"), _of_ftp("ftp://example.com/t.csv")
    assert (of_ann.username, of_ann.password) == ("ann", "s3cret")  # type: ignore[attr-defined]
    assert of_nobody.username == "anonymous"  # type: ignore[attr-defined]


def test_a_token_comes_from_the_environment_and_is_told_to_nobody_else(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"{server.address}/t.csv?raw=1&token=${{HUB_TOKEN}}"
    monkeypatch.delenv("HUB_TOKEN", raising=False)
    with pytest.raises(UserError, match="the variable HUB_TOKEN is not set; export HUB_TOKEN=…"):
        download(url, SHA256, target)
    monkeypatch.setenv("HUB_TOKEN", "s3 cret&more")
    with pytest.raises(Unreachable) as failed, caplog.at_level(logging.DEBUG):
        download(url, SHA256, target)
    assert server.requests[-1][0] == "/t.csv?raw=1&token=s3%20cret%26more"
    server.files["/t.csv?raw=1&token=s3%20cret%26more"] = b"other"
    with pytest.raises(UserError, match="wrong checksum") as wrong, caplog.at_level(logging.INFO, logger="workflow"):
        download(url, SHA256, target)
    told = "".join(
        (str(failed.value), str(wrong.value), *(r.getMessage() for r in caplog.records if r.name == "workflow"))
    )
    assert "token=${HUB_TOKEN}" in told
    assert "s3" not in told


def test_a_broken_transfer_goes_on_where_it_broke_off(server: Server, target: Path) -> None:
    server.trouble = ["cut"]

    download(f"{server.address}/t.csv", SHA256, target)

    assert target.read_bytes() == BODY
    assert len(server.requests) == 2
    assert 400_000 < resumed_at(server) <= 500_000


def test_a_later_run_goes_on_where_a_failed_one_stopped(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.trouble = ["cut"]
    monkeypatch.setattr("src.datasets.download.WAITS", ())
    with pytest.raises(Unreachable):
        download(f"{server.address}/t.csv", SHA256, target)
    assert not target.exists()

    download(f"{server.address}/t.csv", SHA256, target)

    assert target.read_bytes() == BODY
    assert 400_000 < resumed_at(server) <= 500_000


def test_a_server_that_cannot_resume_sends_the_whole_again(server: Server, target: Path) -> None:
    server.trouble = ["cut", "no range"]

    download(f"{server.address}/t.csv", SHA256, target)

    assert target.read_bytes() == BODY


@pytest.mark.parametrize("stale", [b"of an older version", BODY + b"more"])
def test_a_beginning_that_does_not_fit_is_thrown_away(server: Server, target: Path, stale: bytes) -> None:
    target.parent.mkdir()
    target.with_name("t.csv.partial").write_bytes(stale)

    download(f"{server.address}/t.csv", SHA256, target)

    assert target.read_bytes() == BODY


def test_a_busy_server_is_asked_again(server: Server, target: Path, caplog: pytest.LogCaptureFixture) -> None:
    server.trouble = ["503", "503"]

    with caplog.at_level(logging.INFO, "workflow"):
        download(f"{server.address}/t.csv", SHA256, target)

    assert target.read_bytes() == BODY
    assert "t.csv: the server answered 503 Service Unavailable; trying again in 0 s" in caplog.messages


def test_a_server_that_stays_busy_is_given_up(server: Server, target: Path) -> None:
    server.trouble = ["503"] * 9

    with pytest.raises(Unreachable, match="503"):
        download(f"{server.address}/t.csv", SHA256, target)

    assert len(server.requests) == 3


def test_a_file_that_is_not_there_is_not_asked_for_again(server: Server, target: Path) -> None:
    with pytest.raises(Unreachable, match="the server answered 404"):
        download(f"{server.address}/gone.csv", SHA256, target)

    assert len(server.requests) == 1


def test_a_wrong_checksum_is_told_with_both_and_leaves_nothing(server: Server, target: Path) -> None:
    with pytest.raises(UserError, match=f"wrong checksum\n  expected {'0' * 64}\n  got      {SHA256}"):
        download(f"{server.address}/t.csv", "0" * 64, target)

    assert list(target.parent.iterdir()) == []


def test_no_server_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="the connection failed"):
        download("http://127.0.0.1:9/t.csv", SHA256, tmp_path / "t.csv")


def test_progress_is_plain_lines_where_there_is_no_terminal(
    server: Server, target: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO, "workflow"):
        download(f"{server.address}/t.csv", SHA256, target)

    assert caplog.messages == [f"downloading {server.address}/t.csv (1.0 MB)"]
    assert capfd.readouterr().err == ""


def test_progress_is_a_bar_on_a_terminal(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    download(f"{server.address}/t.csv", SHA256, target)

    assert "t.csv: 100%" in capsys.readouterr().err
