"""Sentences as inputs: vocabularies of the training rows alone, baselines, and networks that learn."""

import numpy as np
import pandas as pd
import pytest

from src.core.errors import UserError
from src.judging.baselines import common_sense, shallow
from src.kinds.registry import kind_of
from src.kinds.tokens.encoding import with_sentences
from src.kinds.tokens.shown import shown
from src.kinds.tokens.vectorizer import TokenVectorizer
from src.models.measures import TABLE
from src.preparation.fold import fit_fold
from src.problem.training import Engine, OverfitLadder, Training
from src.results.networks import Candidate
from src.tables.protocols import Split
from src.tables.table import Feature, whole
from src.training.fit import fit
from src.training.members import Member
from tests.kinds.sentences import settings, table_of

ENGINE = Engine(accelerator="cpu", workers=1)


def split_of(table, share=0.75):
    """The first sentences to learn from, the others to score."""
    number_N = table.frame["sentence"].str.removeprefix("s").astype(int).to_numpy()
    learns_N = number_N < share * (number_N.max() + 1)
    return Split(0, 0, np.flatnonzero(learns_N), np.flatnonzero(~learns_N))


def frame_of(*sentences: str) -> pd.DataFrame:
    rows = [(f"s{i}", word) for i, sentence in enumerate(sentences) for word in sentence.split()]
    return pd.DataFrame(rows, columns=["sentence", "word"]).astype("str")


def test_the_vocabulary_is_of_words_that_are_there_twice_in_either_case():
    features = table_of(1).schema.features
    found = TokenVectorizer.fit(frame_of("The cat saw the dog", "A dog saw it"), features)
    assert found.vocabulary == ["dog", "saw", "the"]
    sentences = found.transform(frame_of("THE cat", "dog the"))
    assert sentences.words_N.tolist() == [3, 0, 1, 3]
    assert sentences.sentence_N.tolist() == [1, 1, 2, 2]
    assert sentences.vocabulary == 4
    assert TokenVectorizer.model_validate_json(found.model_dump_json()) == found


def test_of_a_long_word_the_beginning_and_the_end_are_spelled():
    features = table_of(1).schema.features
    found = TokenVectorizer.fit(frame_of("abcdefghij abcdefghij"), features)
    spelled = found.transform(
        frame_of(
            "abcdefghabcdefghij",
        )
    ).characters_FC
    cut = found.transform(frame_of("abcdefghXXXXXabcdefghij")).characters_FC
    assert spelled.shape == (1, 16)
    assert cut[0, :8].tolist() == spelled[0, :8].tolist()
    assert cut[0, 8:].tolist() == spelled[0, 8:].tolist()


def test_changing_a_held_out_sentence_changes_nothing_that_was_fitted():
    table = table_of(40)
    split = split_of(table)
    fitted = fit_fold(table, split.training, split.validation)
    frame = table.frame.copy()
    frame.loc[split.validation, "word"] = "ünheard ünheard"
    changed = fit_fold(type(table)(table.schema, frame, table.y_NT, table.w_N, table.rows_N), *_rows(split))
    assert changed.vectorizer == fitted.vectorizer
    assert (changed.x_AD.words_N == fitted.x_AD.words_N).all()
    assert (changed.x_AD.characters_FC[changed.x_AD.form_N] == fitted.x_AD.characters_FC[fitted.x_AD.form_N]).all()
    assert (changed.x_VD.words_N == 0).all()


def _rows(split):
    return split.training, split.validation


def test_parts_of_a_table_hold_whole_sentences():
    table = table_of(50)
    parts = list(whole(table.frame, table.schema, 20))
    pd.testing.assert_frame_equal(pd.concat(parts), table.frame)
    assert len(parts) > 10
    assert sum(part["sentence"].nunique() for part in parts) == 50
    assert list(whole(table.frame.iloc[:0], table.schema, 20)) == []


def test_common_sense_says_what_a_word_mostly_was_and_else_what_most_words_are():
    table = table_of(60)
    split = split_of(table)
    p_VK = common_sense(table.schema)["most_frequent_of_word"](table, split, 0)
    known = table.frame.iloc[split.training].groupby("word")["tag"].agg(lambda tags: tags.mode()[0])
    most = table.frame["tag"].iloc[split.training].mode()[0]
    expected = [known.get(word, most) for word in table.frame["word"].iloc[split.validation]]
    told = [table.schema.classes[k] for k in p_VK.argmax(axis=1)]
    assert [a == b for a, b in zip(told, expected, strict=True)].count(False) <= 0.02 * len(told)  # ties
    np.testing.assert_allclose(p_VK.sum(axis=1), 1)


def test_the_shallow_model_sees_endings_and_neighbours():
    table = table_of(150)
    split = split_of(table)
    accuracy = TABLE["accuracy"].value
    y_VT, w_V = table.y_NT[split.validation], table.w_N[split.validation]
    told = accuracy(y_VT, shallow("linear", table, split, 0), w_V)
    assert told > 0.97 > accuracy(y_VT, common_sense(table.schema)["most_frequent_of_word"](table, split, 0), w_V)


@pytest.mark.parametrize("changes", [{}, {"network": "gru", "characters": "convolution"}])
def test_a_small_network_learns_it_and_pauses_without_a_trace(changes):
    table = table_of(150, **changes)
    split = split_of(table)
    kind = kind_of(table.schema.features)
    [network] = kind.ladders["predict"](table.schema.features, OverfitLadder(max_rungs=1), Training())
    own = {"dropout": 0.1, "word_dropout": 0.1, "embedding": 16}
    candidate = Candidate(
        network=network.changed(**own),
        optimizer="adam",
        learning_rate=0.02,
        l1=0.0,
        l2=0.0,
        batch_size=64,
        epochs=6,
        clip_norm=1.0,
    )
    members = [Member.of_split(candidate, split, 0)]
    measure = TABLE["accuracy"]
    [through] = fit(members, table, measure, ENGINE, "test")
    assert through.history.validation[-1] > 0.97
    assert through.predictions.shape == (len(split.validation), 4)
    assert measure.value(table.y_NT[split.validation], through.predictions, table.w_N[split.validation]) > 0.97
    paused = fit(members, table, measure, ENGINE, "test", until=2)
    [resumed] = fit(members, table, measure, ENGINE, "test", resumed=paused)
    for name, value in through.weights.items():
        np.testing.assert_array_equal(resumed.weights[name], value)


def test_a_word_is_shown_within_its_sentence():
    table = table_of(1)
    frame = frame_of("it rains", " ".join(f"w{i}" for i in range(20)))
    found = shown(frame, table.schema.features)
    assert found.iloc[:2].tolist() == ["[it] rains", "it [rains]"]
    assert found.iloc[2] == "[w0] " + " ".join(f"w{i}" for i in range(1, 13)) + " …"
    assert found.iloc[-1] == "… " + " ".join(f"w{i}" for i in range(7, 19)) + " [w19]"


def test_columns_beside_the_words_are_refused():
    frame = table_of(2).frame.assign(size=1.0)
    features = [Feature(name="size", type="numeric"), Feature(name="word", type="token")]
    asked = settings()
    with pytest.raises(UserError, match=r"'size' is numeric, and words are read alone; name it under `drop`"):
        with_sentences(frame, features, asked)
    word, sentence = with_sentences(frame, features[1:], asked)
    assert (word.name, sentence.name, sentence.type, sentence.read_as) == ("word", "sentence", "categorical", "token")


def test_the_ladder_doubles_the_units_up_to_what_a_cpu_learns_in_minutes():
    features = table_of(40).schema.features
    rungs = kind_of(features).ladders["predict"](features, OverfitLadder(first_units=8, max_rungs=9), Training())
    assert [rung.units for rung in rungs] == [[64], [128]]
    [only] = kind_of(features).ladders["predict"](features, OverfitLadder(first_units=32, max_rungs=9), Training())
    assert only.units == [256]
