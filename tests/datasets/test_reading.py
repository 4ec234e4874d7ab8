"""One typed table, whatever the format, and a clear message for every file that cannot be one."""

import csv
import gzip
import io
import json
import string
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.core.errors import UserError
from src.datasets import fetch_source, file_lines, read_local, read_split, read_table
from src.problem.sources import USUAL_MARKS, LocalSource, Reading, RemoteSource
from tests.datasets.conftest import Read

CSV = "age,name,member,since,score\n31,Ann,true,2020-01-31,1.5\n45,Bob,false,2021-12-01,\n,,,,-2e3\n"


def test_every_column_has_one_of_four_canonical_types(read: Read) -> None:
    table = read(CSV)

    assert table.dtypes.astype(str).to_dict() == {
        "age": "float64",
        "name": "str",
        "member": "boolean",
        "since": "datetime64[us]",
        "score": "float64",
    }
    assert table["age"].tolist()[:2] == [31.0, 45.0]
    assert table["score"][2] == -2000.0
    assert table["since"][0] == pd.Timestamp("2020-01-31")
    assert table.iloc[2, :4].isna().all()
    assert table.index.equals(pd.RangeIndex(3))


def test_every_format_gives_the_same_table(read: Read) -> None:
    expected = read(CSV)
    rows = [dict(zip(expected.columns, row, strict=True)) for row in csv.reader(io.StringIO(CSV))][1:]
    values = [
        {k: None if v == "" else json.loads(v) if k in ("age", "member", "score") else v for k, v in row.items()}
        for row in rows
    ]
    parquet = io.BytesIO()
    expected.to_parquet(parquet)
    header = "@relation r\n@attribute age numeric\n@attribute name string\n@attribute member {true,false,maybe}\n"
    header += "@attribute since date\n@attribute score real\n@data\n"
    lines = ["31,Ann,true,2020-01-31,1.5", "45,Bob,false,2021-12-01,?", "?,?,?,?,-2e3"]

    for name, content, columns in (
        ("t.tsv", CSV.replace(",", "\t"), {}),
        ("t.jsonl", "\n".join(map(json.dumps, values)), {}),
        ("t.parquet", parquet.getvalue(), {}),
        ("t.arff", header + "\n".join(lines), {"member": "boolean"}),
    ):
        pd.testing.assert_frame_equal(read(content, name, columns), expected, check_exact=True, obj=name)


def test_a_table_that_is_read_can_be_written_to(read: Read) -> None:
    table = read("a,b\n1,x\n2,y\n")

    table.loc[0, "a"] = 5.0
    table["a"].to_numpy(copy=True)[0] = 7.0

    assert table["a"].tolist() == [5.0, 2.0]


def test_white_space_around_values_and_names_does_not_count(read: Read) -> None:
    table = read(" a , b\n 1 , x\n2,  ? \n")

    assert table.columns.tolist() == ["a", "b"]
    assert table["a"].tolist() == [1.0, 2.0]
    assert table["b"][0] == "x"
    assert pd.isna(table["b"][1])


def test_characters_named_by_strip_end_go_from_the_end_only(read: Read) -> None:
    assert read("a,b\n.5,<=50K.\n.5,>50K .\n", strip_end=".").to_dict("list") == {
        "a": [0.5, 0.5],
        "b": ["<=50K", ">50K"],
    }


def test_marks_of_missing_values_are_the_usual_ones_and_the_user_s(read: Read) -> None:
    table = read("a,b\n-999,none\n3,NA\n", missing=["-999", "none"])

    assert np.isnan(table["a"][0])
    assert pd.isna(table["b"][0])
    assert pd.isna(table["b"][1])


def test_a_word_for_a_gap_can_be_a_value_and_an_empty_cell_is_always_a_gap(read: Read) -> None:
    table = read("a,b\n,NA\n3,\n", missing=["-"], not_missing=["NA"])

    assert np.isnan(table["a"][0])
    assert table["b"][0] == "NA"
    assert pd.isna(table["b"][1])


def test_words_for_gaps_are_classes_of_a_target_and_gaps_among_its_numbers(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("sleep,hours,note\nNone,7,None\napnea,NA,x\n,5,y\n")
    table = read_local(file, Reading(), "t.csv", ["sleep", "hours"])
    assert table["sleep"].tolist()[:2] == ["None", "apnea"]
    assert table["sleep"].isna().tolist() == [False, False, True]
    assert table["hours"].isna().tolist() == [False, True, False]
    assert table["note"].isna().tolist() == [True, False, False]
    assert read_local(file, Reading(missing=["None"]), "t.csv", ["sleep"])["sleep"].isna().tolist() == [
        True,
        False,
        True,
    ]


def test_a_column_declared_categorical_keeps_its_exact_text(read: Read) -> None:
    assert read("zip,y\n00501,1\n1e3,0\n", columns={"zip": "categorical"})["zip"].tolist() == ["00501", "1e3"]
    assert read('{"zip": 1.50}\n{"zip": 2}', "t.jsonl", {"zip": "categorical"})["zip"].tolist() == ["1.50", "2"]
    big = io.BytesIO()
    pd.DataFrame({"id": [2**62 + 1, 7]}).to_parquet(big)
    assert read(big.getvalue(), "t.parquet", {"id": "categorical"})["id"].tolist() == [str(2**62 + 1), "7"]


def test_a_declared_boolean_takes_the_usual_words(read: Read) -> None:
    table = read("a,b\nyes,1\nN,0\n,1\n", columns={"a": "boolean", "b": "boolean"})

    assert table["a"].tolist() == [True, False, pd.NA]
    assert table["b"].tolist() == [True, False, True]


def test_yes_and_no_are_not_guessed_to_be_booleans(read: Read) -> None:
    assert read("a,b\nyes,1\nno,0\n").dtypes.astype(str).tolist() == ["str", "float64"]


def test_a_column_without_values_is_numeric(read: Read) -> None:
    assert read("a,b\n1,\n2,NA\n")["b"].dtype == np.float64


def test_times_with_a_zone_become_utc(read: Read) -> None:
    table = read("t,y\n2026-11-21T13:00:00+02:00,1\n2026-11-21 13:00,2\n2026-11-21T11:00Z,3\n")

    assert table["t"].astype(str).tolist() == ["2026-11-21 11:00:00", "2026-11-21 13:00:00", "2026-11-21 11:00:00"]


def test_an_impossible_date_is_text(read: Read) -> None:
    assert read("t,y\n2026-02-30,1\n2026-02-28,1\n")["t"].dtype == "str"


def test_infinite_values_stay_for_the_data_checks_to_name(read: Read) -> None:
    assert np.isinf(read("a,b\n1,1\ninf,2\n-Infinity,3\n1e999,4\n")["a"]).tolist() == [False, True, True, True]


def test_quoted_values_may_hold_separators_quotes_and_line_ends(read: Read) -> None:
    assert read('a,b\n"x, ""y""\nz",1\n')["a"].tolist() == ['x, "y"\nz']


def test_blank_lines_and_a_byte_order_mark_do_not_count(read: Read) -> None:
    assert read(b"\xef\xbb\xbfa,b\r\n\r\n1,2\r\n\r\n3,4\r\n").to_dict("list") == {"a": [1.0, 3.0], "b": [2.0, 4.0]}


def test_a_column_without_a_name_gets_one(read: Read) -> None:
    assert read(",b\n0,1\n1,2\n").columns.tolist() == ["unnamed_1", "b"]


def test_a_file_without_a_header_takes_its_names_from_the_problem(read: Read) -> None:
    table = read("a remark\n1;x\n2;y\n", separator=";", names=["n", "c"], skip_lines=1)

    assert table.to_dict("list") == {"n": [1.0, 2.0], "c": ["x", "y"]}


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8-sig"])
def test_other_encodings_are_read_as_declared(read: Read, encoding: str) -> None:
    assert read("größe,b\nfür,1\n".encode(encoding), encoding=encoding).to_dict("list") == {
        "größe": ["für"],
        "b": [1.0],
    }


def two_files(folder: Path, first: str, second: str, **options: Any) -> tuple[RemoteSource, Path]:
    """A source of two files as it lies after fetching; the second is an official test set."""
    import hashlib

    mirror = folder / "mirror"
    mirror.mkdir()
    files = []
    for name, content, more in (("one.csv", first, {}), ("two.csv", second, {"role": "test", **options})):
        (mirror / name).write_text(content)
        digest = hashlib.sha256(content.encode()).hexdigest()
        files.append({"url": f"https://example.org/{name}", "sha256": digest, **more})
    source = RemoteSource.model_validate({"source": "address", "files": files})
    fetch_source(source, folder / "raw", folder / "local", folder / "downloads")
    return source, folder / "raw"


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path / "mirror"))
    return tmp_path


def test_rows_of_several_files_are_joined_in_order_with_their_role(mirrored: Path) -> None:
    source, raw = two_files(mirrored, "a,b\n1,x\n2,y\n", "remark\nb,a\n007,3\n", skip_lines=1)

    table = read_table(source, raw, {})

    assert table.to_dict("list") == {"a": [1.0, 2.0, 3.0], "b": ["x", "y", "007"], "__role__": ["any", "any", "test"]}
    assert file_lines(source, raw, [1, 2]) == {1: "one.csv line 3", 2: "two.csv line 3"}


def test_files_with_different_columns_are_refused(mirrored: Path) -> None:
    source, raw = two_files(mirrored, "a,b\n1,x\n", "a,c\n1,x\n")

    with pytest.raises(UserError, match=r"two\.csv lacks the column 'b' that .*one\.csv has"):
        read_table(source, raw, {})


def test_rows_are_located_in_their_file_lines(read: Read, tmp_path: Path) -> None:
    read('a,b\n"x\ny",1\n\nz,2\nw,3\n')
    source = LocalSource.model_validate({"source": "file", "path": "t.csv"})

    assert file_lines(source, tmp_path / "raw", [0, 1, 2]) == {0: "t.csv line 2", 1: "t.csv line 5", 2: "t.csv line 6"}
    assert file_lines(source, tmp_path / "raw", []) == {}


BAD = {
    "an empty file": ("", {}, r"data/local/t\.csv is empty"),
    "only blank lines": ("\n\n", {}, r"data/local/t\.csv is empty"),
    "a header without rows": ("a,b\n", {}, r"t\.csv has column names but no rows"),
    "broken encoding": (b"a,b\nx,1\nf\xfcr,2\n", {}, r"line 3 is not utf-8: byte 9 \(0xfc\).*`encoding: latin-1`"),
    "a row with too many fields": ("a,b\n1,2\n1,2,3\n4,5\n", {}, r"line 3 has 3 fields, expected 2 as in the header"),
    "rows with too few fields": ("a,b\n1\n1,2\n3\n", {}, r"line 2 has 1 fields, .*\(2 such lines; the next: 4\)"),
    "names that do not fit": ("1,2,3\n", {"names": ["a", "b"]}, r"line 1 has 3 fields, expected 2 as in data\.names"),
    "a quotation mark never closed": ('a,b\n1,2\n"3,4\n5,6\n', {}, r"begins on line 3 .*never closed"),
    "a column name twice": ("a,b,a\n1,2,3\n", {}, r"column name 'a' is there 2 times \(columns 1, 3\)"),
    "a column name that cannot be printed": (
        "a,b\0c\n1,2\n",
        {},
        r"name of column 2, 'b\\x00c', holds a char",
    ),
    "a JSON key that turns the writing": (
        '{"a\\u202eb": 1}\n',
        {"path": "t.jsonl"},
        r"of column 1, 'a\\u202eb'",
    ),
    "a reserved column name": ("a,__row__\n1,2\n", {}, r"column name '__row__' is reserved"),
    "another separator": ("a;b\n1;2\n", {}, r"only one column when separated by ','; try `separator: \";\"`"),
    "an unknown ending": ("a,b\n1,2\n", {"path": "t.dat"}, r"the ending '\.dat' does not tell the format.*csv, tsv"),
    "binary bytes": (b"PK\x03\x04\xff\xfe\x00", {}, r"not utf-8: byte 4"),
    "Parquet that is none": ("a,b\n1,2\n", {"path": "t.parquet"}, r"cannot be read as Parquet"),
    "an empty Parquet file": (b"", {"path": "t.parquet"}, r"cannot be read as Parquet"),
    "an empty JSON Lines file": ("\n", {"path": "t.jsonl"}, r"is empty"),
    "JSON Lines that are none": ('{"a": 1}\n{"a": }\n', {"path": "t.jsonl"}, r"line 2 is not JSON: .* character 7"),
    "a JSON line without keys": ('{"a": 1}\n[1]\n', {"path": "t.jsonl"}, r"line 2 is not a JSON object"),
    "nested JSON": ('{"a": {"b": 1}}\n', {"path": "t.jsonl"}, r"line 1 holds a nested value in column 'a'"),
    "broken JSON encoding": (b'{"a": 1}\n{"a": "\xfc"}', {"path": "t.jsonl"}, r"line 2 is not utf-8: byte 16"),
    "an ARFF file without data": ("@relation x\n", {"path": "t.arff"}, r"no line '@data'"),
    "sparse ARFF": ("@attribute a real\n@data\n{0 1}\n", {"path": "t.arff"}, r"line 3 is a sparse row"),
    "a short ARFF row": (
        "@attribute a real\n@attribute b real\n@data\n% c\n1,2\n1\n",
        {"path": "t.arff"},
        r"line 6 does not have the 2 fields",
    ),
    # What is unpacked once is not unpacked again without the limit on its size, whatever its name.
    "a table that is compressed twice": (
        gzip.compress(gzip.compress(b"a,b\n1,2\n", mtime=0), mtime=0),
        {"path": "t.csv.gz.gz", "format": "csv"},
        r"line 1 is not utf-8.*this is a gzip file",
    ),
    "text in a numeric ARFF column": (
        "@attribute a real\n@attribute b real\n@data\n\n1,x\n",
        {"path": "t.arff"},
        r"'b' is declared numeric by the file's header, but 1 value cannot be read.*row 0 \(t\.arff line 5\): 'x'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_with_file_line_and_way_out(read: Read, case: str) -> None:
    content, options, message = BAD[case]

    with pytest.raises(UserError, match=message):
        read(content, options.get("path", "t.csv"), **{k: v for k, v in options.items() if k != "path"})


def test_text_in_a_column_declared_numeric_is_named_with_row_and_line(read: Read) -> None:
    rows = "".join(f"{i},{'n/a' if i % 10 == 3 else i}\n" for i in range(100))

    with pytest.raises(UserError) as refused:
        read("id,v\n" + rows, columns={"v": "numeric"})

    text = str(refused.value)
    assert text.startswith(
        "data/local/t.csv: column 'v' is declared numeric by columns.v, but 10 values cannot be read as a number"
    )
    assert "row 3 (t.csv line 5): 'n/a'; row 13 (t.csv line 15): 'n/a'" in text
    assert "data.missing" in text


@pytest.mark.parametrize(("kind", "word"), [("boolean", "maybe"), ("date", "31/12/2020"), ("numeric", "1,5")])
def test_a_value_that_is_not_of_the_declared_kind_is_refused(read: Read, kind: str, word: str) -> None:
    with pytest.raises(
        UserError, match=f"'v' is declared {kind} by columns.v, but 1 value cannot be read as .*row 1 .*{word}"
    ):
        read(f'v,b\n,1\n"{word}",2\n', columns={"v": kind})


def test_a_declared_column_that_is_not_there_is_refused_with_the_nearest_name(read: Read) -> None:
    with pytest.raises(UserError, match=r"columns: there is no column 'agee'; did you mean 'age'\?"):
        read("age,b\n1,2\n", columns={"agee": "numeric"})


def test_nested_parquet_columns_are_refused(read: Read) -> None:
    content = io.BytesIO()
    pd.DataFrame({"a": [[1, 2]]}).to_parquet(content)

    with pytest.raises(UserError, match="column 'a' has the type list"):
        read(content.getvalue(), "t.parquet")


def test_parquet_types_become_canonical_ones(read: Read) -> None:
    content = io.BytesIO()
    pd.DataFrame(
        {
            "i": pd.array([1, None], dtype="Int8"),
            "f": np.array([0.5, np.nan], dtype=np.float32),
            "c": pd.Categorical(["x", None]),
            "t": pd.to_datetime(["2026-11-21T13:00+02:00", None], utc=True).as_unit("ns"),
            "b": pd.array([True, None], dtype="boolean"),
        }
    ).to_parquet(content)

    table = read(content.getvalue(), "t.parquet")

    assert table.dtypes.astype(str).tolist() == ["float64", "float64", "str", "datetime64[us]", "boolean"]
    assert table.iloc[0].tolist() == [1.0, 0.5, "x", pd.Timestamp("2026-11-21 11:00"), True]
    assert table.iloc[1].isna().all()


def test_pandas_own_labels_of_the_rows_are_left_out_and_named(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1.0, 2.0, 3.0]}).sample(3, random_state=0).to_parquet(tmp_path / "t.parquet", index=True)
    source = LocalSource.model_validate({"source": "file", "path": "t.parquet"})
    fetch_source(source, tmp_path / "raw", tmp_path)

    table = read_split(source, tmp_path / "raw", {}, lambda frame: np.array([0]))

    assert table.frame.columns.tolist() == ["x"]
    assert table.left_out == ["__index_level_0__"]


@pytest.mark.parametrize("codes", [[3, 1, None], [3.0, 1.0, None]])
def test_categories_of_numbers_in_parquet_are_categories(read: Read, codes: list[Any]) -> None:
    content = io.BytesIO()
    pd.DataFrame({"c": pd.Categorical(codes)}).to_parquet(content)

    assert read(content.getvalue(), "t.parquet")["c"].fillna("gap").tolist() == ["3", "1", "gap"]


IDS = [1234567890123456700 + i for i in range(3)]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_whole_numbers_beyond_the_exact_ones_keep_their_digits(read: Read, ending: str) -> None:
    frame = pd.DataFrame({"id": IDS, "x": [1, 2, 3]})
    content = io.BytesIO()
    write = {
        "csv": lambda: content.write(frame.to_csv(index=False).encode()),
        "jsonl": lambda: content.write(frame.to_json(orient="records", lines=True).encode()),
        "parquet": lambda: frame.to_parquet(content),
    }
    write[ending]()

    table = read(content.getvalue(), f"t.{ending}")

    assert table["id"].tolist() == [str(i) for i in IDS]
    assert table["x"].dtype == np.float64
    assert read(content.getvalue(), f"t.{ending}", {"id": "numeric"})["id"].dtype == np.float64


@pytest.mark.parametrize("largest", ["9007199254740992", "0000000000000000000007", "1e300", "12345678901234567890.5"])
def test_numbers_that_lose_no_digit_of_a_name_stay_numbers(read: Read, largest: str) -> None:
    assert read(f"x\n1\n{largest}\n")["x"].tolist() == [1.0, float(largest)]


def test_a_column_that_lists_labels_is_a_truth_value_for_each_that_is_a_target(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,tags\n1,war|drama\n2,\n3, drama | love\n")
    source = LocalSource.model_validate({"source": "file", "path": "t.csv", "lists": {"tags": "|"}})
    fetch_source(source, tmp_path / "raw", tmp_path)

    table = read_table(source, tmp_path / "raw", {}, ["tags=drama", "tags=war", "tags=none"])

    assert table.columns.tolist() == ["x", "tags=drama", "tags=war"]
    assert table["tags=drama"].tolist() == [True, False, True]
    assert table["tags=war"].tolist() == [True, False, False]


CELLS = {
    "numeric": st.one_of(
        st.floats(allow_nan=False, width=32).map(repr),
        st.integers(-(2**53), 2**53).map(str),
        st.sampled_from(["", "NA", " 7 ", "+3", "1.", ".5"]),
    ),
    "categorical": st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    "boolean": st.sampled_from(["true", "False", "TRUE", "", "?"]),
    "date": st.one_of(st.just(""), st.dates().map(str), st.datetimes().map(lambda t: t.isoformat())),
}
# Values that leave no doubt about a column's kind.
CLEAR = {"numeric": "1", "categorical": "red", "boolean": "true", "date": "2026-11-21"}


@st.composite
def changes(draw: st.DrawFn) -> tuple[list[list[str]], int, int, str]:
    """A table of one column per kind, and another value for one of its cells (never in the first row)."""
    rows = [list(CLEAR.values()), *draw(st.lists(st.tuples(*CELLS.values()).map(list), min_size=1, max_size=6))]
    row = draw(st.integers(1, len(rows) - 1))
    column = draw(st.integers(0, len(CELLS) - 1))
    return rows, row, column, draw(list(CELLS.values())[column])


def as_csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([list(CELLS), *rows])
    return text.getvalue()


@pytest.mark.parametrize("declared", [True, False])
@given(change=changes())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changing_one_cell_never_changes_another_row(
    tmp_path: Path, declared: bool, change: tuple[list[list[str]], int, int, str]
) -> None:
    rows, row, column, value = change
    kinds = {kind: kind for kind in CELLS} if declared else {}
    file = tmp_path / "t.csv"

    def table(cells: list[list[str]]) -> pd.DataFrame:
        file.write_text(as_csv(cells), encoding="utf-8", newline="")
        if not declared:
            return read_local(file, Reading.model_validate({}), "t.csv")
        source = LocalSource.model_validate({"source": "file", "path": "t.csv"})
        fetch_source(source, tmp_path / "raw", tmp_path)
        return read_table(source, tmp_path / "raw", kinds)

    before = table(rows)
    after = table([*rows[:row], [*rows[row][:column], value, *rows[row][column + 1 :]], *rows[row + 1 :]])

    assert before.dtypes.equals(after.dtypes)
    pd.testing.assert_frame_equal(before.drop(index=row), after.drop(index=row), check_exact=True)


@given(st.lists(st.text(string.printable, max_size=6), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back_from_a_quoted_csv(tmp_path: Path, words: list[str]) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["w", "n"], ["plain", "1"], *([word, "1"] for word in words)])
    file = tmp_path / "t.csv"
    file.write_text(text.getvalue(), encoding="utf-8", newline="")

    read = read_local(file, Reading(not_missing=list(USUAL_MARKS)), "t.csv")["w"].tolist()[1:]

    assert [None if pd.isna(word) else word for word in read] == [word.strip() or None for word in words]
