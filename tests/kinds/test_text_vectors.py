"""Vectors of words that networks start from: read from a file, known for the words of a fold, frozen or trained."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from src.core.errors import UserError
from src.datasets import fetch_source, vectors_file
from src.inputs.vectors import WordVectors, read_vectors
from src.kinds.registry import kind_of
from src.kinds.text.start import with_vectors
from src.models.measures import TABLE
from src.preparation.fold import fit_fold
from src.problem.sources import VectorsFile
from src.problem.steps import FetchSettings
from src.problem.training import Engine, OverfitLadder, Training
from src.results.data import Prepared
from src.saved.saved_model import load_model
from src.tables.protocols import Split
from src.tables.table import Table
from src.tracking.identity import name_of, recorded_key, workflow_name
from src.training.fit import fit
from src.training.members import Member, Trained
from tests.kinds.texts import reviews, table_of
from tests.kinds.workflow import folder_of, new_layout, run_every_step
from tests.training.examples import candidate, folds_of

WORDS = ["the", "film", "dull", "boring", "wonderful", "joy"]
LINES = [f"{word} {place}.5 -0.25 1e-1" for place, word in enumerate(WORDS)]


def written(folder: Path, lines: list[str]) -> Path:
    file = folder / "vectors.txt"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def table(tmp_path: Path) -> Table:
    plain = table_of(40, encoding="sequence", network="embedding")
    vectors, features, _ = with_vectors(plain.frame, plain.schema.features, written(tmp_path, LINES), "auto")
    schema = plain.schema.model_copy(update={"features": features})
    return Table(schema, plain.frame, plain.y_NT, plain.w_N, plain.rows_N, vectors)


def trained(table: Table, frozen: bool, epochs: int, **changes: Any) -> list[Trained]:
    rung = kind_of(table.schema.features).ladders["predict"](table.schema.features, OverfitLadder(), Training())[0]
    config = candidate(learning_rate=0.01, epochs=epochs, **changes)
    config = config.model_copy(update={"network": rung.changed(frozen=frozen)})
    members = [Member.of_split(config, split, 0) for split in folds_of(len(table))]
    return fit(members, table, TABLE["accuracy"], Engine(workers=1), "vectors")


def given(table: Table, of: Trained) -> tuple[np.ndarray, np.ndarray]:
    """The vectors that the file has for a fold's words, and where they stand among the network's."""
    known_WE = table.vectors.of(of.vectorizer.by.vocabulary)
    places = np.flatnonzero(np.isfinite(known_WE).all(axis=1))
    return known_WE[places], places + 2


def test_a_file_of_glove_or_word2vec_gives_the_vectors_of_the_words_asked_for(tmp_path: Path):
    glove = read_vectors(written(tmp_path, LINES), {"film", "joy", "unheard"}, "v")
    assert glove.words == ["film", "joy"]
    np.testing.assert_array_equal(glove.vectors_WE, np.array([[1.5, -0.25, 0.1], [5.5, -0.25, 0.1]], np.float32))
    of_words = glove.of(["unheard", "joy"])
    assert np.isnan(of_words[0]).all()
    assert of_words[1].tolist() == glove.vectors_WE[1].tolist()
    word2vec = written(tmp_path, ["6 3", *(f"{line} " for line in LINES), ". . . 1 2 3", "joy 9 9 9"])
    again = read_vectors(word2vec, {"film", "joy", "unheard"}, "v")
    assert again.words == glove.words
    assert (again.vectors_WE == glove.vectors_WE).all()
    glove.save(tmp_path / "kept.npz")
    kept = WordVectors.load(tmp_path / "kept.npz")
    assert kept.words == glove.words
    assert (kept.vectors_WE == glove.vectors_WE).all()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([*LINES, "short 1 2"], "glove.txt line 7: a word and 3 numbers are expected, found a word and 2 numbers"),
        ([*LINES, "long 1 2 3 4"], "glove.txt line 7: a word and 3 numbers are expected, found a word and 4 numbers"),
        ([LINES[0], "", LINES[1]], "glove.txt line 2: a word and 3 numbers are expected, found an empty line"),
        (["6 3", "film 1 x 3"], "glove.txt line 2: 'x' among the numbers of 'film' is none"),
        (["film 1 inf 3"], "glove.txt line 1: 'inf' among the numbers of 'film' is none"),
        (["6 3"], None),
        ([], "glove.txt line 1: a word and 1 numbers are expected, found an empty line"),
    ],
)
def test_a_line_that_is_no_vector_is_named(tmp_path: Path, lines: list[str], told: str | None):
    file = written(tmp_path, lines)
    if told is None:
        assert read_vectors(file, {"film"}, "glove.txt").vectors_WE.shape == (0, 3)
        return
    with pytest.raises(UserError) as error:
        read_vectors(file, {"film"}, "glove.txt")
    assert str(error.value).startswith(told)


def test_frozen_vectors_stay_bit_by_bit_and_others_learn(table: Table):
    still, moved = (trained(table, frozen, epochs=5, l2=0.01) for frozen in (True, False))
    assert len(still) == 3
    for frozen, other in zip(still, moved, strict=True):
        vectors, places = given(table, frozen)
        assert len(places) >= 4
        assert frozen.weights["embed.weight"][places].tobytes() == vectors.tobytes()
        assert (other.weights["embed.weight"][places] != vectors).any(axis=1).all()
        without = np.setdiff1d(np.arange(2, len(frozen.vectorizer.by.vocabulary) + 2), places)
        random_WE = frozen.weights["embed.weight"][without]
        assert len(without)
        assert np.isfinite(random_WE).all()
        assert 0 < np.abs(random_WE).max() < 1
    assert still[0].history.training_loss[-1] < still[0].history.training_loss[0]


def test_every_fold_starts_from_the_vectors_of_its_own_words_whatever_trains_it(table: Table):
    config = trained(table, frozen=False, epochs=1)[0].member.candidate
    splits = [Split(0, fold, np.arange(10 * fold, 10 * fold + 20), np.arange(0)) for fold in range(2)]
    members = [Member.of_split(config, split, 0) for split in splits]
    stacked = fit(members, table, TABLE["accuracy"], Engine(workers=1), "together")
    alone = [fit([member], table, TABLE["accuracy"], Engine(workers=1), "alone")[0] for member in members]
    assert stacked[0].vectorizer != stacked[1].vectorizer
    for one, other in zip(stacked, alone, strict=True):
        np.testing.assert_allclose(one.weights["embed.weight"], other.weights["embed.weight"], atol=1e-6)


def test_changing_a_held_out_text_changes_no_vector_that_a_fold_starts_from(table: Table):
    training, validation = np.arange(30), np.arange(30, 40)
    before = fit_fold(table, training, validation)
    table.frame.loc[35, "review"] = "joy joy unheard of"
    after = fit_fold(table, training, validation)
    assert before.start["embed.weight"].tobytes() == after.start["embed.weight"].tobytes()


def test_the_search_tries_both_where_the_problem_leaves_it_open(table: Table):
    features = table.schema.features
    kind = kind_of(features)
    assert kind.options(features)["frozen"] == (True, False)
    assert {rung.embedding for rung in kind.ladders["predict"](features, OverfitLadder(), Training())} == {3}


def test_fetching_keeps_the_file_with_its_checksum_and_notices_a_change(tmp_path: Path):
    layout = new_layout("films", tmp_path)
    table = layout.local / "films.csv"
    reviews(9).to_csv(table, index=False)
    source = {"source": "file", "path": "films.csv"}
    problem = {"data": source, "target": "opinion", "type": "binary", "question": "?"}
    settings = FetchSettings.model_validate({"data": source, "word_vectors": {"path": "vectors.txt"}})
    with pytest.raises(UserError, match=r"vectors\.txt does not exist"):
        fetch_source(settings.data, layout.raw, layout.local, vectors=settings.word_vectors)
    names = []
    for lines in (LINES, LINES[:3]):
        file = written(layout.local, lines)
        fetch_source(settings.data, layout.raw, layout.local, vectors=settings.word_vectors)
        assert vectors_file(layout.raw).read_bytes() == file.read_bytes()
        layout.problem_file.write_text(yaml.safe_dump(problem | {"word_vectors": {"path": "vectors.txt"}}))
        names.append(workflow_name(layout))
    assert names[0] != names[1]
    with pytest.raises(ValidationError, match="leads out of the folder"):
        VectorsFile(path="../v.txt")


@pytest.mark.slow
def test_a_problem_with_vectors_goes_to_the_report_and_its_model_needs_no_file(tmp_path: Path):
    layout = new_layout("films", tmp_path)
    reviews(150).drop(columns="stars").to_csv(layout.local / "films.csv", index=False)
    written(layout.local, LINES)
    problem = {
        "question": "Is the film praised?",
        "data": {"source": "file", "path": "films.csv"},
        "word_vectors": {"path": "vectors.txt"},
        "target": "opinion",
        "type": "binary",
        "positive": "good",
        "protocol": "hold_out",
        "training": {"epochs": 4, "learning_rate": 0.01},
        "overfit": {"max_rungs": 2},
        "search": {"budget": 4},
    }
    run_every_step(layout, problem)
    choices = {choice.setting: choice for choice in Prepared.read(layout.result("prepare")).choices}
    assert choices["vectors of review"].chosen == "3 numbers a word"
    assert "vectors.txt has 6 of the " in choices["vectors of review"].reason
    assert "words of the vocabulary; the others start at random" in (layout.results / "report.html").read_text()
    assert name_of("films", recorded_key(layout)) == workflow_name(layout)
    (layout.local / "vectors.txt").unlink()
    model = load_model(folder_of(layout, "network"))
    assert model.card.network.embedding == 3
    assert "-0.25" not in (folder_of(layout, "network") / "model.json").read_text()
    assert len(model.predict(reviews(5))) == 5
