"""A table file is scored row by row as the model says; what cannot be scored is told with its row and its reason."""

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from src.core.errors import UserError
from src.problem.sources import LocalSource
from src.saved.network_model import NetworkModel, Preprocessing
from src.scoring import rows as rows_module
from src.scoring.checks import MISSING, RARE, RowChecks
from src.tables.facts import show
from src.validation import check_table
from tests.preparation.test_sniffing import workbook
from tests.scoring.repository import FEATURES, HALF_WIDTH, PROBLEM, Repository, fruit, fruit_model
from tests.validation.tables import settings as validate_settings

HEADER = "size,weight,colour,ripe,picked"
GOOD = "5.1,100,red,true,2026-03-01"
READING = LocalSource(source="file", path="fruit.csv")


def lines(*rows: str) -> str:
    return "\n".join((HEADER, *rows)) + "\n"


@pytest.mark.parametrize("name", ["new.csv", "new.tsv", "new.jsonl", "new.parquet"])
@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
def test_every_format_gives_what_the_model_says_of_the_typed_rows(repository: Repository, name: str, output: str):
    frame = fruit(40, seed=1)
    scored = repository.score(repository.write(frame, name), output)
    expected = fruit_model("binary", seed=2).predict(frame)
    found = repository.predictions(output)
    assert (scored.rows, scored.scored, scored.refused_rows) == (40, 40, 0)
    assert found["predicted"].tolist() == expected["predicted"].tolist()
    np.testing.assert_allclose(found["probability__yes"], expected["probability__yes"], rtol=1e-5)
    assert found["row"].tolist() == list(range(40))
    assert set(found["model_version"]) == {2}


def test_values_have_an_interval_whose_coverage_the_columns_name(for_values: Repository):
    for_values.score(fruit(10), "out.parquet", model="1")
    found = for_values.predictions("out.parquet")
    assert list(found) == ["row", "predicted__price", "low_95__price", "high_95__price", "model_version", "warning"]
    np.testing.assert_allclose(found["predicted__price"] - found["low_95__price"], HALF_WIDTH)
    np.testing.assert_allclose(found["high_95__price"] - found["predicted__price"], HALF_WIDTH)
    metadata = pyarrow.parquet.read_schema(for_values.root / "out.parquet").metadata
    assert metadata[b"interval_coverage"] == b"0.95"
    assert metadata[b"model_version"] == b"1"


BAD = {
    "a word among numbers": ("big,100,red,true,2026-03-01", "size", "'big' is not a number with a decimal point"),
    "a comma in a number": ('"5,1",100,red,true,2026-03-01', "size", "'5,1' is not a number with a decimal point"),
    "an infinite number": ("inf,100,red,true,2026-03-01", "size", "inf is infinite or beyond 1e+100"),
    "no truth value": ("5,100,red,perhaps,2026-03-01", "ripe", "'perhaps' is not true/false, yes/no or 1/0"),
    "no date": ("5,100,red,true,1.3.2026", "picked", "'1.3.2026' is not a date such as 2026-11-21"),
    "too few fields": ("5,100,red", "", "has 3 fields, expected 5"),
    "too many fields": ("5,100,red,true,2026-03-01,", "", "has 6 fields, expected 5"),
}


@pytest.mark.parametrize(("row", "column", "reason"), BAD.values(), ids=BAD)
def test_a_bad_row_is_told_by_its_line_and_the_others_are_scored(
    repository: Repository, row: str, column: str, reason: str
):
    scored = repository.score(lines(GOOD, row, GOOD))
    assert (scored.rows, scored.scored, scored.refused_rows) == (3, 2, 1)
    assert repository.predictions()["row"].tolist() == [0, 2]
    ((number, line, where, why),) = repository.refusals()
    assert (number, line, where) == (1, 3, column)
    assert why.startswith(reason)
    assert any(reason in line and "row 1 (line 3)" in line for line in scored.lines())


def test_a_row_with_several_faults_is_one_refused_row_with_several_reasons(repository: Repository):
    scored = repository.score(lines("big,heavy,red,true,2026-03-01", GOOD))
    assert (scored.scored, scored.refused_rows) == (1, 1)
    assert [(row, column) for row, _, column, _ in repository.refusals()] == [(0, "size"), (0, "weight")]


def test_lines_count_blank_ones_and_those_inside_of_quoted_values_and_rows_count_neither(repository: Repository):
    table = lines(GOOD, "", '5,100,"a\nb",true,2026-03-01', "x,100,red,true,2026-03-01", "", GOOD)
    repository.score(table)
    assert repository.predictions()["row"].tolist() == [0, 1, 3]
    assert [(row, line) for row, line, _, _ in repository.refusals()] == [(2, 6)]


def test_a_quotation_that_is_never_closed_is_told_with_the_lines_it_swallows(repository: Repository):
    repository.score(lines(GOOD, '5,100,"red,true,2026-03-01', GOOD))
    assert repository.refusals() == [
        (1, 3, "", "has 3 fields, expected 5; it goes on to line 4: is a quotation mark opened and never closed?")
    ]


def test_broken_lines_of_json_are_refused_by_their_number(repository: Repository):
    good = json.dumps({"size": 5, "weight": 1, "colour": "red", "ripe": True, "picked": "2026-03-01"})
    table = "\n".join((good, "", "{", "[1]", '{"size": {"a": 1}}', '{"size": "\\ud800"}', '{"\\ud800": 1}', good))
    scored = repository.score(repository.write(table, "new.jsonl"))
    assert scored.scored == 2
    reasons = {(row, line): reason for row, line, _, reason in repository.refusals()}
    assert list(reasons) == [(1, 3), (2, 4), (3, 5), (4, 6), (5, 7)]
    told = (
        "is not JSON",
        "not a JSON object",
        "nested value in column 'size'",
        "not valid Unicode",
        "not valid Unicode",
    )
    assert [words in reason for words, reason in zip(told, reasons.values(), strict=True)] == [True] * 5, reasons


FAULTY = {0: None, 1: "heavy", 2: None, 3: None, 4: "light"}


@pytest.mark.parametrize("name", ["new.csv", "new.tsv", "new.jsonl", "new.parquet"])
def test_rows_have_the_same_numbers_in_every_format_and_in_validation(repository: Repository, name: str):
    frame = fruit(len(FAULTY))
    frame["weight"] = [word or str(weight) for weight, word in zip(frame["weight"], FAULTY.values(), strict=True)]
    repository.score(repository.write(frame, name))
    of_header = 2 if name in ("new.csv", "new.tsv") else 1
    wrong = [row for row, word in FAULTY.items() if word]
    assert repository.predictions()["row"].tolist() == [row for row in FAULTY if row not in wrong]
    assert [(row, line) for row, line, _, _ in repository.refusals()] == [
        (row, "" if name == "new.parquet" else row + of_header) for row in wrong
    ]


@pytest.mark.parametrize("name", ["new.csv", "new.jsonl", "new.parquet"])
def test_how_many_rows_are_read_at_a_time_changes_nothing(
    repository: Repository, name: str, monkeypatch: pytest.MonkeyPatch
):
    frame = fruit(50, seed=3)
    frame["colour"] = frame["colour"].where(frame.index != 17, 'a "quoted", word')
    if name != "new.parquet":
        frame["weight"] = frame["weight"].astype(object).where(frame.index % 7 != 3, "heavy")
    path = repository.write(frame, name)
    whole = repository.score(path, "whole.csv", keep=("key",))
    monkeypatch.setattr(rows_module, "ROWS", 7)
    parts = repository.score(path, "parts.csv", keep=("key",))
    assert (whole.lines()[0].replace("whole", "parts"), whole.first) == (parts.lines()[0], parts.first)
    pd.testing.assert_frame_equal(
        repository.predictions("whole.csv"), repository.predictions("parts.csv"), rtol=1e-5, check_exact=False
    )
    assert repository.refusals("whole.csv") == repository.refusals("parts.csv")


def test_stop_scores_nothing_when_a_row_is_refused_yet_tells_every_one(repository: Repository):
    scored = repository.score(lines("x,1,red,true,2026-03-01", GOOD, "y,1,red,true,2026-03-01"), refused="stop")
    assert (scored.scored, scored.refused_rows) == (0, 2)
    assert not (repository.root / "out.csv").exists()
    assert [row for row, *_ in repository.refusals()] == [0, 2]


def test_stop_scores_all_when_none_is_refused(repository: Repository):
    assert repository.score(lines(GOOD, GOOD), refused="stop").scored == 2


def test_what_the_model_never_learnt_is_counted_and_by_strict_refused(repository: Repository):
    table = lines(",100,red,true,2026-03-01", "5,,red,true,2026-03-01", "5,100,pink,true,2026-03-01")
    scored = repository.score(table)
    assert scored.scored == 3
    assert scored.doubts == {("weight", MISSING): 1, ("colour", RARE): 1}
    assert any(line.startswith("warning: ") for line in scored.lines())
    strict = repository.score(table, "strict.csv", strict=True)
    assert (strict.scored, strict.doubts) == (1, {})
    assert [(row, column) for row, _, column, _ in repository.refusals("strict.csv")] == [(1, "weight"), (2, "colour")]


@pytest.mark.parametrize("name", ["new.csv", "new.tsv", "new.jsonl", "new.parquet"])
@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
def test_a_value_outside_the_range_of_the_training_rows_has_a_warning_with_value_and_range(
    for_values: Repository, name: str, output: str
):
    learnt, frame = fruit(), fruit(4)
    frame.loc[1, "weight"] = 900.0
    frame.loc[1, "picked"] = pd.Timestamp("3000-01-01")
    frame.loc[2, "size"] = -5.0
    scored = for_values.score(for_values.write(frame, name), output, model="1")
    ranges = {column: (learnt[column].min(), learnt[column].max()) for column in ("size", "weight", "picked")}
    told = {
        column: f"{show(low)} to {show(high)}, the range of the training rows" for column, (low, high) in ranges.items()
    }
    found = for_values.predictions(output)["warning"]
    assert found.isna().tolist() == [True, False, False, True]
    assert found[1] == f"'weight': 900 is outside {told['weight']}; 'picked': 3000-01-01 is outside {told['picked']}"
    assert found[2] == f"'size': -5 is outside {told['size']}"
    assert any(line.startswith(f"  'size': -5 is outside {told['size']}: row 2") for line in scored.lines())
    strict = for_values.score(for_values.write(frame, name), "strict.csv", model="1", strict=True)
    assert (strict.scored, strict.doubts) == (2, {})


def test_the_ends_of_the_range_are_inside_and_an_only_value_is_named():
    frame = fruit().assign(weight=100.0, ripe=pd.array([True] * 60, dtype="boolean"))
    checks = RowChecks(fruit_model("regression", rows=frame), READING, Path("no.json"), strict=False)
    ends = frame.loc[[column.idxmin() for column in (frame["size"], frame["picked"])], FEATURES]
    assert checks.check(pa.Table.from_pandas(ends, preserve_index=False)).doubts == []
    rows = frame[:1].assign(weight=1.0, ripe=pd.array([False], dtype="boolean"))[FEATURES]
    reasons = [fault.reason(0) for fault in checks.check(pa.Table.from_pandas(rows, preserve_index=False)).doubts]
    assert reasons == [
        "1 differs from 100, the only value of the training rows",
        "False differs from True, the only value of the training rows",
    ]


def test_an_example_of_every_doubt_is_named_with_its_value(repository: Repository):
    scored = repository.score(lines(GOOD, "5,100,pink,true,2026-03-01", "5,100,violet,true,2026-03-01"))
    assert f"  'colour': 'pink' {RARE}: row 1 (line 3) and 1 more row" in scored.lines()


def test_of_an_ensemble_only_what_no_fold_has_learnt_is_unknown(tmp_path: Path):
    """One fold had no pink fruit and no gaps in weight, the other neither green fruit nor gaps in weight."""
    one = fruit_model("binary")
    frame = fruit().assign(colour=lambda rows: rows["colour"].replace("green", "pink"))
    card = fruit_model("binary", rows=frame).card
    other = Preprocessing(**{name: getattr(card, name) for name in Preprocessing.model_fields})
    both = NetworkModel(one.card.model_copy(update={"further": [other]}), one.committee * 2)
    rows = fruit(4).assign(colour=["pink", "green", "violet", "red"], weight=[100.0, 101.0, 102.0, None])
    table = pa.Table.from_pandas(rows[FEATURES])
    found = {}
    for model in (one, both):
        checked = RowChecks(model, READING, tmp_path / "no.json", strict=False).check(table)
        found[model is both] = {(fault.column, fault.check): fault.rows.tolist() for fault in checked.doubts}
    assert found[False] == {("weight", MISSING): [3], ("colour", RARE): [0, 2]}
    assert found[True] == {("weight", MISSING): [3], ("colour", RARE): [2]}


def suite(repository: Repository, *expectations: tuple[str, dict, dict]) -> None:
    items = [{"type": kind, "kwargs": kwargs, "meta": meta} for kind, kwargs, meta in expectations]
    repository.layout.expectations.parent.mkdir(parents=True, exist_ok=True)
    repository.layout.expectations.write_text(json.dumps({"name": "own", "expectations": items}))


def test_the_users_own_suite_refuses_rows_where_it_speaks_of_rows(repository: Repository):
    between = "expect_column_values_to_be_between"
    suite(
        repository,
        (between, {"column": "weight", "min_value": 0}, {}),
        (between, {"column": "size", "min_value": 0}, {"severity": "warning"}),
        ("expect_column_values_to_be_in_set", {"column": "colour", "value_set": ["red"], "mostly": 0.5}, {}),
        ("expect_column_mean_to_be_between", {"column": "weight", "min_value": 0}, {}),
        (between, {"column": "price", "min_value": 0}, {}),
    )
    scored = repository.score(lines(GOOD, "5,-3,red,true,2026-03-01", "-5,90,blue,true,2026-03-01", GOOD))
    assert repository.predictions()["row"].tolist() == [0, 2, 3]
    ((row, line, column, reason),) = repository.refusals()
    assert (row, line, column) == (1, 3, "weight")
    assert reason.startswith("-3 breaks a promise of your suite: expect_column_values_to_be_between")
    assert sorted(column for column, _ in scored.doubts) == ["colour", "size", "size"], "one size by its range"
    assert len(scored.left_out) == 2
    assert "whole table" in scored.left_out[0]
    assert "'price' is no column that the model learnt from" in scored.left_out[1]


def test_a_number_is_refused_exactly_where_validation_would_refuse_it(repository: Repository):
    values = [0.0, 1e99, -1e99, 1e100, 1.01e100, -1e101, np.inf, -np.inf, np.nan, 1e-300]
    frame = fruit(len(values)).assign(size=values)
    found = check_table(
        fruit().assign(size=[*values, *fruit()["size"][len(values) :]]),
        validate_settings(target="sold", drop=["key"]),
        Path("no suite"),
    )
    (finding,) = [each for each in found.findings if each.check == "finite_values"]
    repository.score(repository.write(frame, "new.parquet"))
    assert [row for row, *_ in repository.refusals()] == finding.rows


@pytest.mark.parametrize("name", ["new.csv", "new.jsonl", "new.parquet"])
def test_lacking_columns_are_named_and_nothing_is_written(repository: Repository, name: str):
    path = repository.write(fruit().drop(columns=["size", "colour"]).rename(columns={"weight": "wieght"}), name)
    with pytest.raises(UserError, match=r"lacks 3 of the 5 columns.*'size', 'weight', 'colour'"):
        repository.score(path)
    assert not list(repository.root.glob("out*"))


def test_columns_may_be_kept_and_come_in_any_order_among_others(repository: Repository):
    frame = fruit(5)
    repository.score(frame[[*reversed(FEATURES), "price", "key"]], keep=("key", "colour"))
    found = repository.predictions()
    assert found["key"].tolist() == frame["key"].tolist()
    assert found["colour"].tolist() == frame["colour"].tolist()


@pytest.mark.parametrize(
    ("options", "change"),
    [
        ({"separator": "whitespace"}, lambda text: text.replace(",", "   ")),
        ({"separator": "whitespace"}, lambda text: text.replace(",", " \t").replace("green", '"green"')),
        ({"comment": "#"}, lambda text: f"# by us\n{text}# the end\n"),
        ({"separator": ";", "decimal": ","}, lambda text: text.replace(",", ";").replace(".", ",")),
        ({"dates": {"picked": "%d.%m.%Y"}}, lambda text: text.replace("2026-03-01", "01.03.2026", 1)),
        ({"numbers": {"weight": {"unit": "g"}}}, lambda text: re.sub(r"(,\d+[.]\d+),(red|green)", r"\1 g,\2", text)),
    ],
    ids=["spaces", "spaces and quotes", "comments", "decimal commas", "dates", "a unit"],
)
def test_new_rows_are_read_in_the_layout_and_notation_of_the_problem_s_file(
    repository: Repository, options: dict[str, Any], change: Callable[[str], str]
):
    frame = pd.DataFrame({"size": [1.5, 2.25], "weight": [100.5, 90.25], "colour": ["red", "green"]})
    text = frame.assign(ripe=True, picked="2026-03-01")[HEADER.split(",")].to_csv(index=False, lineterminator="\n")
    (repository.root / "new.csv").write_text(text)
    repository.score(repository.root / "new.csv")
    plain = repository.predictions()
    repository.write_problem(**options)
    (repository.root / "new.csv").write_text(change(text))
    repository.score(repository.root / "new.csv", overwrite=True)
    pd.testing.assert_frame_equal(repository.predictions(), plain)


LAID_OUT: dict[str, Callable[[str], str | bytes]] = {
    "semicolons": lambda text: text.replace(",", ";"),
    "tabs": lambda text: text.replace(",", "\t"),
    "a title line": lambda text: f"Our fruit\n\n{text}",
    "comments": lambda text: f"# by us\n{text}",
    "no encoding but UTF-16": lambda text: text.encode("utf-16"),
    "sep=": lambda text: "sep=|\n" + text.replace(",", "|"),
}


@pytest.mark.parametrize("change", LAID_OUT.values(), ids=LAID_OUT)
def test_new_rows_in_another_layout_than_the_problem_s_file_are_read_and_that_is_said(
    repository: Repository, change: Callable[[str], str | bytes]
):
    rows = lines(*(f"{1 + i}.5,100,red,true,2026-03-01" for i in range(6)))
    repository.score(rows)
    plain = repository.predictions()
    changed = change(rows)
    path = repository.root / "new.csv"
    path.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    scored = repository.score(path, overwrite=True)
    pd.testing.assert_frame_equal(repository.predictions(), plain)
    assert any("not laid out as the problem's own" in line for line in scored.lines())


def test_the_rows_of_a_workbook_and_of_a_json_array_are_scored(repository: Repository):
    rows = [["1.5", "100", "red", "true", "2026-03-01"], ["2.5", "90", "green", "false", "2026-03-02"]]
    repository.score(lines(*map(",".join, rows)))
    plain = repository.predictions()
    (repository.root / "new.xlsx").write_bytes(workbook([HEADER.split(","), *rows]))
    repository.score(repository.root / "new.xlsx", overwrite=True)
    pd.testing.assert_frame_equal(repository.predictions(), plain)
    objects = [dict(zip(HEADER.split(","), row, strict=True)) for row in rows]
    repository.score(repository.write(json.dumps([*objects, 7]), "new.json"), overwrite=True)
    pd.testing.assert_frame_equal(repository.predictions(), plain)
    assert [each[0] for each in repository.refusals()] == [2]


def test_quotation_marks_that_enclose_nothing_are_characters(repository: Repository):
    repository.write_problem(quoting=False)
    path = repository.root / "new.csv"
    path.write_text(f'{HEADER}\n1.5,100,"red,true,2026-03-01\n1.5,100,red,true,2026-03-01\n')
    repository.score(path)
    assert repository.predictions()["row"].tolist() == [0, 1]


def test_the_problems_settings_for_reading_apply(repository: Repository):
    repository.write_problem(separator=";", missing=["-"], strip_end="!", encoding="latin-1")
    path = repository.root / "new.csv"
    table = HEADER.replace(",", ";") + "\n-;100!;vert-é;true;2026-03-01\nabsent;100;red;true;2026-03-01\n"
    path.write_bytes(table.encode("latin-1"))
    repository.score(path)
    assert repository.predictions()["row"].tolist() == [0]
    assert repository.refusals() == [(1, 3, "size", "'absent' is not a number with a decimal point")]


@pytest.mark.parametrize(
    "table",
    [f"{GOOD}\n", f"{GOOD},yes\n", f"{HEADER}\n{GOOD}\n"],
    ids=["without the target", "with the target", "with a header"],
)
def test_a_problem_without_a_header_line_takes_rows_with_and_without_the_target(repository: Repository, table: str):
    repository.write_problem(names=[*FEATURES, "sold"])
    assert repository.score(table).scored == 1
    assert repository.predictions()["row"].tolist() == [0]


def test_rows_without_a_header_line_may_lack_what_only_the_report_shows(repository: Repository):
    repository.write_problem(names=[*FEATURES, "place", "sold"])
    with repository.layout.problem_file.open("a") as file:
        file.write("reference: place\n")
    assert repository.score(f"{GOOD}\n").scored == 1
    with pytest.raises(UserError, match=r"4 fields; expected 7 as in data\.names, or 5 without place, sold, or a"):
        repository.score("1,2,3,4\n", overwrite=True)


def test_bytes_of_another_encoding_are_told_with_their_line_and_nothing_is_written(repository: Repository):
    path = repository.root / "new.csv"
    path.write_bytes((lines(*[GOOD] * 3) + "5,1,r\xf6t,true,2026-03-01\n").encode("latin-1"))
    with pytest.raises(UserError, match=r"line 5 is not utf-8.*latin-1"):
        repository.score(path)
    assert not list(repository.root.glob("out*"))


REFUSED = {
    "no such version": ({"model": "7"}, "fruit has no version 7; there are 1, 2"),
    "no version at all": ({"model": "newest"}, "'newest' is neither 'champion' nor the number of a version"),
    "no rows": ({"table": lines()}, "no rows"),
    "an empty file": ({"table": ""}, "is empty"),
    "an ending of no format": ({"table": ("new.conllu", "x")}, "a table to score ends in one of .csv"),
    "a workbook that is none": ({"table": ("new.xlsx", "x")}, "cannot be read as a spreadsheet"),
    "an object for an array": ({"table": ("new.json", "{}")}, "write it as an array of rows"),
    "names in upper case": ({"table": lines(GOOD).upper()}, "did you mean 'SIZE'"),
    "a table that is not there": ({"table": Path("nowhere.csv")}, "nowhere.csv does not exist"),
    "an output of no format": ({"output": "out.xlsx"}, "has to end in .csv or .parquet"),
    "an output that is the table": ({"output": "new.csv", "overwrite": True}, "would replace the table"),
    "a column to keep that is not there": ({"keep": ("kye",)}, "no column 'kye' to keep"),
    "a column to keep that the output has": (
        {"keep": ("row",), "table": "row," + lines(f"1,{GOOD}")},
        "'row' cannot be kept",
    ),
}


@pytest.mark.parametrize(("given", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_told(repository: Repository, given: dict, told: str):
    given = {"table": lines(GOOD), **given}
    table = given.pop("table")
    path = repository.write(table[1], table[0]) if isinstance(table, tuple) else table
    with pytest.raises(UserError, match=told):
        repository.score(path, **given)


def test_an_output_is_replaced_only_when_that_is_said(repository: Repository):
    repository.score(lines(GOOD, "x,1,red,true,2026-03-01"))
    with pytest.raises(UserError, match=r"out\.csv exists"):
        repository.score(lines(GOOD))
    assert repository.score(lines(GOOD, GOOD), overwrite=True).scored == 2
    assert repository.predictions()["row"].tolist() == [0, 1]
    assert repository.refusals() == []


def test_what_a_killed_process_left_half_written_is_removed(repository: Repository):
    left = repository.root / ".out.csv.partial-4194303"
    left.write_text("half")
    repository.score(lines(GOOD))
    assert not left.exists()


def test_the_champion_is_asked_for_by_name_and_others_by_number(repository: Repository):
    repository.score(lines(GOOD), "champion.csv")
    repository.score(lines(GOOD), "first.csv", model="1")
    champion, first = (repository.predictions(f"{name}.csv") for name in ("champion", "first"))
    assert (champion["model_version"][0], first["model_version"][0]) == (2, 1)
    assert champion["probability__yes"][0] != first["probability__yes"][0]


def test_without_a_champion_the_versions_are_told(for_values: Repository):
    with pytest.raises(UserError, match=r"has no champion\. .*there is 1; .*`make promote problem=fruit version=1`"):
        for_values.score(fruit(3))


def test_without_a_champion_the_newest_version_says_why_and_a_version_says_that_it_is_none(for_values: Repository):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{for_values.root / 'mlflow.db'}")
    client.set_model_version_tag(PROBLEM, "1", "promotion", "not promoted: stay with common sense")
    with pytest.raises(UserError, match=r"\(version 1, the newest: not promoted: stay with common sense\)"):
        for_values.score(fruit(3))
    told = for_values.score(fruit(3), model="1").lines()
    assert "this version is not the champion; not promoted: stay with common sense" in told


def test_without_any_model_it_is_told_how_to_get_one(repository: Repository):
    (repository.root / "mlflow.db").unlink()
    with pytest.raises(UserError, match="has no model yet: run its workflow first"):
        repository.score(lines(GOOD))
    assert not (repository.root / "mlflow.db").exists()


@pytest.mark.parametrize(("file", "content"), [("model.json", b"{}"), ("weights.npz", b"PK"), ("model.json", None)])
def test_a_model_with_damaged_or_lost_files_is_told(tmp_path: Path, repository: Repository, file: str, content):
    folder = tmp_path / "damaged"
    fruit_model("binary").save(folder / "artifacts" / "model")
    path = folder / "artifacts" / "model" / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with sqlite3.connect(repository.root / "mlflow.db") as connection:
        connection.execute("UPDATE model_versions SET storage_location = ? WHERE version = 2", (folder.as_uri(),))
    with pytest.raises(UserError, match=r"fruit version 2 .*(damaged|lost)"):
        repository.score(lines(GOOD))
