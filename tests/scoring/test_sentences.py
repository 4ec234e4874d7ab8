"""Words to score: rows that are no words of a sentence are refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from src.inference import Model, ModelCard
from src.networks import build_network
from src.preprocessing.fold import fit_fold
from src.problem import Reading
from src.scoring.checks import NO_WORD, TORN, RowChecks
from tests.kinds.sentences import table_of

NETWORK = {"kind": "tagger", "reader": "lstm", "characters": "lstm", "units": [8], "embedding": 6, "character_units": 4}


@pytest.fixture(scope="module")
def model() -> Model:
    """An untrained network."""
    table, every = table_of(30), np.arange(len(table_of(30)))
    fold = fit_fold(table, every, every[:0])
    network = build_network(NETWORK, fold.x_AD.shape[1], 4)
    card = ModelCard(
        table=table.schema, vectorizer=fold.vectorizer, target_scaler=None, network=NETWORK, inputs=fold.x_AD.shape[1]
    )
    return Model(card, [{name: value.numpy().copy() for name, value in network.state_dict().items()}])


def test_rows_without_a_word_or_a_sentence_are_refused(model: Model, tmp_path: Path):
    rows = pa.table({"word": ["the", "", "None", "glim"], "sentence": ["a", "a", "a", ""]})
    checked = RowChecks(model, Reading(), tmp_path / "none.json", strict=False).check(rows)
    assert checked.accepted_N.tolist() == [True, False, True, False]
    assert [(fault.column, fault.check, fault.rows.tolist()) for fault in checked.faults] == [
        ("word", NO_WORD, [1]),
        ("sentence", NO_WORD, [3]),
    ]


def test_rows_of_a_sentence_that_has_ended_are_refused(model: Model, tmp_path: Path):
    rows = pa.table({"word": list("vwxyz"), "sentence": ["a", "a", "b", "a", "c"]})
    checked = RowChecks(model, Reading(), tmp_path / "none.json", strict=False).check(rows)
    [fault] = checked.faults
    assert (fault.column, fault.check, fault.rows.tolist()) == ("sentence", TORN, [3])
    assert fault.reason(0) == f"'a' {TORN}"
