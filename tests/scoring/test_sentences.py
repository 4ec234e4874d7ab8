"""Words to score: rows that are no words of a sentence are refused."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from src.networks import build_network
from src.preparation.fold import fit_fold
from src.problem.sources import Reading
from src.saved.network_model import NetworkCard, NetworkModel
from src.scoring import rows as scored_rows
from src.scoring import table as scored_table
from src.scoring.checks import NO_WORD, TORN, RowChecks
from tests.kinds.sentences import table_of
from tests.kinds.workflow import new_layout

NETWORK = {
    "architecture": "tagger",
    "reader": "lstm",
    "characters": "lstm",
    "units": [8],
    "embedding": 6,
    "character_units": 4,
}


@pytest.fixture(scope="module")
def model() -> NetworkModel:
    """An untrained network."""
    table, every = table_of(30), np.arange(len(table_of(30)))
    fold = fit_fold(table, every, every[:0])
    network = build_network(NETWORK, fold.x_AD.shape[1], 4)
    card = NetworkCard(
        table=table.schema, vectorizer=fold.vectorizer, target_scaler=None, network=NETWORK, inputs=fold.x_AD.shape[1]
    )
    return NetworkModel(card, [{name: value.numpy().copy() for name, value in network.state_dict().items()}])


def test_rows_without_a_word_or_a_sentence_are_refused(model: NetworkModel, tmp_path: Path):
    rows = pa.table({"word": ["the", "", "None", "glim"], "sentence": ["a", "a", "a", ""]})
    checked = RowChecks(model, Reading(), tmp_path / "none.json", strict=False).check(rows)
    assert checked.accepted_N.tolist() == [True, False, True, False]
    assert [(fault.column, fault.check, fault.rows.tolist()) for fault in checked.faults] == [
        ("word", NO_WORD, [1]),
        ("sentence", NO_WORD, [3]),
    ]


def test_rows_of_a_sentence_that_has_ended_are_refused(model: NetworkModel, tmp_path: Path):
    rows = pa.table({"word": list("vwxyz"), "sentence": ["a", "a", "b", "a", "c"]})
    checked = RowChecks(model, Reading(), tmp_path / "none.json", strict=False).check(rows)
    [fault] = checked.faults
    assert (fault.column, fault.check, fault.rows.tolist()) == ("sentence", TORN, [3])
    assert fault.reason(0) == f"'a' {TORN}"


def test_a_file_of_words_is_scored_sentence_by_sentence(
    model: NetworkModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    layout = new_layout("tagger", tmp_path)
    problem = {"question": "?", "data": {"source": "file", "path": "new.csv"}, "target": "tag", "type": "multiclass"}
    layout.problem_file.write_text(yaml.safe_dump(problem | {"columns": {"word": "token"}, "groups": "sentence"}))
    frame = table_of(5).frame[["word", "sentence"]]
    bad = pd.DataFrame({"word": ["", "late"], "sentence": ["s4", "s0"]})
    pd.concat([frame, bad]).to_csv(tmp_path / "new.csv", index=False)
    registered = SimpleNamespace(load=lambda: model, version=1)
    monkeypatch.setattr(scored_table, "find_model", lambda *_: registered)
    monkeypatch.setattr(scored_rows, "ROWS", 7)
    order = scored_table.Order("tagger", tmp_path / "new.csv", tmp_path / "out.csv", keep=("word",))

    outcome = scored_table.score_table(order, tmp_path)

    assert (outcome.rows, outcome.scored, outcome.refused_rows) == (len(frame) + 2, len(frame), 2)
    assert [each.reason for each in outcome.first] == [NO_WORD, f"'s0' {TORN}"]
    told = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert told["word"].tolist() == frame["word"].tolist()
    assert told["predicted"].tolist() == model.predict(frame)["predicted"].tolist()
