"""scikit-learn's data sets under names that a person can read."""

from pathlib import Path

import pytest

from src.datasets import fetch_source, read_table
from src.problem.sources import SklearnSource

EXPECTED = {
    "breast_cancer": (569, 31, "diagnosis", ["benign", "malignant"]),
    "digits": (1797, 65, "digit", [str(digit) for digit in range(10)]),
    "iris": (150, 5, "species", ["setosa", "versicolor", "virginica"]),
    "wine": (178, 14, "cultivar", ["class_0", "class_1", "class_2"]),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_classes_are_texts(tmp_path: Path, name: str) -> None:
    rows, columns, target, classes = EXPECTED[name]
    source = SklearnSource.model_validate({"source": "sklearn", "name": name})
    fetch_source(source, tmp_path / "raw", tmp_path)

    table = read_table(source, tmp_path / "raw", {})

    assert table.shape == (rows, columns)
    assert sorted(table[target].unique()) == classes
    assert table[target].dtype == "str"


def test_regression_targets_have_names(tmp_path: Path) -> None:
    diabetes = SklearnSource(source="sklearn", name="diabetes")
    linnerud = SklearnSource(source="sklearn", name="linnerud")
    fetch_source(diabetes, tmp_path / "diabetes", tmp_path)
    fetch_source(linnerud, tmp_path / "linnerud", tmp_path)

    assert "progression" in read_table(diabetes, tmp_path / "diabetes", {}).columns
    assert {"weight", "waist", "pulse"} < set(read_table(linnerud, tmp_path / "linnerud", {}).columns)


def test_diabetes_comes_unscaled_since_scaling_would_have_seen_the_held_out_rows(tmp_path: Path) -> None:
    source = SklearnSource(source="sklearn", name="diabetes")
    fetch_source(source, tmp_path / "raw", tmp_path)

    assert read_table(source, tmp_path / "raw", {})["age"].between(19, 79).all()


def test_the_same_set_gives_the_same_bytes(tmp_path: Path) -> None:
    source = SklearnSource(source="sklearn", name="wine")
    for folder in ("one", "two"):
        fetch_source(source, tmp_path / folder, tmp_path)

    assert (tmp_path / "one/manifest.json").read_bytes() == (tmp_path / "two/manifest.json").read_bytes()
