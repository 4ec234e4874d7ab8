"""What a first problem file guesses from a table, and why."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from src.core.errors import UserError
from src.core.yaml_file import scalar
from src.preparation.proposal import conclusions, propose
from src.problem.sources import LocalSource

ROWS = 200
RNG = np.random.default_rng(0)


def table(**columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"x": RNG.normal(size=ROWS), **columns})
    return frame.assign(**{name: frame[name].astype("float64") for name in frame.select_dtypes("integer")})


def proposed(frame: pd.DataFrame, *targets: str) -> tuple[dict[str, Any], str]:
    text = propose(frame, targets, LocalSource(source="file", path="t.csv"), [], seed=0)
    return yaml.safe_load(text), text


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(ROWS) % 2, "binary"),
        (np.resize(["yes", "no"], ROWS), "binary"),
        (pd.array(np.arange(ROWS) % 2 == 0, dtype="boolean"), "binary"),
        (np.resize(["a", "b", "c"], ROWS), "multiclass"),
        (np.arange(ROWS) % 5, "multiclass"),
        (np.where(np.arange(ROWS) < 3, 9, np.arange(ROWS) % 5), "regression"),
        (np.arange(ROWS) % 30, "regression"),
        (RNG.normal(size=ROWS), "regression"),
        (RNG.uniform(size=ROWS), "unit_interval_regression"),
    ],
)
def test_the_type_is_guessed_from_the_target(values: Any, kind: str) -> None:
    problem, text = proposed(table(y=values), "y")

    assert problem["type"] == kind
    assert f"type: {kind} # y " in text


def test_several_yes_or_no_targets_are_labels_and_several_numbers_are_a_vector() -> None:
    frame = table(a=np.arange(ROWS) % 2, b=np.arange(ROWS) % 3 == 0, c=RNG.normal(size=ROWS))

    assert proposed(frame, "a", "b")[0]["type"] == "multilabel"
    assert proposed(frame, "a", "c")[0]["type"] == "regression"
    assert proposed(frame, "a", "c")[0]["target"] == ["a", "c"]


def test_imbalance_and_rows_choose_measure_and_protocol_with_reasons() -> None:
    problem, text = proposed(table(y=np.arange(ROWS) % 10 == 0), "y")

    assert (problem["measure"], problem["protocol"]) == ("average_precision", "iterated_k_fold")
    assert "# the rarer class has 10.0% of the rows" in text
    assert "# 160 training rows" in text


@pytest.mark.parametrize(
    ("values", "positive"),
    [(["no", "yes", "yes"], "yes"), ([0, 1, 1], 1), (["cat", "cat", "dog"], "dog"), (["b: c", "a", "a"], "b: c")],
)
def test_the_positive_class_affirms_or_is_the_rarer_one(values: list[Any], positive: Any) -> None:
    assert proposed(table(y=np.resize(np.array(values), ROWS)), "y")[0]["positive"] == positive


def test_columns_that_name_rows_or_say_nothing_are_dropped() -> None:
    frame = table(
        row=np.arange(1, ROWS + 1),
        CustomerID=RNG.permutation(10_000)[:ROWS],
        note=[f"text {i}" for i in range(ROWS)],
        constant=1.0,
        empty=np.nan,
        when=[f"{1 + i % 28}.11.2026" for i in range(ROWS)],
        city=np.resize(["Bonn", "Köln"], ROWS),
        y=np.arange(ROWS) % 2,
    )

    problem, text = proposed(frame, "y")

    assert problem["drop"] == ["row", "CustomerID", "note", "constant", "empty", "when"]
    assert "write them as 2026-11-21" in text


def test_codes_are_proposed_as_categorical_and_doubts_are_comments() -> None:
    frame = table(zip_code=np.arange(ROWS) % 7 + 53_000, rooms=np.arange(ROWS) % 4, y=np.arange(ROWS) % 2)

    problem, text = proposed(frame, "y")

    assert problem["columns"] == {"zip_code": "categorical"}
    assert "#   rooms: categorical # 4 different values" in text


def test_a_column_of_sentences_comes_with_how_to_read_their_words() -> None:
    frame = table(sentence=[f"s{i // 8}" for i in range(ROWS)], tag=np.resize(["a", "b", "c"], ROWS))

    _, text = proposed(frame, "tag")

    assert "# groups: sentence" in text
    assert "# columns: {word: token}" in text


def test_groups_and_the_time_of_rows_in_another_order_are_comments_only() -> None:
    frame = table(
        patient_id=np.arange(ROWS) // 10,
        visited=pd.date_range("2026-01-01", periods=ROWS).as_unit("us")[::-1],
        y=np.arange(ROWS) % 2,
    )

    problem, text = proposed(frame, "y")

    assert "# groups: patient_id" in text
    assert "# time: visited" in text
    assert "# series: {lookback: 12, delay: 1}" in text
    assert not {"groups", "time"} & problem.keys()


@pytest.mark.parametrize("step", ["h", "D", "MS", "YS"])
def test_rows_in_the_order_of_regular_dates_are_a_series_even_without_other_columns(step: str) -> None:
    when = pd.date_range("1826-01-01", periods=ROWS, freq=step, unit="us")
    problem, _ = proposed(pd.DataFrame({"when": when, "y": RNG.normal(size=ROWS)}), "y")

    assert (problem["time"], problem["series"]) == ("when", {"lookback": 12, "delay": 1})
    assert "drop" not in problem


def test_years_in_order_are_a_series_and_irregular_moments_tell_time_alone() -> None:
    problem, _ = proposed(pd.DataFrame({"Year": 1700.0 + np.arange(ROWS), "y": RNG.normal(size=ROWS)}), "y")
    assert (problem["time"], "series" in problem) == ("Year", True)

    days = pd.to_timedelta(np.cumsum(RNG.integers(1, 40, ROWS)), "D") + pd.Timestamp("2020-01-01")
    problem, text = proposed(table(sold=days.as_unit("us"), y=RNG.normal(size=ROWS)), "y")
    assert (problem["time"], "series" in problem) == ("sold", False)
    assert "# series: {lookback: 12" in text


def test_slips_in_numbers_and_gaps_in_the_target_are_told() -> None:
    slips = [str(i) for i in range(ROWS)]
    slips[3] = "n.a."
    y = np.arange(ROWS, dtype=float) % 2
    y[:5] = np.nan

    _, text = proposed(table(v=slips, y=y), "y")

    assert "# v holds numbers but for 1 values (row 3: 'n.a.')" in text
    assert "# y is missing in 5 rows" in text


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("z", "there is no column 'z'; the columns are: x, "),
        ("constant", "'constant' has 1 different values"),
        ("when", "'when' holds dates"),
        ("slips", r"'slips' holds numbers but for 1 values \(row 0: 'n.a.'\)"),
    ],
)
def test_a_column_that_cannot_be_a_target_is_refused(target: str, message: str) -> None:
    frame = table(
        constant=np.ones(ROWS),
        when=pd.date_range("2026-01-01", periods=ROWS).as_unit("us"),
        slips=["n.a.", *map(str, range(1, ROWS))],
    )

    with pytest.raises(UserError, match=message):
        proposed(frame, target)


def test_long_ids_are_codes_and_classes_that_look_alike_are_told() -> None:
    ids = pd.array([str(1234567890123456700 + i // 4) for i in range(ROWS)], dtype="str")
    labels = pd.array(np.resize(["cat", "dog", "Cat", "dog\u200b"], ROWS), dtype="str")
    problem, text = proposed(table(uid=ids, y=labels), "y")

    assert "drop" not in problem
    assert "# columns: {uid: numeric}" in text
    assert "# groups: uid" in text
    assert "# y: 'cat' and 'Cat' differ only in case" in text
    assert r"'dog\u200b'" in text
    assert (
        "drop"
        in proposed(table(uid=pd.array([f"{10**18 + i * 7}" for i in range(ROWS)], dtype="str"), y=labels), "y")[0]
    )


def test_what_is_guessed_left_out_and_doubted_is_told_in_plain_words() -> None:
    frame = table(key=np.arange(ROWS), floor=np.arange(ROWS) % 4, y=np.arange(ROWS) % 4 == 0)

    told = conclusions(proposed(frame, "y")[1])

    assert "type: binary (y has two values)" in told
    assert "left out: key has 200 different values in 200 rows: it counts rows instead of describing them" in told
    assert "Whole numbers with few values; are they codes (categorical) and not amounts?" in told
    assert any("always names the frequent one is right in 75.0%" in line for line in told)


def test_a_target_that_lists_labels_is_proposed_as_one_target_for_each() -> None:
    listed = np.resize(["war|drama", "drama", "", "love|drama", "love"], ROWS)
    listed[0] = "war|rare"
    problem, text = proposed(table(tags=pd.array(listed, dtype="str")), "tags")

    assert problem["type"] == "multilabel"
    assert problem["data"]["lists"] == {"tags": "|"}
    assert set(problem["target"]) == {"tags=drama", "tags=war", "tags=love"}
    assert "Left out are labels with under 10 rows: rare." in text
    names = pd.array([f"Lee, Ann {i % 7}" for i in range(ROWS)], dtype="str")
    assert proposed(table(y=names), "y")[0]["type"] == "multiclass"


def test_a_table_without_features_is_refused() -> None:
    with pytest.raises(UserError, match="no column is left to learn from: n has one value only"):
        proposed(pd.DataFrame({"y": np.arange(40.0) % 2, "n": 1.0}), "y")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_written_as_yaml_that_reads_the_same(value: str) -> None:
    assert yaml.safe_load(f"[{scalar(value)}]") == [value]
    assert yaml.safe_load(f"{scalar(value)}: 1 # why") == {value: 1}


def test_a_column_of_many_words_is_text():
    reviews = pd.Series([f"the film number {i} was rather good" for i in range(ROWS)], dtype="str")
    found, text = proposed(table(review=reviews, y=np.arange(ROWS) % 2), "y")
    assert found["columns"] == {"review": "text"}
    assert "drop" not in found
    assert "review: text # 200 different values of words" in text


def test_without_a_target_rows_are_described_by_a_code_a_quarter_as_long() -> None:
    texts = [f"the {i} quick brown foxes jump over many lazy dogs" for i in range(ROWS)]
    numbers = {name: RNG.normal(size=ROWS) for name in "abcdefgh"}
    problem, text = proposed(table(**numbers, side=np.resize(["near", "far"], ROWS), note=texts))

    assert "target" not in problem
    assert (problem["type"], problem["code"], problem["measure"]) == ("autoencode", 2, "reconstruction_mse")
    assert problem["drop"] == ["note"]
    assert "note # holds texts, which type autoencode does not take" in text
    assert "# reference: side # if the report is to show it and nothing to be learnt from it" in text


def test_a_table_of_nothing_but_texts_is_read_on() -> None:
    names = pd.DataFrame({"name": [f"{first}{last}" for first in "abcdef" for last in ("ana", "mir", "olo")] * 3})
    problem, text = proposed(names.astype("str"))

    assert problem["type"] == "language_model"
    assert problem["columns"] == {"name": "text"}
    assert "drop" not in problem
    assert "no target was given, and there is nothing but texts" in text
    assert proposed(names.astype("str").assign(x=np.arange(len(names)) * 0.1))[0]["type"] == "autoencode"
