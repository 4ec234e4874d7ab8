"""The raw folder holds what the source says, whole and checksummed, or stays as it was."""

import errno
import gzip
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from src.core.errors import UserError
from src.core.mirror import VARIABLE
from src.datasets import fetch_source
from src.problem.sources import LocalSource, RemoteSource, SklearnSource
from tests.datasets.conftest import Server

TABLE = b"a,b\n1,2\n"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace with a data folder and an empty mirror."""
    (tmp_path / "local").mkdir()
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mirror"))
    monkeypatch.setattr("src.datasets.download.WAITS", ())
    return tmp_path


def get(folders: Path, source: Any) -> list[str]:
    fetch_source(source, folders / "raw", folders / "local", folders / "downloads")
    return sorted(path.name for path in (folders / "raw").iterdir())


def local(path: str = "t.csv") -> LocalSource:
    return LocalSource.model_validate({"source": "file", "path": path})


def remote(content: bytes, *urls: str, **more: Any) -> RemoteSource:
    digest = hashlib.sha256(content).hexdigest()
    files = [{"url": url, "sha256": digest, **more} for url in urls]
    return RemoteSource.model_validate({"source": "address", "files": files})


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        path.name: (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(folder.iterdir())
    }


def test_a_local_file_is_copied_with_its_checksum(folders: Path) -> None:
    (folders / "local" / "t.csv").write_bytes(TABLE)

    assert get(folders, local()) == ["manifest.json", "t.csv"]

    manifest = json.loads((folders / "raw" / "manifest.json").read_text())
    digest = hashlib.sha256(TABLE).hexdigest()
    assert [(f["name"], f["bytes"], f["sha256"], f["role"]) for f in manifest["files"]] == [("t.csv", 8, digest, "any")]
    assert (folders / "raw" / "t.csv").read_bytes() == TABLE


@pytest.mark.parametrize("kind", ["file", "sklearn", "address", "archive"])
def test_fetching_again_touches_nothing(folders: Path, kind: str) -> None:
    (folders / "local" / "t.csv").write_bytes(TABLE)
    (folders / "mirror" / "m.csv").write_bytes(TABLE)
    packed = gzip.compress(TABLE, mtime=0)
    (folders / "mirror" / "p.csv.gz").write_bytes(packed)
    source = {
        "file": local(),
        "sklearn": SklearnSource(source="sklearn", name="iris"),
        "address": remote(TABLE, "https://example.org/m.csv"),
        "archive": remote(packed, "https://example.org/p.csv.gz"),
    }[kind]
    get(folders, source)
    before = snapshot(folders / "raw")
    shutil.rmtree(folders / "mirror")
    (folders / "mirror").mkdir()

    get(folders, source)

    assert snapshot(folders / "raw") == before


def test_what_another_source_left_is_removed(folders: Path) -> None:
    (folders / "local" / "t.csv").write_bytes(TABLE)
    get(folders, local())

    assert get(folders, SklearnSource(source="sklearn", name="wine")) == ["manifest.json", "table.parquet"]


def test_a_damaged_or_strange_file_in_the_raw_folder_is_put_right(folders: Path) -> None:
    (folders / "local" / "t.csv").write_bytes(TABLE)
    get(folders, local())
    (folders / "raw" / "t.csv").write_bytes(b"damaged")
    assert get(folders, local()) == ["manifest.json", "t.csv"]
    assert (folders / "raw" / "t.csv").read_bytes() == TABLE

    (folders / "raw" / "stranger").touch()
    assert get(folders, local()) == ["manifest.json", "t.csv"]


def test_a_changed_local_file_is_copied_again(folders: Path) -> None:
    (folders / "local" / "t.csv").write_bytes(TABLE)
    get(folders, local())
    (folders / "local" / "t.csv").write_bytes(TABLE + b"3,4\n")

    get(folders, local())

    assert (folders / "raw" / "t.csv").read_bytes() == TABLE + b"3,4\n"


def test_a_missing_local_file_is_told_with_the_nearest_name(folders: Path) -> None:
    (folders / "local" / "churn.csv").write_bytes(TABLE)

    with pytest.raises(UserError, match=r"local/chrun.csv does not exist; did you mean 'churn.csv'\?"):
        get(folders, local("chrun.csv"))

    assert not (folders / "raw").exists()


def test_a_missing_local_file_in_an_empty_folder_says_what_to_do(folders: Path) -> None:
    with pytest.raises(UserError, match=r"does not exist; copy your file into .*local first"):
        get(folders, local())


def test_links_of_the_user_are_followed_out_of_the_local_folder(folders: Path) -> None:
    (folders / "disk").mkdir()
    (folders / "disk" / "big.csv").write_bytes(TABLE)
    (folders / "local" / "t.csv").symlink_to(folders / "disk" / "big.csv")
    (folders / "local" / "reviews").mkdir()
    (folders / "local" / "reviews" / "a.csv").symlink_to(folders / "disk" / "big.csv")

    get(folders, local())
    assert not (folders / "raw" / "t.csv").is_symlink()
    assert (folders / "raw" / "t.csv").read_bytes() == TABLE
    assert get(folders, members_of("reviews")) == ["manifest.json", "table.parquet"]


@pytest.mark.parametrize("target", ["disk", "nowhere"])
@pytest.mark.parametrize(
    ("link", "source"),
    [
        ("reviews", {"path": "reviews", "members": ".*csv"}),
        ("reviews", {"path": "reviews/a.csv"}),
        ("more/reviews", {"path": "more", "members": ".*csv"}),
        ("more/reviews", {"path": "more/reviews/a.csv"}),
    ],
)
def test_links_in_which_changes_or_rows_would_be_lost_are_refused(
    folders: Path, target: str, link: str, source: dict[str, str]
) -> None:
    (folders / "disk").mkdir()
    (folders / "disk" / "a.csv").write_bytes(TABLE)
    (folders / "local" / "more").mkdir()
    (folders / "local" / link).symlink_to(folders / target)
    told = "is a link to a folder, and DVC .* cp -rs" if target == "disk" else "is a broken link"

    with pytest.raises(UserError, match=f"{link} {told}"):
        get(folders, LocalSource.model_validate({"source": "file"} | source))


def members_of(path: str) -> LocalSource:
    return LocalSource.model_validate({"source": "file", "path": path, "members": ".*csv"})


def test_the_mirror_is_searched_by_name_and_the_checksum_decides(folders: Path) -> None:
    for sub, content in (("a", b"other"), ("b/c", TABLE), ("d", b"another")):
        (folders / "mirror" / sub).mkdir(parents=True)
        (folders / "mirror" / sub / "t.csv").write_bytes(content)

    assert get(folders, remote(TABLE, "https://example.org/path/t.csv?raw=1")) == ["manifest.json", "t.csv"]
    assert (folders / "raw" / "t.csv").read_bytes() == TABLE
    assert not (folders / "downloads").exists()


@pytest.mark.parametrize("damaged", [b"", b"no gzip", gzip.compress(TABLE)[:-3]], ids=["empty", "other", "cut"])
def test_the_mirror_may_hold_a_file_compressed(folders: Path, damaged: bytes) -> None:
    (folders / "mirror" / "a").mkdir()
    (folders / "mirror" / "a" / "t.csv.gz").write_bytes(damaged)
    (folders / "mirror" / "t.csv.gz").write_bytes(gzip.compress(TABLE))

    assert get(folders, remote(TABLE, "https://example.org/t.csv")) == ["manifest.json", "t.csv"]
    assert (folders / "raw" / "t.csv").read_bytes() == TABLE


def test_without_mirror_the_network_is_asked_and_the_download_kept(
    folders: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    server.files["/t.csv"] = TABLE
    source = remote(TABLE, f"{server.address}/t.csv")
    get(folders, source)
    shutil.rmtree(folders / "raw")

    get(folders, source)

    assert (folders / "raw" / "t.csv").read_bytes() == TABLE
    assert len(server.requests) == 1


def test_a_wrong_file_in_the_mirror_does_not_keep_the_network_from_being_asked(folders: Path, server: Server) -> None:
    (folders / "mirror" / "t.csv").write_bytes(b"other")
    server.files["/t.csv"] = TABLE

    get(folders, remote(TABLE, f"{server.address}/t.csv"))

    assert (folders / "raw" / "t.csv").read_bytes() == TABLE


def test_a_missing_network_is_told_with_the_way_round_it(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = remote(TABLE, "http://127.0.0.1:9/t.csv")

    with pytest.raises(UserError, match=r"put t\.csv into DATA_MIRROR \(.*mirror\); its SHA-256 must be"):
        get(folders, source)
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(UserError, match=r"put t\.csv into a folder and name the folder in the variable DATA_MIRROR"):
        get(folders, source)

    assert not (folders / "raw").exists()


def test_a_mirror_that_is_no_folder_is_told(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(folders / "nowhere"))

    with pytest.raises(UserError, match=r"DATA_MIRROR=.*nowhere is not a folder"):
        get(folders, remote(TABLE, "https://example.org/t.csv"))


def test_a_wrong_checksum_keeps_what_was_there(folders: Path, server: Server) -> None:
    (folders / "local" / "t.csv").write_bytes(TABLE)
    get(folders, local())
    before = snapshot(folders / "raw")
    server.files["/t.csv"] = b"changed"

    with pytest.raises(UserError, match="wrong checksum"):
        get(folders, remote(b"as it was", f"{server.address}/t.csv"))

    assert snapshot(folders / "raw") == before
    assert not [path for path in folders.iterdir() if "partial" in path.name]


def test_files_of_one_name_do_not_overwrite_each_other(folders: Path) -> None:
    (folders / "mirror" / "t.csv").write_bytes(TABLE)
    source = remote(TABLE, "https://example.org/red/t.csv", "https://example.org/white/t.csv")

    assert get(folders, source) == ["2-t.csv", "manifest.json", "t.csv"]


def test_a_file_named_like_the_manifest_gets_another_name(folders: Path) -> None:
    (folders / "local" / "manifest.json").write_bytes(b"a\n1\n")

    assert get(folders, local("manifest.json").model_copy(update={"format": "csv"})) == [
        "1-manifest.json",
        "manifest.json",
    ]


def test_a_full_disk_is_told_and_leaves_nothing(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (folders / "local" / "t.csv").write_bytes(TABLE)
    monkeypatch.setattr("src.datasets.fetching.shutil.copyfile", full)

    with pytest.raises(UserError, match=r"the disk is full: .*raw was not written; free some space"):
        get(folders, local())

    assert sorted(path.name for path in folders.iterdir()) == ["local", "mirror"]
