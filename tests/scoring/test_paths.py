"""A path from a form stays in the repository's folder."""

from pathlib import Path

import pytest

from src.core.errors import UserError
from src.scoring.paths import inside


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (home / "data" / "link").symlink_to(tmp_path / "outside")
    (home / "data" / "file.csv").symlink_to(tmp_path / "outside" / "file.csv")
    (home / "loop").symlink_to(home / "loop")
    (home / "to-data").symlink_to(home / "data")
    return home


@pytest.mark.parametrize("given", ["data/new.csv", "./data/../data/new.csv", "to-data/new.csv", "{home}/data/new.csv"])
def test_a_path_inside_is_followed(home: Path, given: str):
    assert inside(given.format(home=home), home, "table").resolve() == home / "data" / "new.csv"


@pytest.mark.parametrize(
    "given",
    [
        "../new.csv",
        "/etc/passwd",
        "data/../../new.csv",
        "data/link/new.csv",
        "data/file.csv",
        "{home}-not/x.csv",
        "loop/x",
    ],
)
def test_a_path_that_leads_out_is_refused(home: Path, given: str):
    with pytest.raises(UserError, match=r"table: .*(leads out|cannot be followed)"):
        inside(given.format(home=home), home, "table")


@pytest.mark.parametrize(
    "given",
    [
        "",
        " ",
        "a\0b",
        "\ud800.csv",
        "a" * 300,
        "a/" * 2000,
        "dvc.yaml",
        ".git/x.csv",
        ".dvc/cache/x.csv",
        "data/.hidden/x.csv",
    ],
)
def test_neither_nothing_nor_what_is_hidden_is_a_table(home: Path, given: str):
    with pytest.raises(UserError, match="output: "):
        inside(given, home, "output")
