"""Every combination of kinds of input, two and three at a time and twice the same, from the raw file to the report.

A fault of one combination may hide behind any column that stands beside it, so none is left out.
"""

from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.core.errors import UserError
from src.results.baseline import Baseline
from src.results.evaluate import Evaluate
from tests.kinds.texts import reviews
from tests.kinds.workflow import new_layout, run_every_step

ROWS = 60
OF_TABLES = ("numeric", "categorical", "boolean", "date")
KINDS = ("numeric", "text", "image")
COMBINATIONS = [
    *combinations_with_replacement(KINDS, 2),
    *combinations_with_replacement(KINDS, 3),
    *[(kind, kind) for kind in OF_TABLES if kind not in KINDS],
]
WITH_TEXTS = [kinds for kinds in COMBINATIONS if "text" in kinds and len(kinds) == 2]


def column(kind: str, seed: int) -> pd.Series:
    """Values of one column, which follow the signs that are asked for."""
    rng = np.random.default_rng(seed)
    noise, sign = rng.normal(size=ROWS), signs()
    if kind == "numeric":
        return pd.Series(noise + sign)
    if kind == "categorical":
        return pd.Series(np.where(noise + sign > 0.5, "red", np.where(noise > 0, "green", "blue")))
    if kind == "boolean":
        return pd.Series(noise + sign > 0)
    if kind == "date":
        return pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta((10 * (noise + sign)).round(), "D"))
    if kind == "text":
        texts = reviews(ROWS, seed)["review"]
        return texts + np.where(sign > 0, " splendid", " awful")
    shades = np.clip(100 + 40 * sign + 10 * noise, 0, 255).astype(np.uint8)
    pixels = rng.integers(0, 20, (ROWS, 36)).astype(np.uint8) + shades[:, None]
    return pd.Series([b"P5\n6 6\n255\n" + of_row.tobytes() for of_row in pixels], dtype=object)


def signs() -> np.ndarray:
    return np.random.default_rng(0).permutation(np.resize([-1, 1], ROWS))


def run(kinds: tuple[str, ...], root: Path, **settings: object) -> Baseline:
    frame = pd.DataFrame({f"{kind}_{place}": column(kind, place + 1) for place, kind in enumerate(kinds)})
    layout = new_layout("combined", root)
    frame.assign(answer=np.where(signs() > 0, "yes", "no")).to_parquet(layout.local / "combined.parquet")
    problem = {
        "question": "Is the sign positive?",
        "data": {"source": "file", "path": "combined.parquet"},
        "target": "answer",
        "type": "binary",
        "columns": {f"{kind}_{place}": kind for place, kind in enumerate(kinds) if kind != "image"},
        "protocol": "hold_out",
        "training": {"epochs": 2, "batch_size": 16},
        "overfit": {"max_rungs": 1},
        "search": {"budget": 1},
    }
    run_every_step(layout, problem | settings)
    assert layout.results.joinpath("report.html").exists()
    assert np.isfinite(Evaluate.read(layout.result("evaluate")).test.value)
    return Baseline.read(layout.result("baseline"))


def inputs_of(kinds: tuple[str, ...]) -> int:
    """Into how many inputs the columns go: every text and every picture is one, all columns of tables together one."""
    return sum(kind not in OF_TABLES for kind in kinds) + any(kind in OF_TABLES for kind in kinds)


@pytest.mark.slow
@pytest.mark.parametrize("kinds", COMBINATIONS, ids=" ".join)
def test_every_combination_of_kinds_goes_to_the_report(kinds: tuple[str, ...], tmp_path: Path):
    found = run(kinds, tmp_path)
    linear = [reference.name for reference in found.shallow_all if reference.name.startswith("linear")]
    inputs = inputs_of(kinds)
    assert len(linear) == (1 if inputs == 1 else 1 + inputs)  # a linear model of all, and one of each


@pytest.mark.slow
@pytest.mark.parametrize("kinds", WITH_TEXTS, ids=" ".join)
def test_every_pair_with_texts_read_in_order_does_so(kinds: tuple[str, ...], tmp_path: Path):
    run(kinds, tmp_path, text={"encoding": "sequence", "network": "embedding"})


@pytest.mark.parametrize("kind", ["numeric", "text", "image"])
def test_words_of_sentences_stay_alone(kind: str, tmp_path: Path):
    frame = pd.DataFrame({"word": list("abcde") * 12, "sentence": np.arange(ROWS) // 5, "beside": column(kind, 1)})
    layout = new_layout("combined", tmp_path)
    frame.assign(answer=np.where(signs() > 0, "yes", "no")).to_parquet(layout.local / "combined.parquet")
    problem = {
        "question": "Which sign is it?",
        "data": {"source": "file", "path": "combined.parquet"},
        "target": "answer",
        "type": "binary",
        "columns": {"word": "token"} | ({} if kind == "image" else {"beside": kind}),
        "groups": "sentence",
    }
    with pytest.raises(UserError, match="and words are read alone"):
        run_every_step(layout, problem)
