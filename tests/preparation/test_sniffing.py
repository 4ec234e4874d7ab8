"""Whatever layout a user's table has, looking at the file finds how to read it."""

import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.core.errors import UserError
from src.datasets import fetch_source, read_table
from src.preparation.sniffing import look_at
from src.problem.sources import LocalSource

NAMES = ["name", "size", "left"]
ROWS = [[f"{'anna' if i % 2 else 'bert'} {'xyz'[i % 3]}", f"{i / 4 + 1:.2f}", f"{i % 2}"] for i in range(30)]
TABLE = pd.DataFrame(
    {"name": [r[0] for r in ROWS], "size": [float(r[1]) for r in ROWS], "left": [i % 2 for i in range(30)]}
)


def delimited(separator: str = ",", header: bool = True, end: str = "\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end).writerows([NAMES, *ROWS] if header else ROWS)
    return text.getvalue()


def zipped(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def workbook(rows: list[list[str]]) -> bytes:
    """A minimal xlsx file: texts inline, numbers as numbers."""
    number, text = "<c><v>{}</v></c>", '<c t="inlineStr"><is><t>{}</t></is></c>'
    cells = "".join(
        f"<row>{''.join((number if cell.replace('.', '').isdigit() else text).format(cell) for cell in row)}</row>"
        for row in rows
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    return zipped(
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
            f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
            '<sheet name="people" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}"><Relationship Id="r1" '
            f'Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
        }
    )


def parquet() -> bytes:
    content = io.BytesIO()
    TABLE.to_parquet(content)
    return content.getvalue()


PLAIN = delimited().encode()
TAB, SEMICOLON = delimited("\t"), delimited(";")
JSON = [dict(zip(NAMES, [r[0], float(r[1]), int(r[2])], strict=True)) for r in ROWS]
# What the file is called, what it holds, and the settings by which it is read.
FILES: dict[str, tuple[str, bytes, dict[str, Any]]] = {
    "plain": ("t.csv", PLAIN, {}),
    "of Windows": ("t.csv", delimited(end="\r\n").encode("utf-8-sig"), {}),
    "semicolons": ("t.csv", SEMICOLON.encode(), {"separator": ";"}),
    "tabs in a text file": ("t.txt", TAB.encode(), {"format": "csv", "separator": "\t"}),
    "bars": ("t.csv", delimited("|").encode(), {"separator": "|"}),
    "tsv": ("t.tsv", TAB.encode(), {}),
    "tsv with semicolons": ("t.tsv", SEMICOLON.encode(), {"separator": ";"}),
    "utf-16": ("t.csv", TAB.encode("utf-16"), {"encoding": "utf-16", "separator": "\t"}),
    "a line for a spreadsheet": ("t.csv", f"sep=;\n{SEMICOLON}".encode(), {"separator": ";", "skip_lines": 1}),
    "comments": ("t.csv", f"# by us\n# 2026\n{delimited()}# end\n".encode(), {"comment": "#"}),
    "title lines": ("t.csv", b"Report of the year\n\n" + PLAIN, {"skip_lines": 2}),
    "gzip": ("t.csv.gz", gzip.compress(PLAIN), {}),
    "bzip2": ("t.csv.bz2", bz2.compress(PLAIN), {}),
    "xz": ("t.csv.xz", lzma.compress(PLAIN), {}),
    "zstandard": ("t.csv.zst", pa.compress(PLAIN, "zstd", asbytes=True), {}),
    "one table in a zip": ("t.zip", zipped({"t.csv": SEMICOLON, "__MACOSX/t.csv": "x"}), {"separator": ";"}),
    "several in a zip": (
        "t.zip",
        zipped({"train.csv": delimited(), "test.csv": "name,size\nanna x,1\n", "readme.md": "read me"}),
        {"member": "train.csv"},
    ),
    "a workbook": ("t.xlsx", workbook([NAMES, *ROWS]), {}),
    "json": ("t.json", json.dumps(JSON).encode(), {}),
    "json lines called json": ("t.json", "\n".join(map(json.dumps, JSON)).encode(), {"format": "jsonl"}),
    "json lines": ("t.jsonl", "\n".join(map(json.dumps, JSON)).encode(), {}),
    "parquet without its ending": ("t.data", parquet(), {"format": "parquet"}),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "options"), FILES.values(), ids=FILES)
def test_the_settings_that_are_found_read_the_table(tmp_path: Path, name: str, content: bytes, options: dict[str, Any]):
    (tmp_path / name).write_bytes(content)
    looked = look_at(tmp_path / name, "left")
    assert looked.settings == options
    pd.testing.assert_frame_equal(looked.table, TABLE, check_dtype=False)
    source = LocalSource.model_validate({"source": "file", "path": name} | options)
    fetch_source(source, tmp_path / "raw", tmp_path)
    pd.testing.assert_frame_equal(read_table(source, tmp_path / "raw", {}), TABLE, check_dtype=False)


def test_values_between_spaces_are_read_where_no_other_mark_separates(tmp_path: Path):
    """As auto-mpg of UCI: runs of spaces, then a name in quotation marks."""
    file = tmp_path / "t.data"
    file.write_text("".join(f'{18 + i % 7}.0   {i % 3}\t"chevy {i}"\n' for i in range(20)))
    looked = look_at(file, "column_2")
    assert looked.settings["separator"] == "whitespace"
    assert looked.table["column_3"].tolist()[:2] == ["chevy 0", "chevy 1"]
    assert looked.table["column_1"].tolist()[:2] == [18.0, 19.0]


def test_a_first_line_that_is_a_row_names_no_columns(tmp_path: Path):
    file = tmp_path / "t.csv"
    file.write_text("".join(f"{i},{i / 2},{'ab'[i % 2]}\n" for i in range(20)))
    looked = look_at(file, "column_3")
    assert len(looked.table) == 20
    assert looked.settings["names"] == ["column_1", "column_2", "column_3"]
    assert "names no column" in looked.notes[0]


@pytest.mark.parametrize(("header", "is_row"), [("2019,2020,2021", 0), ("a,b,c", 0), ("1,b,c", 0), ("1,2,c", 1)])
def test_years_and_words_are_names(tmp_path: Path, header: str, is_row: bool):
    file = tmp_path / "t.csv"
    file.write_text(header + "\n" + "".join(f"{i}.5,{i + 1}.25,{'xy'[i % 2]}\n" for i in range(1, 20)))
    assert ("names" in look_at(file, "").settings) == is_row


def test_one_quotation_mark_swallows_no_rows(tmp_path: Path):
    file = tmp_path / "t.tsv"
    file.write_text("label\ttext\n" + "".join(f"ham\tmessage {i}{chr(34) if i in (3, 9) else ''}\n" for i in range(20)))
    looked = look_at(file, "label")
    assert len(looked.table) == 20
    file.write_text('label\ttext\nham\t"so he said\n' + "".join(f"spam\tmessage {i}\n" for i in range(20)))
    looked = look_at(file, "label")
    assert (len(looked.table), looked.settings) == (21, {"quoting": False})
    assert looked.table["text"][0] == '"so he said'


def test_quoted_line_ends_are_no_rows(tmp_path: Path):
    file = tmp_path / "t.csv"
    file.write_text('text,n\n"a\nb, c",1\n"d",2\n')
    assert look_at(file, "n").table["text"].tolist() == ["a\nb, c", "d"]


def test_numbers_are_recognized_and_the_file_s_marks_hold_for_all_columns(tmp_path: Path):
    file = tmp_path / "t.csv"
    file.write_text("a;b;c\n" + "".join(f"{i},5;1.{i:03};{i} kg\n" for i in range(10, 40)))
    looked = look_at(file, "a")
    assert looked.settings == {"separator": ";", "decimal": ",", "thousands": ".", "numbers": {"c": {"unit": "kg"}}}
    assert looked.table.iloc[0].tolist() == [10.5, 1010, 10]
    assert "a holds numbers written with a decimal comma." in looked.notes


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", gzip.compress(PLAIN), "is a gzip file: let its name end in .gz"),
        ("t.csv", zipped({"t.csv": delimited()}), "is a zip archive: let its name end in .zip"),
        ("t.csv", b"%PDF-1.7\0\0", "this is a PDF document"),
        ("t.csv", b"a,b\n\0\0\0,1\n", "is not text"),
        ("t.zip", zipped({"a.csv": delimited(), "b.csv": delimited()}), "2 of them have the target.*a.csv, b.csv"),
        ("t.zip", zipped({"a.csv": "x\n1\n", "b.csv": "y\n1\n"}), "none has the target"),
        ("t.zip", zipped({"a.png": "x"}), "1 file and no table"),
        ("t.zip", b"PK\x03\x04 broken", "is damaged"),
        ("t.xlsx", workbook([[""]]), "empty sheet"),
        ("t.xlsx", zipped({"x": "y"}), "cannot be read as a spreadsheet"),
        ("t.json", b'{"a": [1, 2]}', "nested value"),
        ("t.json", b"[1, 2]", "row 0 is not a JSON object"),
        ("t.json", b"[", "is not JSON"),
        ("t.csv", b"", "is empty"),
    ],
)
def test_what_is_no_table_is_refused_with_the_way_out(tmp_path: Path, name: str, content: bytes, words: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=words):
        look_at(tmp_path / name, "left")


def test_a_workbook_that_expands_too_much_is_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 2**20)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("src.datasets.archives._MOST_FREE", 0)
        with pytest.raises(UserError, match="expands to far more than its size"):
            look_at(tmp_path / "t.xlsx", "left")


CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters='"#%/'), min_size=1, max_size=8
)


@given(
    rows=st.lists(st.tuples(CELL, CELL, st.integers(0, 99)), min_size=3, max_size=20),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_quoted_table_comes_back_whatever_separates_its_values(tmp_path, rows, separator, encoding):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_NONNUMERIC).writerows([["first", "second", "n"], *rows])
    file = tmp_path / "t.csv"
    file.write_text(text.getvalue(), encoding=encoding, newline="")
    table = look_at(file, "n").table
    assert list(table) == ["first", "second", "n"]
    assert table["n"].tolist() == [row[2] for row in rows]
