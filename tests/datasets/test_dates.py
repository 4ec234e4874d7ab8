"""Dates in any form come back as the days they were made from."""

import io
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from src.datasets import fetch_source, read_table
from src.datasets.dates import FORMS, recognized_dates
from src.preparation.sniffing import look_at
from src.problem.sources import LocalSource

MOMENTS = [datetime(1999, 1, 3, 14, 5, 9) + timedelta(days=29 * i) for i in range(60)]


def column(values: list[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_recognized_by_its_column(form: str) -> None:
    assert recognized_dates(column([moment.strftime(form) for moment in MOMENTS]))[:1] == [form]


@pytest.mark.parametrize(
    "values",
    [["1.5", "2.25"], ["12", "13"], ["a", "b"], ["05.01.2024", "soon"], ["31.02.2024"], ["99999999", "20240105"], []],
)
def test_what_is_no_date_in_every_row_is_none(values: list[str | None]) -> None:
    assert recognized_dates(column(values)) == []


def test_of_two_forms_that_fit_the_one_in_which_rows_are_in_order_comes_first() -> None:
    assert recognized_dates(column(["01/02/2024", "02/02/2024", None, "01/03/2024"]))[:1] == ["%d/%m/%Y"]
    assert recognized_dates(column(["01/02/2024", "02/01/2024", "02/03/2024"]))[:1] == ["%m/%d/%Y"]


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%Y%m%d", "%b %d %Y", "%m/%d/%Y %H:%M", "%b-%y"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_dates_that_are_looked_at_are_read_by_the_problem_file(tmp_path: Path, form: str, ending: str) -> None:
    written = [moment.strftime(form) for moment in MOMENTS]
    frame = pd.DataFrame({"when": [int(each) for each in written] if form == "%Y%m%d" else written, "y": range(60)})
    content = io.BytesIO()
    frame.to_csv(content, index=False) if ending == "csv" else frame.to_parquet(content)
    (tmp_path / f"t.{ending}").write_bytes(content.getvalue())

    looked = look_at(tmp_path / f"t.{ending}", "y")
    source = LocalSource.model_validate({"source": "file", "path": f"t.{ending}", **looked.settings})
    fetch_source(source, tmp_path / "raw", tmp_path)
    table = read_table(source, tmp_path / "raw", {})

    assert looked.settings["dates"] == {"when": form}
    assert any("when holds dates" in note for note in looked.notes)
    assert table["when"].tolist() == [pd.Timestamp(datetime.strptime(each, form)) for each in written]
