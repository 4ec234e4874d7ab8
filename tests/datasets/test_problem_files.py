"""Every problem file of the repository describes data that can be had and read."""

import os
from pathlib import Path

import pandas as pd
import pytest

from src.core.files import Layout
from src.datasets import fetch_source, read_table
from src.problem.load import load_problem
from src.problem.sources import RemoteSource

ROWS = {
    "adult": 48_842,
    "ag_news": 7_600,
    "airline_passengers": 144,
    "beijing_pm25": 43_824,
    "boston_housing": 506,
    "breast_cancer": 569,
    "california_housing": 20_640,
    "cats_vs_dogs": 700,
    "cats_vs_dogs_fine_tuned": 700,
    "cats_vs_dogs_pretrained": 700,
    "cifar10": 18_000,  # the mirror's part of them
    "diabetes": 442,
    "fashion_mnist": 70_000,
    "imdb": 50_000,
    "linnerud": 20,
    "mnist": 70_000,
    "music_brightness": 593,
    "nietzsche": 2_348,
    "pos_ewt": 229_671,
    "reuters": 11_228,
    "shakespeare": 4_358,
    "wine": 178,
    "wine_quality": 6_497,
    "yeast": 2_417,
}


SLOW = dict.fromkeys(("imdb", "fashion_mnist", "mnist"), pytest.mark.slow)


@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW.get(name, ())) for name in ROWS])
def test_the_data_of_a_problem_file_can_be_fetched_and_have_its_targets(name: str, tmp_path: Path) -> None:
    problem = load_problem(Layout(name))
    if isinstance(problem.data, RemoteSource) and "DATA_MIRROR" not in os.environ:
        pytest.skip("needs data files: name a folder that has them in DATA_MIRROR")
    fetch_source(problem.data, tmp_path / "raw", tmp_path, tmp_path / "downloads")

    table = read_table(problem.data, tmp_path / "raw", problem.columns)

    targets = table[problem.targets]
    assert len(table) == ROWS[name]
    assert not targets.isna().any(axis=None) or problem.series is not None
    assert set(problem.drop) <= set(table.columns)
    if problem.problem_type.reads_on:
        assert (table["text"].str.len()[:-1] == 256).all(), "no white space is lost"
    if problem.problem_type.target != "number":
        assert (targets.nunique() <= 46).all()
    else:
        assert set(targets.dtypes.astype(str)) == {"float64"}
    if problem.type == "unit_interval_regression":
        assert targets.stack().between(0, 1).all()


def test_the_series_are_whole_and_their_moments_one_step_apart(tmp_path: Path) -> None:
    if "DATA_MIRROR" not in os.environ:
        pytest.skip("needs data files: name a folder that has them in DATA_MIRROR")
    unknown = {}
    for name in ("airline_passengers", "beijing_pm25"):
        problem = load_problem(Layout(name))
        fetch_source(problem.data, tmp_path / name, tmp_path, tmp_path / "downloads")
        table = read_table(problem.data, tmp_path / name, problem.columns)
        unknown[name] = int(table[problem.targets].isna().sum().sum())
        steps = table[problem.time].diff().dropna()
        assert steps.between(pd.Timedelta("28D"), pd.Timedelta("31D")).all() if name[0] == "a" else (steps == 1).all()
    assert unknown == {"airline_passengers": 0, "beijing_pm25": 2_067}


def test_the_sentences_of_english_ewt_are_those_of_its_official_files(tmp_path: Path) -> None:
    if "DATA_MIRROR" not in os.environ:
        pytest.skip("needs data files: name a folder that has them in DATA_MIRROR")
    problem = load_problem(Layout("pos_ewt"))
    fetch_source(problem.data, tmp_path / "raw", tmp_path, tmp_path / "downloads")

    table = read_table(problem.data, tmp_path / "raw", problem.columns)

    assert table.groupby("__role__")["sentence"].nunique().to_dict() == {"any": 12_544, "test": 2_077}
    assert not table[["sentence", "form"]].isna().any(axis=None)
    assert (table["form"] == "?").sum() > 500


def test_the_official_test_set_of_adult_has_the_same_labels(tmp_path: Path) -> None:
    if "DATA_MIRROR" not in os.environ:
        pytest.skip("needs data files: name a folder that has them in DATA_MIRROR")
    problem = load_problem(Layout("adult"))
    fetch_source(problem.data, tmp_path / "raw", tmp_path, tmp_path / "downloads")

    table = read_table(problem.data, tmp_path / "raw", problem.columns)

    counts = pd.crosstab(table["__role__"], table["income"])
    assert counts.loc["any"].to_dict() == {"<=50K": 24_720, ">50K": 7_841}
    assert counts.loc["test"].to_dict() == {"<=50K": 12_435, ">50K": 3_846}
    assert table["workclass"].isna().sum() == 2_799
    assert problem.positive in counts.columns
