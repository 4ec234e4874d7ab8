"""The derived Great Expectations suite fires where a table breaks the problem's promise; the user's own is honoured."""

import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from src.core.errors import UserError
from src.results.data import Validation
from tests.validation.tables import ROWS, TARGETS, checked, findings, good_frame, spoiled

INF = float("inf")
NONE: list[int] = []
FIRST = [0, 1, 2, 3, 4]
DERIVED: dict[str, tuple[str, pd.DataFrame, dict[str, Any], str, list[int], str]] = {
    "unknown target": ("columns_exist", good_frame(), {"target": "anser"}, "anser", NONE, "did you mean 'answer'?"),
    "unknown groups": ("columns_exist", good_frame(), {"groups": "klinic"}, "klinic", NONE, "groups: "),
    "unknown time": ("columns_exist", good_frame(), {"time": "dya"}, "dya", NONE, "time: "),
    "unknown weights": ("columns_exist", good_frame(), {"weights": "trusd"}, "trusd", NONE, "did you mean 'trust'?"),
    "unknown drop": ("columns_exist", good_frame(), {"drop": ["zzzzz"]}, "zzzzz", NONE, "drop: "),
    "unknown columns": ("columns_exist", good_frame(), {"columns": {"color": "date"}}, "color", NONE, "'colour'"),
    "unknown test column": (
        "columns_exist", good_frame(), {"test": {"column": "pard", "value": 1}}, "pard", NONE, "test.column: ",
    ),
    "text in a regression target": (
        "column_types", spoiled("price", [7, 9], "cheap"), {"kind": "regression"}, "price", [7, 9], "'cheap'",
    ),
    "text in the weights": ("column_types", spoiled("trust", [7], "much"), {"weights": "trust"}, "trust", [7], "row 7"),
    "a declared kind that is another": (
        "column_types", good_frame(), {"columns": {"height": "date"}}, "height", FIRST, "read as numeric",
    ),
    "time as text": ("column_types", good_frame(), {"time": "colour"}, "colour", FIRST, "read as categorical"),
    "a target with gaps": (
        "target_without_gaps", spoiled("answer", [*FIRST, 99], None), {}, "answer", FIRST, "and 1 more",
    ),
    "a number target with gaps": (
        "target_without_gaps", spoiled("price", [2], np.nan), {"kind": "regression"}, "price", [2], "1 value missing",
    ),
    "groups with gaps": ("groups_without_gaps", spoiled("clinic", [8], None), {"groups": "clinic"}, "clinic", [8], ""),
    "time with gaps": ("time_without_gaps", spoiled("day", [8], np.nan), {"time": "day"}, "day", [8], ""),
    "weights with gaps": (
        "weights_without_gaps", spoiled("trust", [8], np.nan), {"weights": "trust"}, "trust", [8], "1 value missing",
    ),
    "one class only": (
        "classes", spoiled("answer", list(range(ROWS)), "no"), {}, "answer", FIRST, "only the value 'no'",
    ),
    "three classes in a binary target": (
        "classes", spoiled("answer", [11], "perhaps"), {}, "answer", [11], "'perhaps' (1)",
    ),
    "a constant number target": (
        "classes", good_frame().assign(price=2.0), {"kind": "regression"}, "price", FIRST, "only the value '2'",
    ),
    "a label that is a number": ("classes", spoiled("tag_a", [4], 3.0), {"kind": "multilabel"}, "tag_a", [4], "0/1"),
    "a label that is a word": ("classes", spoiled("tag_b", [4], "maybe"), {"kind": "multilabel"}, "tag_b", [4], "0/1"),
    "an infinite feature": ("finite_values", spoiled("height", [1, 80], -INF), {}, "height", [1, 80], "rows 1, 80"),
    "an infinite reference": (
        "finite_values", spoiled("height", [2], INF), {"reference": "height"}, "height", [2], "mark to data.missing",
    ),
    "an infinite target": (
        "finite_values", spoiled("price", [1], INF), {"kind": "regression"}, "price", [1], "1 value infinite",
    ),
    "a share above one": (
        "ranges", spoiled("share", [5], 1.5), {"kind": "unit_interval_regression"}, "share", [5], "outside [0, 1]",
    ),
    "a weight of zero": ("ranges", spoiled("trust", [6], 0.0), {"weights": "trust"}, "trust", [6], "not above 0"),
}  # fmt: skip


@pytest.mark.parametrize(("check", "frame", "changes", "column", "rows", "words"), DERIVED.values(), ids=DERIVED.keys())
def test_a_broken_promise_is_an_error_that_names_column_and_rows(
    check: str, frame: pd.DataFrame, changes: dict[str, Any], column: str, rows: list[int], words: str
) -> None:
    validation = checked(frame, **{"kind": "binary", **changes})
    (finding,) = [f for f in findings(validation, check) if f.column == column]
    assert (finding.severity, finding.rows) == ("error", rows)
    assert words in finding.message
    assert repr(column) in finding.message
    assert finding.count >= len(rows)
    assert check not in validation.passed
    assert not validation.verdicts[0].holds


@pytest.mark.parametrize(
    "changes",
    [*({"kind": k} for k in TARGETS), {"groups": "clinic"}, {"time": "day"}, {"time": "born"}, {"weights": "trust"}],
    ids=str,
)
def test_a_good_table_has_no_error(changes: dict[str, Any]) -> None:
    validation = checked(good_frame(), **{"kind": "binary", **changes})
    assert [f.message for f in validation.findings if f.severity == "error"] == []
    assert {"columns_exist", "target_without_gaps", "classes", "finite_values", "duplicate_rows"} <= {
        *validation.passed
    }
    assert validation.verdicts[0].holds


def test_all_errors_are_found_at_once() -> None:
    frame = spoiled("height", [3], INF).assign(weight=1.0)
    validation = checked(frame, target="anser", groups="klinic")
    assert {f.check for f in validation.findings} >= {"columns_exist", "finite_values", "constant_columns"}
    assert [f.severity for f in validation.findings] == sorted(f.severity for f in validation.findings)


def test_a_table_without_rows_is_an_error_not_a_crash() -> None:
    validation = checked(good_frame().head(0))
    assert not validation.verdicts[0].holds


def test_the_result_is_the_same_twice() -> None:
    frame = spoiled("height", [3], INF)
    assert checked(frame) == checked(frame)


def test_a_changed_dropped_column_changes_no_check() -> None:
    changed = good_frame().assign(day=INF)
    assert checked(changed).findings == checked(good_frame()).findings


def test_no_check_opens_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))
    checked(good_frame())
    assert asked == []


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    checked(spoiled("height", [3], INF))
    assert capfd.readouterr() == ("", "")


def suite_file(folder: Path, *expectations: Any) -> Path:
    path = folder / "problem.json"
    path.write_text(json.dumps({"name": "mine", "expectations": expectations}))
    return path


def between(column: str, **more: Any) -> dict[str, Any]:
    kwargs = {"column": column, "min_value": -100, "max_value": 100}
    return {"type": "expect_column_values_to_be_between", "kwargs": kwargs, **more}


def of_user(validation: Validation) -> list[tuple[str, str | None, list[int]]]:
    return [(f.severity, f.column, f.rows) for f in validation.findings if f.check.startswith("your suite: ")]


def test_the_users_suite_is_honoured_and_errors_by_default(tmp_path: Path) -> None:
    path = suite_file(tmp_path, between("height"), between("weight"))
    validation = checked(spoiled("height", [3, 77], 1000.0), expectations=path)
    assert of_user(validation) == [("error", "height", [3, 77])]
    assert any(name.startswith("your suite: ") and "'weight'" in name for name in validation.passed)


def test_an_expectation_may_be_a_warning(tmp_path: Path) -> None:
    path = suite_file(tmp_path, between("height", meta={"severity": "warning"}))
    validation = checked(spoiled("height", [3], 1000.0), expectations=path)
    assert of_user(validation) == [("warning", "height", [3])]
    assert validation.verdicts[0].holds


def test_an_expectation_about_the_whole_table_is_shown_with_what_was_found(tmp_path: Path) -> None:
    path = suite_file(tmp_path, {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 999}})
    (finding,) = [f for f in checked(good_frame(), expectations=path).findings if f.check.startswith("your suite")]
    assert f"found {ROWS}" in finding.message


def test_an_expectation_may_join_columns_or_hold_under_a_condition(tmp_path: Path) -> None:
    pair = {"column_A": "price", "column_B": "height"}
    members = {"type": "comparison", "column": {"name": "member"}, "operator": "==", "parameter": True}
    condition = {"column": "weight", "max_value": 0, "row_condition": members}
    path = suite_file(
        tmp_path,
        {"type": "expect_column_pair_values_a_to_be_greater_than_b", "kwargs": pair},
        {"type": "expect_column_values_to_be_between", "kwargs": condition},
    )
    frame = good_frame()
    offends = [frame["price"] <= frame["height"], (frame["weight"] > 0) & frame["member"].fillna(False)]
    expected = [np.flatnonzero(one)[:5].tolist() for one in offends]
    assert [rows for _, _, rows in of_user(checked(frame, expectations=path))] == expected


@pytest.mark.parametrize("column", ["hight", "colour"], ids=["no such column", "a column of another type"])
def test_an_expectation_that_cannot_be_checked_is_a_finding(tmp_path: Path, column: str) -> None:
    validation = checked(good_frame(), expectations=suite_file(tmp_path, between(column)))
    assert of_user(validation) == [("error", column, [])]


def test_the_role_of_a_row_is_no_column_to_the_users_suite(tmp_path: Path) -> None:
    path = suite_file(
        tmp_path, {"type": "expect_table_column_count_to_equal", "kwargs": {"value": good_frame().shape[1]}}
    )
    role = pd.Series(["any"] * 100 + ["test"] * 20, dtype="str")
    assert of_user(checked(good_frame().assign(__role__=role), expectations=path)) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{not json", "is not JSON"),
        ("[" * 10**5, "is not JSON: nested too deeply"),
        ('["' + r"\ud800" + '"]', "cannot stand in a text"),
        ('{"expectations": [' + "9" * 5000 + "]}", "is not JSON"),
        (
            '{"expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "x"}, "meta": [1]}]}',
            "expectations[0]: meta: should be an object",
        ),
        ("[1, 2]", "Great Expectations 1.x suite"),
        ('{"name": "x"}', "Great Expectations 1.x suite"),
        ('{"name": "x", "expectations": [{"expectation_type": "expect_column_to_exist"}]}', "expectations[0]"),
        (
            '{"expectations": [{"type": "expect_colum_to_exist", "kwargs": {}}]}',
            "did you mean 'expect_column_to_exist'",
        ),
        ('{"expectations": [{"type": "expect_column_to_exist", "kwargs": {"colum": "x"}}]}', "colum"),
        (
            '{"expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "x"}, "meta": {"severity": ""}}]'
            "}",
            "allowed: 'error', 'warning'",
        ),
    ],
)
def test_a_suite_that_cannot_be_read_is_the_users_to_correct(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "problem.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"problem\.json") as caught:
        checked(good_frame(), expectations=path)
    assert words in str(caught.value)
