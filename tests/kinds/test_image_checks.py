"""The data checks on columns of pictures fire on bad pictures, and are made where there are pictures alone."""

import base64
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from src.kinds.checks import checks_for
from src.kinds.image.checks import (
    contradicting_pictures,
    mixed_channels,
    undecodable_pictures,
    uneven_pictures,
)
from src.preparation.fold import fit_fold
from src.problem.sources import Reading
from src.saved.network_model import NetworkCard, NetworkModel
from src.scoring.checks import RowChecks
from src.tables.facts import TableFacts
from tests.kinds.pictures import SIZE, bars, file_of, table_of
from tests.validation.tables import facts, good_frame

PICTURES = [file_of(pixels) for pixels in bars(len(good_frame()))[0]]


def with_pictures(changes: dict[int, object]) -> TableFacts:
    files = pd.Series([changes.get(i, file) for i, file in enumerate(PICTURES)], dtype=object)
    return facts(good_frame().assign(image=files, answer=pd.Series(["yes", "no"] * 60, dtype="str")), type="binary")


def grey(height: int, width: int) -> bytes:
    return file_of(np.zeros((height, width, 1), np.uint8))


def test_good_pictures_pass():
    table = with_pictures({})
    assert table.types["image"] == "image"
    assert [list(check(table)) for check in checks_for(table).values()] == [[], [], [], []]


def test_gaps_and_damaged_files_are_errors():
    [issue] = undecodable_pictures(with_pictures({2: None, 5: PICTURES[5][:50], 8: b"<html>"}))
    assert (issue.severity, issue.column, issue.count, issue.rows) == ("error", "image", 3, [2, 5, 8])


def test_the_same_picture_under_two_labels_is_found():
    [issue] = contradicting_pictures(with_pictures({4: PICTURES[9], 20: PICTURES[30]}))
    assert (issue.severity, issue.count, issue.rows) == ("warning", 2, [4, 9])


def test_pictures_of_another_shape_and_tiny_ones_are_found():
    stretched, tiny = uneven_pictures(with_pictures({1: grey(SIZE, 3 * SIZE), 3: grey(4, 4)}))
    assert (stretched.rows, tiny.rows) == ([1], [3])


def test_grey_pictures_among_colours_are_found():
    [issue] = mixed_channels(with_pictures({7: file_of(bars(1, channels=3)[0][0])}))
    assert issue.rows == [7]


def test_rows_to_score_hold_pictures_as_bytes_or_as_base64_and_damaged_ones_are_refused(tmp_path: Path):
    table = table_of(4)
    fold = fit_fold(table, np.arange(4), np.arange(0))
    network = {"architecture": "dense_on_pictures", "units": [2], "size": [SIZE, SIZE]}
    card = NetworkCard(table=table.schema, vectorizer=fold.vectorizer, target_scaler=None, network=network, inputs=1)
    checks = RowChecks(NetworkModel(card, []), Reading(), tmp_path / "none.json", strict=False)
    files = [PICTURES[0], b"<html>", PICTURES[1], None]
    as_text = [None if file is None else base64.b64encode(file).decode() for file in files]
    for rows in (pa.array(files, pa.binary()), pa.array(as_text)):
        checked = checks.check(pa.table({"image": rows}))
        assert checked.accepted_N.tolist() == [True, False, True, False]
        assert checked.frame["image"].tolist()[::2] == [PICTURES[0], PICTURES[1]]
    [wrong, missing] = checks.check(pa.table({"image": ["not base64", None]})).faults
    assert wrong.reason(0) == "'not base64' is not a picture's file: bytes, or base64 as text"
    assert missing.rows.tolist() == [0, 1]
