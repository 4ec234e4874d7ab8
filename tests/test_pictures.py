"""The pictures in the documentation are of the present pages."""

import re
import shutil
from pathlib import Path

import pytest

from docs.pictures import COMMAND, IMAGES, MADE_FROM, PICTURES, ROOT, note, outdated


def test_no_picture_is_older_than_what_it_shows():
    old = outdated()
    assert not old, f"these show older pages: {', '.join(old)}; make them anew with `{COMMAND}`"


def test_every_picture_is_one_that_the_script_makes_and_every_one_shown_is_there():
    there = {path.stem for path in (ROOT / IMAGES).glob("*.png")}
    assert there == set(PICTURES)
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        shown = set(re.findall(r"images/(\w+)\.png", page.read_text(encoding="utf-8")))
        assert shown <= there, page


@pytest.mark.parametrize(
    ("changed", "old"),
    [
        ("src/report/sections/search.py", {"report_search"}),
        ("src/report/templates/style.css", {name for name in PICTURES if name.startswith("report")}),
        ("src/plots/training.py", {name for name in PICTURES if name.startswith("report")}),
        ("flows/running/artifacts.py", {"prefect_run", "prefect_verdicts"}),
        ("src/tracking/views.py", {"mlflow_results", "mlflow_compare"}),
    ],
)
def test_a_changed_page_makes_just_its_pictures_old(tmp_path: Path, changed: str, old: set[str]):
    for place in {place for picture in PICTURES.values() for place in picture.shows}:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / place).is_dir() else shutil.copy
        copy(ROOT / place, tmp_path / place)
    (tmp_path / MADE_FROM).parent.mkdir(parents=True)
    for name in PICTURES:
        note(name, tmp_path)
    assert outdated(tmp_path) == []
    with (tmp_path / changed).open("a") as file:
        file.write("\n")
    assert set(outdated(tmp_path)) == old
