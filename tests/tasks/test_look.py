"""Looking at the data of a problem tells what validate would, and runs nothing."""

import re
from pathlib import Path

import pytest

from src.core.errors import UserError
from src.core.files import Layout
from tasks.look import described, look
from tests.bad_input.desk import table
from tests.workspaces import ROOT

PROBLEM = "question: q?\ndata: {source: file, path: t.csv}\ntarget: label\ntype: binary\n"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "problems").mkdir()
    (tmp_path / "data" / "local").mkdir(parents=True)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"))
    (tmp_path / "problems" / "mine.yaml").write_text(PROBLEM)
    return Layout("mine", tmp_path)


def test_columns_are_shown_with_kind_gaps_values_and_findings_and_only_a_page_is_written(layout: Layout) -> None:
    sizes = ["", *range(59)]
    (layout.local / "t.csv").write_text(table(size=sizes, city=["here"] * 60))
    before = {path for path in layout.root.rglob("*") if path.is_file()}

    lines = described(look(layout)).splitlines()

    size = next(line for line in lines if line.startswith("size")).split()
    assert size[:4] == ["size", "numeric", "1", "59"]
    assert len(size[4]) == 10
    assert re.fullmatch(r"\d to 5\d, median [23]\d", " ".join(size[5:]))  # the sealed rows are not shown
    assert any(line.startswith("label") and "target" in line and "no (24)" in line for line in lines)
    assert any(line.startswith("warning: 'city' holds only the value 'here'") for line in lines)
    assert {path for path in layout.root.rglob("*") if path.is_file()} - before == {layout.results / "look.html"}


def test_a_problem_whose_data_are_not_there_is_refused(layout: Layout) -> None:
    with pytest.raises(UserError, match=r"t\.csv does not exist"):
        look(layout)
