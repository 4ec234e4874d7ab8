"""Every check that suites do not make fires on a bad table, names the right rows, and is silent on a good one."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.datasets import numeric_looking
from src.problem.sources import Notation
from src.validation.checks import CHECKS, duplicate_rows, missing_share, text_among_numbers
from tests.validation.tables import ROWS, TARGETS, facts, good_frame, spoiled

E, W = "error", "warning"


class Bad(NamedTuple):
    """A spoiled table and what the check has to say of it; `words` stand in the message."""

    check: str
    frame: Callable[[], pd.DataFrame]
    settings: dict[str, Any]
    severity: str
    column: str | None
    count: int
    rows: list[int]
    words: tuple[str, ...]


def with_column(name: str, values: Any) -> Callable[[], pd.DataFrame]:
    return lambda: good_frame().assign(**{name: values})


def head(rows: int) -> Callable[[], pd.DataFrame]:
    return lambda: good_frame().head(rows)


def text(values: Any) -> pd.Series:
    return pd.Series(values, dtype="str")


def answers(rare: int) -> pd.Series:
    return text(["yes"] * rare + ["no"] * (ROWS - rare))


EVERY = [0, 1, 2, 3, 4]
NAMES = text([f"name {i}" for i in range(ROWS)])
DAYS = pd.Series(pd.date_range("2024-01-01", periods=ROWS, unit="us"))

BAD = {
    "rows repeated": Bad(
        "duplicate_rows",
        lambda: pd.concat([good_frame(), good_frame().iloc[[5, 9]]], ignore_index=True),
        {},
        W, None, 2, [120, 121], ("rows 120, 121",),
    ),
    "rows repeated but for a dropped identifier": Bad(
        "duplicate_rows",
        lambda: pd.concat([good_frame(), good_frame().iloc[[5]].assign(day=999.0)], ignore_index=True),
        {},
        W, None, 1, [120], (),
    ),
    "a constant number": Bad("constant_columns", with_column("weight", 3.0), {}, W, "weight", ROWS, EVERY, ("3",)),
    "a column without values": Bad(
        "constant_columns", with_column("weight", np.nan), {}, W, "weight", ROWS, EVERY, ("no value",)
    ),
    "only constant features": Bad(
        "columns_to_learn_from",
        lambda: good_frame()[["answer", "day"]].assign(x=1.0, y=text(["a"] * ROWS)),
        {},
        E, None, 2, [], ("'x', 'y'",),
    ),
    "no features": Bad("columns_to_learn_from", lambda: good_frame()[["answer", "day"]], {}, E, None, 0, [], ()),
    "text that never repeats": Bad("identifier_columns", with_column("name", NAMES), {}, W, "name", ROWS, EVERY, ()),
    "row numbers": Bad(
        "identifier_columns", with_column("x", np.arange(ROWS) + 7.0), {}, W, "x", ROWS, EVERY, ("identifier",)
    ),
    "shuffled numbers without a hole": Bad(
        "identifier_columns",
        with_column("x", np.random.default_rng(1).permutation(ROWS).astype(float)),
        {},
        W, "x", ROWS, EVERY, (),
    ),
    "different whole numbers named like an identifier": Bad(
        "identifier_columns",
        with_column("patient_id", np.random.default_rng(1).permutation(ROWS) * 17.0),
        {},
        W, "patient_id", ROWS, EVERY, (),
    ),
    "a copy of the target": Bad(
        "target_given_away", lambda: good_frame().assign(x=good_frame()["answer"]), {}, E, "x", ROWS, EVERY, ("copy",)
    ),
    "the target in other words": Bad(
        "target_given_away",
        lambda: good_frame().assign(x=(good_frame()["answer"] == "yes").astype(float)),
        {},
        W, "x", 1, EVERY, ("'answer' (1.0000)",),
    ),
    "a number on two sides of a threshold": Bad(
        "target_given_away",
        lambda: good_frame().assign(x=np.where(good_frame()["answer"] == "yes", 1, -1) * np.linspace(9, 10, ROWS)),
        {},
        W, "x", 1, EVERY, (),
    ),
    "a date only where the answer is yes": Bad(
        "target_given_away",
        lambda: good_frame().assign(died=DAYS.where(good_frame()["answer"] == "yes")),
        {},
        W, "died", 1, [], (),
    ),
    "a column that tells three classes": Bad(
        "target_given_away",
        lambda: good_frame().assign(x=good_frame()["grade"].map({"low": 1.0, "mid": 2.0, "high": 3.0})),
        {"kind": "multiclass"},
        W, "x", 1, EVERY, (),
    ),
    "the logarithm of the target": Bad(
        "target_given_away",
        lambda: good_frame().assign(x=np.exp(good_frame()["price"] * 3)),
        {"kind": "regression"},
        W, "x", 1, EVERY, ("'price' (1.0000)",),
    ),
    "a part of the target, whose rest is there, too": Bad(
        "target_given_away",
        lambda: good_frame().assign(x=good_frame()["price"] - good_frame()["height"]),
        {"kind": "regression"},
        W, "x", 1, EVERY, ("together with 'height' it adds up to 'price'",),
    ),
    "numbers in another notation": Bad(
        "text_among_numbers",
        lambda: good_frame().assign(x=[f"{i},5" for i in range(ROWS)]),
        {},
        E, "x", ROWS, EVERY, ("numbers such as '0,5'", 'say `decimal: ","` under data'),
    ),
    "a copy of the target with a few other values": Bad(
        "target_nearly_given_away",
        lambda: good_frame().assign(x=good_frame()["answer"].where(np.arange(ROWS) > 0, "unknown")),
        {},
        W, "x", ROWS, [], ("'x' alone nearly gives the target away: 'answer' (0.98",),
    ),
    "a column that tells one label of several": Bad(
        "target_given_away",
        lambda: good_frame().assign(x=good_frame()["tag_b"].str.upper()),
        {"kind": "multilabel"},
        W, "x", 1, EVERY, ("'tag_b'",),
    ),
    "a rare class": Bad("class_imbalance", with_column("answer", answers(11)), {}, W, "answer", 11, EVERY, ("'yes'",)),
    "a rare label": Bad(
        "class_imbalance",
        with_column("tag_a", np.where(np.arange(ROWS) < 11, 1.0, 0.0)),
        {"kind": "multilabel"},
        W, "tag_a", 11, EVERY, (),
    ),
    "a class with a single row": Bad(
        "rows_per_class", with_column("answer", answers(1)), {}, E, "answer", 1, [0], ("'yes' (1)", "row 0")
    ),
    "a class with fewer rows than folds and test need": Bad(
        "rows_per_class", with_column("answer", answers(6)), {}, E, "answer", 6, EVERY, ("'yes' (6)", "5 rows")
    ),
    "a class that only the test set has": Bad(
        "rows_per_class",
        lambda: good_frame().assign(answer=answers(20), part=text(["a"] * 20 + ["b"] * (ROWS - 20))),
        {"test": {"column": "part", "value": "a"}},
        E, "answer", 20, EVERY, ("'yes' (20)",),
    ),
    "a target that is a number": Bad(
        "rows_per_class",
        lambda: good_frame().assign(grade=np.arange(ROWS) / 7),
        {"kind": "multiclass"},
        E, "grade", ROWS, EVERY, ("type: regression",),
    ),
    "an unknown positive class": Bad(
        "positive_class", good_frame, {"positive": "yess"}, E, "answer", 0, [], ("did you mean 'yes'",)
    ),
    "rows fewer than folds hold": Bad("enough_rows", head(11), {}, E, None, 9, EVERY, ("5 folds",)),
    "a test share without a row": Bad("test_set", head(20), {"test": {"share": 0.02}}, E, None, 0, [], ("0.02",)),
    "a test value that no row has": Bad(
        "test_set",
        good_frame,
        {"test": {"column": "colour", "value": "gren"}},
        E, "colour", 0, [], ("did you mean 'green'",),
    ),
    "a test value that every row has": Bad(
        "test_set",
        with_column("part", 1.0),
        {"test": {"column": "part", "value": 1}},
        E, "part", ROWS, EVERY, ("nothing is left",),
    ),
    "only test files": Bad("test_set", with_column("__role__", "test"), {}, E, None, ROWS, EVERY, ()),
    "a typing error among numbers": Bad(
        "text_among_numbers",
        lambda: spoiled("weight", [3, 50], "1,2"),
        {},
        E, "weight", 2, [3, 50], ("rows 3, 50", "'1,2'", "data.missing", "columns: {weight: categorical}"),
    ),
    "text among half as many numbers": Bad(
        "text_among_numbers",
        lambda: spoiled("weight", list(range(40)), "unknown"),
        {},
        W, "weight", 40, EVERY, ("and 35 more",),
    ),
    "too many categories": Bad(
        "too_many_categories",
        with_column("name", NAMES),
        {"validation": {"max_categories": 100}},
        E, "name", ROWS, EVERY, ("'name 0'", "`drop`"),
    ),
    "a column of gaps": Bad(
        "missing_share", lambda: spoiled("weight", list(range(70)), np.nan), {}, W, "weight", 70, EVERY, ("58.3%",)
    ),
    "one city, three spellings": Bad(
        "spellings",
        with_column("colour", text(["Ulm", "ulm", "ULM", "Bonn  am Rhein", "bonn am rhein", "Kiel"] * (ROWS // 6))),
        {},
        W, "colour", 60, [1, 2, 4, 7, 8], ("'Ulm' (20), 'ulm' (20), 'ULM' (20)", "; 'Bonn  am Rhein' (20)"),
    ),
    "a class in two spellings": Bad(
        "spellings",
        with_column("answer", text(["yes", "no", "Yes", "no"] * (ROWS // 4))),
        {"type": "multiclass"},
        W, "answer", 30, [2, 6, 10, 14, 18], ("'yes' (30), 'Yes' (30)",),
    ),
    "classes that differ in what cannot be seen": Bad(
        "spellings",
        with_column("answer", text(["yes", "no", "yes\u200b", "ｎｏ"] * (ROWS // 4))),
        {"type": "multiclass"},
        W, "answer", 60, [2, 3, 6, 7, 10], (r"'yes' (30), 'yes\u200b' (30)", "invisible characters"),
    ),
    "dates in another form": Bad(
        "dates_as_text",
        with_column("colour", text([f"{1 + i % 28:02}.{1 + i // 28:02}.2024" for i in range(ROWS)])),
        {},
        W, "colour", ROWS, EVERY, ("dates such as '01.01.2024'", 'dates: {colour: "%d.%m.%Y"}'),
    ),
    "ids of nineteen digits": Bad(
        "text_among_numbers",
        with_column("colour", text([str(1234567890123456700 + i // 4) for i in range(ROWS)])),
        {},
        W, "colour", ROWS, EVERY, ("keeps all digits", "as `groups`", "columns: {colour: numeric}"),
    ),
    "fewer groups than folds and test need": Bad(
        "enough_groups",
        with_column("clinic", text(list("abcde") * (ROWS // 5))),
        {"groups": "clinic"},
        E, "clinic", 5, EVERY, ("need 6",),
    ),
    "rows out of time order": Bad(
        "time_order",
        lambda: good_frame().assign(day=good_frame()["day"].replace({30: 31, 31: 30, 60: 61, 61: 60})),
        {"time": "day"},
        W, "day", 2, [31, 61], ("rows 31, 61",),
    ),
    "a hole in daily rows": Bad(
        "time_order",
        lambda: good_frame().assign(day=DAYS.where(DAYS.index < 50, DAYS + pd.Timedelta(days=9))),
        {"time": "day"},
        W, "day", 1, [50], ("10 days",),
    ),
    "two moments in time": Bad(
        "time_order",
        with_column("day", np.repeat([1.0, 2.0], ROWS // 2)),
        {"time": "day"},
        E, "day", 2, EVERY, ("2 moments",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_check_fires_on_a_bad_table_and_names_column_count_and_rows(bad: Bad) -> None:
    table = facts(bad.frame(), **{"kind": "binary", **bad.settings})
    issues = [issue for issue in CHECKS[bad.check](table) if issue.column == bad.column]
    assert [(issue.severity, issue.count) for issue in issues] == [(bad.severity, bad.count)]
    if bad.check == "target_given_away" and not bad.rows:
        assert table[str(bad.column)].iloc[issues[0].rows].notna().all()
    else:
        assert issues[0].rows == bad.rows
    for words in bad.words:
        assert words in issues[0].message


def test_every_check_has_a_bad_table() -> None:
    assert {bad.check for bad in BAD.values()} == set(CHECKS)


GOOD: list[dict[str, Any]] = [
    *({"kind": kind} for kind in TARGETS),
    {"groups": "clinic"},
    {"time": "day"},
    {"weights": "trust"},
    {"test": {"column": "colour", "value": "red"}},
    {"protocol": "hold_out"},
    {"positive": "no"},
]


@pytest.mark.parametrize("changes", GOOD, ids=str)
@pytest.mark.parametrize("check", CHECKS)
def test_a_check_is_silent_on_a_good_table(check: str, changes: dict[str, Any]) -> None:
    assert list(CHECKS[check](facts(good_frame(), **{"kind": "binary", **changes}))) == []


def test_a_declared_category_may_hold_numbers_and_text() -> None:
    table = facts(spoiled("weight", [3], "unknown"), columns={"weight": "categorical"})
    assert list(text_among_numbers(table)) == []


def test_ten_even_classes_are_no_imbalance() -> None:
    frame = good_frame().assign(grade=text(list("abcdefghij") * (ROWS // 10)))
    assert list(CHECKS["class_imbalance"](facts(frame, "multiclass"))) == []


def test_a_rare_class_does_not_make_every_column_a_give_away() -> None:
    frame = good_frame(5000).assign(answer=text(["yes"] * 5 + ["no"] * 4995))
    assert list(CHECKS["target_given_away"](facts(frame))) == []


def test_too_few_rows_to_look_for_give_aways_are_told() -> None:
    (issue,) = CHECKS["target_given_away"](facts(good_frame(20)))
    assert (issue.severity, issue.column) == ("warning", None)
    assert issue.message == (
        "20 rows are too few to tell which columns give the target away; from 30 rows on this check looks for them"
    )


def test_two_checks_score_the_features_of_a_table_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[str] = []
    monkeypatch.setattr("src.validation.checks._leak_score", lambda table, name, *values: scored.append(name) or 0.5)
    for table in (facts(good_frame()), facts(good_frame())):
        for check in ("target_given_away", "target_nearly_given_away"):
            assert list(CHECKS[check](table)) == []
        assert scored == list(table.features), "another table has scores of its own"
        scored.clear()


def test_fewer_folds_let_smaller_classes_pass() -> None:
    frame = good_frame().assign(answer=answers(6))
    assert list(CHECKS["rows_per_class"](facts(frame, folds=3))) == []


def test_the_finding_of_a_sampled_check_says_so() -> None:
    frame = good_frame(30_000)
    frame["x"] = (frame["answer"] == "yes").astype(float)
    (issue,) = CHECKS["target_given_away"](facts(frame))
    assert "on a sample of 20,000 rows" in issue.message


cells = st.lists(st.sampled_from(["1", "2.5", "-3e4", "x", "1/0", None]), min_size=1, max_size=60)


@given(cells)
def test_the_rows_named_for_text_among_numbers_really_hold_text(values: list[str | None]) -> None:
    frame = pd.DataFrame({"v": text(values), "answer": text(["a", "b"] * 30)[: len(values)]})
    share, _ = numeric_looking(frame["v"], Notation())
    issues = list(text_among_numbers(facts(frame, drop=[])))
    wrong = [row for row, value in enumerate(values) if value in ("x", "1/0")]
    assert [issue.rows for issue in issues] == ([wrong[:5]] if 0.5 <= share < 1 and wrong else [])
    assert all(issue.count == len(wrong) for issue in issues)


numbers = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.0]))


@given(st.lists(st.tuples(numbers, st.sampled_from(["a", "b", None]), st.sampled_from(["p", "q"])), max_size=40))
def test_duplicate_rows_are_those_that_repeat_an_earlier_one(rows: list[tuple[float | None, str | None, str]]) -> None:
    frame = pd.DataFrame(rows, columns=["x", "c", "answer"]).astype({"x": "float64", "c": "str", "answer": "str"})
    expected = [row for row, value in enumerate(rows) if value in rows[:row]]
    issues = list(duplicate_rows(facts(frame, drop=[])))
    assert [(issue.count, issue.rows) for issue in issues] == ([(len(expected), expected[:5])] if expected else [])


def test_rows_that_differ_in_a_reference_column_alone_are_duplicates() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 1.0], "answer": text(["a", "b", "a"]), "who": text(["i", "j", "k"])})
    [issue] = duplicate_rows(facts(frame, drop=[], reference="who"))
    assert issue.rows == [2]


@given(st.lists(numbers, min_size=1, max_size=40))
def test_the_rows_named_as_missing_really_are(values: list[float | None]) -> None:
    frame = pd.DataFrame({"x": np.array(values, dtype=float), "answer": text(["a"] * len(values))})
    for issue in missing_share(facts(frame, drop=[])):
        assert frame["x"].iloc[issue.rows].isna().all()
        assert issue.count == frame["x"].isna().sum() > len(values) / 2
