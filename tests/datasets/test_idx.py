"""Files of MNIST's format as a table."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from src.core.errors import UserError
from src.core.mirror import VARIABLE
from src.datasets import fetch_source, read_table
from src.inputs.pictures import Shape, pixels_of
from src.problem.sources import RemoteSource

PIXELS = np.random.default_rng(0).integers(0, 255, (4, 3, 5), dtype=np.uint8)
LABELS = np.array([7, 0, 7, 2], dtype=np.uint8)


def idx(values: np.ndarray) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def source(folder: Path, pictures: bytes, labels: bytes, monkeypatch: pytest.MonkeyPatch) -> RemoteSource:
    """The files in a mirror, compressed as their publisher does it."""
    monkeypatch.setenv(VARIABLE, str(folder))
    files = {}
    for name, content in (("pictures", pictures), ("labels", labels)):
        packed = gzip.compress(content)
        (folder / f"{name}.gz").write_bytes(packed)
        files[name] = {"url": f"https://example.org/{name}.gz", "sha256": hashlib.sha256(packed).hexdigest()}
    return RemoteSource.model_validate(
        {"source": "address", "files": [files["pictures"] | {"labels": files["labels"]}]}
    )


def test_pictures_and_labels_become_the_rows_of_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = source(tmp_path, idx(PIXELS), idx(LABELS), monkeypatch)
    fetch_source(data, tmp_path / "raw", tmp_path)
    table = read_table(data, tmp_path / "raw", {})
    np.testing.assert_array_equal(pixels_of(table["image"].tolist(), Shape(1, 3, 5))[:, 0], PIXELS)
    assert table["label"].tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("pictures", "labels", "message"),
    [
        (idx(PIXELS), idx(LABELS[:3]), "4 pictures and labels 3 labels"),
        (idx(LABELS), idx(LABELS), "pictures is not an IDX file of pictures"),
        (idx(PIXELS), idx(PIXELS), "labels is not an IDX file of labels"),
        (idx(PIXELS)[:-1], idx(LABELS), "pictures is not as long as its header says"),
        (idx(PIXELS)[:6], idx(LABELS), "pictures is not as long as its header says"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path, monkeypatch, pictures: bytes, labels: bytes, message: str):
    with pytest.raises(UserError, match=message):
        fetch_source(source(tmp_path, pictures, labels, monkeypatch), tmp_path / "raw", tmp_path)
