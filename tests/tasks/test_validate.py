"""The step: it writes its two files before it stops on an error, and the same data give the same bytes."""

from pathlib import Path

import pytest

from src.core.errors import UserError
from src.core.files import Layout, write_json
from src.datasets import fetch_source
from src.results.data import Validation
from tasks.validate import validate
from tests.validation.tables import good_frame, settings, spoiled


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout("pets", tmp_path)
    write_json(layout.settings("validate"), settings().model_dump(mode="json"))
    layout.local.mkdir(parents=True)
    return layout


def bring(layout: Layout, frame: object) -> None:
    frame.to_csv(layout.local / "table.csv", index=False)  # type: ignore[attr-defined]
    fetch_source(settings().data, layout.raw, layout.local)


def test_good_data_pass_and_both_files_are_written(layout: Layout) -> None:
    bring(layout, good_frame())
    validation = validate(layout)
    assert validation == Validation.read(layout.result("validate"))
    assert validation.rows == len(good_frame())
    assert (layout.results / "validation.html").read_text().startswith("<!DOCTYPE html>")


def test_an_error_stops_the_step_after_both_files_are_written(layout: Layout) -> None:
    bring(layout, spoiled("answer", [3, 9], None))
    with pytest.raises(UserError, match=r"validation\.html") as caught:
        validate(layout)
    assert "'answer': 2 values missing (rows 3, 9)" in str(caught.value)
    assert "[row 3 is table.csv line 5]" in str(caught.value)
    assert not Validation.read(layout.result("validate")).verdicts[0].holds
    assert "table.csv line 11" in (layout.results / "validation.html").read_text()


def test_the_same_data_give_the_same_bytes(layout: Layout) -> None:
    bring(layout, good_frame().assign(height=1.0))
    validate(layout)
    files = [layout.result("validate"), layout.results / "validation.html"]
    first = [file.read_bytes() for file in files]
    validate(layout)
    assert [file.read_bytes() for file in files] == first


def test_the_result_names_no_path_of_this_machine(layout: Layout) -> None:
    bring(layout, good_frame())
    validate(layout)
    assert str(layout.root) not in layout.result("validate").read_text()


def test_the_users_suite_lies_in_data_expectations(layout: Layout) -> None:
    bring(layout, good_frame())
    rule = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 10**6}}
    write_json(layout.root / "data" / "expectations" / "pets.json", {"name": "pets", "expectations": [rule]})
    with pytest.raises(UserError, match="your suite"):
        validate(layout)
