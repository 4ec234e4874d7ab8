"""Texts that a model completes: how characters are drawn from its probabilities."""

import numpy as np
import pytest

from src.saved.completion import Completion, complete, first_prompt
from tests.saved.reciting import Reciter

MOSTLY = ["abc"] * 3 + ["bca", "cab"]


@pytest.mark.parametrize("temperature", [0.0, 5e-324, 1e-300, 1e-3])
def test_the_coldest_temperatures_take_the_likeliest_character(temperature: float):
    texts = complete(Reciter(MOSTLY), Completion(n=4, temperature=temperature))  # type: ignore[arg-type]
    assert texts == ["abc"] * 4


def test_at_temperature_one_characters_are_drawn_as_often_as_the_model_says():
    texts = complete(Reciter(MOSTLY), Completion(n=100, seed=1))  # type: ignore[arg-type]
    assert np.mean([text == "abc" for text in texts]) == pytest.approx(0.6, abs=0.15)


@pytest.mark.parametrize(
    ("texts", "follows", "expected"),
    [(["a\nb"], "place", "\n"), (["ab"], "place", ""), (["a\nb"], None, "")],
    ids=["rows with line breaks", "rows without", "texts of their own"],
)
def test_a_text_begins_after_a_line_break_that_the_model_knows(texts: list[str], follows: str | None, expected: str):
    assert first_prompt(Reciter(texts, follows)) == expected  # type: ignore[arg-type]
