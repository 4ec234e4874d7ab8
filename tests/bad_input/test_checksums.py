"""Data that are not what the problem file says they are."""

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator

import pytest

from tests.bad_input.desk import Desk, assert_says, table


@pytest.fixture
def address(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server on the loopback that has `table.csv` and nothing else."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path_factory.mktemp("served")
    (folder / "table.csv").write_text(table())

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def fetched(desk: Desk, address: str) -> dict[str, bytes]:
    """The files after `table.csv` has been fetched once with its right checksum."""
    right = hashlib.sha256(table().encode()).hexdigest()
    desk.describe(data={"source": "address", "files": [{"url": f"{address}/table.csv", "sha256": right}]})
    assert [desk.run(step).code for step in ("define", "fetch")] == [0, 0]
    return {name: content for name, content in desk.files().items() if name.startswith("data/raw")}


def test_a_wrong_checksum_names_the_address_and_both_sums_and_keeps_the_data_fetched_before(
    desk: Desk, address: str, fetched: dict[str, bytes]
):
    wrong = "0" * 64
    desk.describe(data={"source": "address", "files": [{"url": f"{address}/table.csv", "sha256": wrong}]})
    desk.run("define")
    told = desk.run("fetch")
    assert told.code == 1
    right = hashlib.sha256(table().encode()).hexdigest()
    assert_says(
        told.text, (f"{address}/table.csv: wrong checksum", f"expected {wrong}", f"got      {right}", "`sha256`")
    )
    assert {name: content for name, content in desk.files().items() if name.startswith("data/raw")} == fetched


def test_a_mirror_s_file_with_a_wrong_checksum_is_passed_over_and_named(
    desk: Desk, address: str, fetched: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory, monkeypatch
):
    mirror = tmp_path_factory.mktemp("mirror")
    (mirror / "gone.csv").write_text("size,label\n1,yes\n")
    monkeypatch.setenv("DATA_MIRROR", str(mirror))
    desk.describe(data={"source": "address", "files": [{"url": f"{address}/gone.csv", "sha256": "1" * 64}]})
    desk.run("define")
    told = desk.run("fetch")
    assert told.code == 1
    assert_says(
        told.text, ("gone.csv: skipped, its checksum is", "the server answered 404", "its SHA-256 must be 1111")
    )
    assert {name: content for name, content in desk.files().items() if name.startswith("data/raw")} == fetched
