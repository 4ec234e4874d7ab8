"""Texts as rows of numbered characters: nothing is lost, rows continue one another, and only training rows teach."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch

from src.core.errors import UserError
from src.kinds.text.language import BEFORE, LONGEST, Reading, ladder, passages
from src.kinds.text.vectorizer import TextVectorizer
from src.models.kneser_ney import NOTHING, UNKNOWN
from src.models.scores import Likelihood
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature

TEXTS = ["abba\n", " baab", "ab c"]


def feature(follows: str | None = None) -> Feature:
    encoding = Reading(network="lstm", layers=1, symbols=9, length=9, follows=follows)
    return Feature(name="text", type="text", encoding=encoding.model_dump())


def fitted(frame: pd.DataFrame, follows: str | None = None) -> TextVectorizer:
    return TextVectorizer.fit(frame, [feature(follows)])


def test_characters_that_two_texts_have_are_numbered_and_every_text_ends():
    vectorizer = fitted(pd.DataFrame({"text": TEXTS}))
    by = vectorizer.by
    assert by.known == " ab"
    assert (by.first, by.symbols) == (UNKNOWN + 2, UNKNOWN + 4)
    space, a, b, end = by.first, by.first + 1, by.first + 2, UNKNOWN + 1
    x_NX = vectorizer.transform(pd.DataFrame({"text": TEXTS}))
    assert x_NX.tolist() == [
        [a, b, b, a, UNKNOWN, end],
        [space, b, a, a, b, end],
        [a, b, space, UNKNOWN, end, NOTHING],
    ]
    assert by.text(by.numbers("abba ").tolist()) == "abba "
    assert TextVectorizer.model_validate_json(vectorizer.model_dump_json()) == vectorizer


def test_rows_that_continue_one_another_come_after_the_characters_before_them():
    frame = pd.DataFrame({"text": ["abab" * 30, "bbaa", "aabb"], "place": [4.0, 5.0, 9.0]})
    by = fitted(frame, "place").by
    x_NX = fitted(frame, "place").transform(frame)
    assert by.symbols == UNKNOWN + 2, "such rows do not end"
    assert (x_NX[0, :BEFORE] == NOTHING).all()
    assert (-x_NX[1, :BEFORE]).tolist() == x_NX[0, BEFORE + 120 - BEFORE : BEFORE + 120].tolist()
    assert x_NX[1, BEFORE : BEFORE + 5].tolist() == [*by.numbers("bbaa"), NOTHING]
    assert (x_NX[2, :BEFORE] == NOTHING).all(), "rows in between are missing"
    alone = fitted(frame, "place").transform(frame[["text"]])
    assert (alone[:, :BEFORE] == NOTHING).all()
    np.testing.assert_array_equal(alone[:, BEFORE:], x_NX[:, BEFORE:])
    assert passages(frame, feature("place")) == ["abab" * 30 + "bbaa", "aabb"]


def test_a_row_sees_earlier_rows_only():
    frame = pd.DataFrame({"text": ["abab", "bbaa", "aabb"], "place": [0.0, 1.0, 2.0]})
    vectorizer = fitted(frame, "place")
    changed = frame.assign(text=["abab", "bbaa", "bbbb"])
    np.testing.assert_array_equal(vectorizer.transform(frame)[:2], vectorizer.transform(changed)[:2])


def test_a_text_that_is_too_long_is_refused_with_the_way_out():
    with pytest.raises(UserError, match="cut it into rows of at most 8,192"):
        fitted(pd.DataFrame({"text": TEXTS})).transform(pd.DataFrame({"text": ["a" * (LONGEST + 1)]}))


def test_rows_as_wide_as_a_long_text_take_little_memory_beside_their_own():
    vectorizer = fitted(pd.DataFrame({"text": TEXTS}))
    frame = pd.DataFrame({"text": ["abba"] * 1000 + ["a" * LONGEST]})
    tracemalloc.start()
    x_NX = vectorizer.transform(frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert x_NX.shape == (1001, LONGEST + 1)
    assert peak < 1.1 * x_NX.nbytes


def test_hidden_places_without_a_character_are_plain_zeros():
    frame = pd.DataFrame({"text": ["abba", "bbaa"], "place": [0.0, 1.0]})
    x_NX = fitted(frame, "place").transform(frame)
    assert not np.signbit(x_NX[x_NX == NOTHING]).any()


@pytest.mark.parametrize("texts", [[], [""], ["", "é\ud800"]])
def test_texts_without_a_known_character_have_rows_all_the_same(texts: list[str]):
    vectorizer = fitted(pd.DataFrame({"text": TEXTS}))
    x_NX = vectorizer.transform(pd.DataFrame({"text": pd.Series(texts, dtype=object)}))
    assert len(x_NX) == len(texts)
    assert set(np.unique(x_NX)) <= {NOTHING, UNKNOWN, UNKNOWN + 1}


@pytest.mark.parametrize(
    ("network", "layers", "expected"),
    [
        ("lstm", 1, ["lstm 64", "lstm 128", "lstm 256"]),
        ("gru", 2, ["gru 64", "gru 128", "gru 256"]),
        ("transformer", 1, ["transformer 2x64", "transformer 3x96", "transformer 4x128"]),
    ],
)
def test_the_ladder_has_networks_that_read_on_and_train(network: str, layers: int, expected: list[str]):
    encoding = Reading(network=network, layers=layers, symbols=9, length=9, follows=None)
    features = [Feature(name="text", type="text", encoding=encoding.model_dump())]
    rungs = ladder(features, OverfitLadder(max_rungs=3), Training())
    assert [rung.text for rung in rungs] == expected
    sizes = [sum(weight.numel() for weight in rung.build(9, 2).parameters()) for rung in rungs]
    assert sizes == sorted(sizes)
    head = Likelihood(rungs[0].build(9, 2))
    head.row_losses(head(torch.ones(2, 5)), torch.empty(2, 0)).sum().backward()
    assert all(weight.grad is not None for weight in head.parameters())
