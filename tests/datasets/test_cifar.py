"""CIFAR-10's binary files as a table, and a mirror's archive of other files in their place."""

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.core.errors import UserError
from src.core.mirror import VARIABLE
from src.datasets import fetch_source, read_table
from src.inputs.pictures import Shape, packed, pixels_of
from src.problem.sources import RemoteSource

PIXELS_NCHW = np.random.default_rng(0).integers(0, 255, (3, 3, 32, 32), dtype=np.uint8)
LABELS = np.array([1, 0, 1], dtype=np.uint8)
RECORDS = np.hstack([LABELS[:, None], PIXELS_NCHW.reshape(3, -1)]).tobytes()


def archive(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"bin/{name.replace('_', '.')}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def source(folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch, **options: Any) -> RemoteSource:
    monkeypatch.setenv(VARIABLE, str(folder))
    (folder / "c.tar.gz").write_bytes(content)
    file = {"url": "https://example.org/c.tar.gz", "sha256": hashlib.sha256(content).hexdigest(), "content": "cifar"}
    return RemoteSource.model_validate({"source": "address", "files": [file | {"members": "bin/.*"} | options]})


def test_records_become_rows_with_the_names_of_their_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = source(tmp_path, archive(a_bin=RECORDS, batches_meta_txt=b"cat\ndog\n"), monkeypatch)
    fetch_source(data, tmp_path / "raw", tmp_path)
    table = read_table(data, tmp_path / "raw", {})
    np.testing.assert_array_equal(pixels_of(table["image"].tolist(), Shape(3, 32, 32)), PIXELS_NCHW)
    assert table["label"].tolist() == ["dog", "cat", "dog"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a_bin": RECORDS}, "label names are missing"),
        ({"a_bin": RECORDS[:-1], "batches_meta_txt": b"cat\ndog"}, r"a.bin is 9,218 bytes long, not records of 3,073"),
        ({"a_bin": RECORDS, "batches_meta_txt": b"cat"}, "has the label 1, but batches.meta.txt has 1 names"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path, monkeypatch, files: dict[str, bytes], message: str):
    with pytest.raises(UserError, match=message):
        fetch_source(source(tmp_path, archive(**files), monkeypatch), tmp_path / "raw", tmp_path)


def test_a_mirror_may_hold_a_part_as_files_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    [picture] = packed(PIXELS_NCHW[:1].transpose(0, 2, 3, 1))
    part = archive(dog_ppm=picture)
    (tmp_path / "part.tar.gz").write_bytes(part)
    repacked = {
        "name": "part.tar.gz",
        "sha256": hashlib.sha256(part).hexdigest(),
        "members": "bin/(?P<label>[a-z]+)[.]ppm",
        "content": "image",
    }
    data = source(tmp_path, archive(a_bin=RECORDS, batches_meta_txt=b"cat\ndog"), monkeypatch, repacked=repacked)
    fetch_source(data, tmp_path / "raw", tmp_path)
    table = read_table(data, tmp_path / "raw", {})
    assert table["label"].tolist() == ["dog"]
    assert table["image"].tolist() == [picture]
