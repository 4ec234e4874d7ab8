"""The nearest training row of each sample, against a search of all rows."""

from pathlib import Path

import numpy as np
import pytest

from src.inputs.pictures import ClassedPictures
from src.saved import neighbours
from src.saved.model_folder import DamagedModelError
from src.saved.neighbours import TRAINING, Neighbours


def table(count: int, seed: int) -> np.ndarray:
    """Places of a number with gaps, and of one of three categories."""
    rng = np.random.default_rng(seed)
    gap_N = rng.random(count) < 0.2
    number_N = np.where(gap_N, 0, rng.integers(-40, 40, count))
    return np.column_stack([number_N, gap_N, rng.integers(0, 3, count), np.full(count, 3)]).astype(np.float32)


def test_rows_of_a_table_are_compared_in_standardized_columns(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(neighbours, "AT_ONCE", 20)
    x_NI, x_SI, rows_N = table(70, 0), table(30, 1), np.arange(70) * 3
    spread = x_NI[x_NI[:, 1] == 0, 0].std()
    squares_SN = ((x_SI[:, None, 0] - x_NI[None, :, 0]) / spread) ** 2 + (x_SI[:, None, 1] - x_NI[None, :, 1]) ** 2
    distance_SN = np.sqrt(squares_SN + (x_SI[:, None, 2] != x_NI[None, :, 2]))
    nearest = Neighbours(rows_N, x_NI).nearest(x_SI)
    np.testing.assert_allclose(nearest.distance_S, distance_SN.min(axis=1), rtol=1e-6)
    np.testing.assert_allclose(distance_SN[np.arange(30), nearest.place_S], distance_SN.min(axis=1), rtol=1e-6)
    assert nearest.row_S.tolist() == rows_N[nearest.place_S].tolist()


def test_a_copy_has_the_distance_zero_and_the_number_of_its_row():
    x_NI = np.unique(table(70, 0), axis=0)
    nearest = Neighbours(np.arange(len(x_NI)) + 100, x_NI).nearest(x_NI[5:9])
    assert nearest.row_S.tolist() == [105, 106, 107, 108]
    assert nearest.distance_S.tolist() == [0, 0, 0, 0]


def test_pictures_are_compared_by_their_pixels():
    rng = np.random.default_rng(0)
    x_NCHW, x_SCHW = (rng.integers(0, 256, (count, 1, 4, 3)).astype(np.uint8) for count in (50, 6))
    away_SN = np.linalg.norm((x_SCHW[:, None] / 255 - x_NCHW / 255).reshape(6, 50, -1), axis=2)
    nearest = Neighbours(np.arange(50), x_NCHW).nearest(ClassedPictures(x_SCHW, np.zeros(6, np.int64)))
    assert nearest.place_S.tolist() == away_SN.argmin(axis=1).tolist()
    np.testing.assert_allclose(nearest.distance_S, away_SN.min(axis=1), rtol=1e-5)


def test_kept_rows_are_read_as_they_were_written_and_damage_is_named(tmp_path: Path):
    assert Neighbours.read(tmp_path) is None
    Neighbours(np.arange(9), table(9, 0)).save(tmp_path)
    kept = (tmp_path / TRAINING).read_bytes()
    read = Neighbours.read(tmp_path)
    assert read is not None
    assert read.x_N.tolist() == table(9, 0).tolist()
    read.save(tmp_path)
    assert (tmp_path / TRAINING).read_bytes() == kept
    (tmp_path / TRAINING).write_bytes(kept[:50])
    with pytest.raises(DamagedModelError, match=r"training_rows\.npz holds no readable training rows"):
        Neighbours.read(tmp_path)
