"""Pictures that do not fit into memory stay on disk, and every result is the same."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from src.inputs import picture_file
from src.inputs.picture_file import PixelsOnDisk, Row
from src.judging.baselines import shallow
from src.kinds.image.encoding import decoded
from src.models.measures import TABLE
from src.preparation.fold import fit_fold
from src.problem.training import Engine
from src.tables.protocols import Split
from src.tables.table import Table, read_table
from src.training.fit import fit
from src.training.members import Member
from tasks.prepare import _write_table
from tests.kinds.pictures import table_of
from tests.kinds.test_image import candidate

SPLIT = Split(0, 0, np.arange(60), np.arange(60, 80))


def both_ways(monkeypatch: pytest.MonkeyPatch, made: Callable[[], Any]) -> tuple[Any, Any]:
    """What comes of it in memory, and with no memory for pictures."""
    in_memory = made()
    monkeypatch.setattr(picture_file, "IN_MEMORY", 0.0)
    return in_memory, made()


def written(folder: Path) -> Table:
    """A table that was prepared and is read again."""
    table = table_of(80, channels=3)
    frame = decoded(table.frame, table.schema.features).assign(__row__=np.arange(80))
    folder.mkdir(exist_ok=True)
    _write_table(frame, folder, table.schema)
    return read_table(folder, table.schema)


def test_a_prepared_table_has_the_same_bytes_and_the_log_says_what_stays_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("tasks.prepare.AT_ONCE", 32)
    caplog.set_level(logging.INFO, "workflow")
    folders = iter([tmp_path / "memory", tmp_path / "disk"])
    in_memory, on_disk = both_ways(monkeypatch, lambda: written(next(folders)))
    assert (tmp_path / "memory/table.parquet").read_bytes() == (tmp_path / "disk/table.parquet").read_bytes()
    assert "80 pictures of 203 bytes are read from disk" in caplog.text
    assert isinstance(on_disk.frame["image"][0], Row)
    pd.testing.assert_frame_equal(on_disk.frame.assign(image=on_disk.frame["image"].map(bytes)), in_memory.frame)


def test_networks_and_shallow_models_learn_the_same_from_pictures_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    member = Member.of_split(candidate(augmentation="colour").model_copy(update={"epochs": 2}), SPLIT, 0)

    def learnt() -> tuple[Any, ...]:
        table = written(tmp_path)
        fold = fit_fold(table, SPLIT.training, SPLIT.validation)
        predicted = shallow("linear", table, SPLIT, 0)
        [trained] = fit([member], table, TABLE["accuracy"], Engine(workers=1), "bars")
        return isinstance(fold.x_AD.pixels_NCHW, PixelsOnDisk), fold.vectorizer, predicted, trained

    (_, vectorizer, predicted, trained), (streams, *on_disk) = both_ways(monkeypatch, learnt)
    assert streams
    assert on_disk[0] == vectorizer
    np.testing.assert_array_equal(on_disk[1], predicted)
    np.testing.assert_array_equal(on_disk[2].predictions, trained.predictions)
    for name, weights in trained.weights.items():
        np.testing.assert_array_equal(on_disk[2].weights[name], weights)
