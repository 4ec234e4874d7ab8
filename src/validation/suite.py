"""A Great Expectations suite derived from the problem file, and the user's own suite.

The derived suite checks what the problem file promises: columns that exist, types, no gaps in columns with a role,
classes, finite values, ranges. The user's suite, `data/expectations/<problem>.json`, is a Great Expectations 1.x suite
as JSON. A failed expectation is an error unless it has `"meta": {"severity": "warning"}`.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from src.core.errors import UserError
from src.core.files import parse_json
from src.datasets import numeric_looking
from src.datasets.notation import as_settings
from src.models.types.problem_type import ProblemType
from src.models.types.registry import TYPES
from src.tables.facts import (
    SHOWN_ROWS,
    Issue,
    TableFacts,
    counted,
    first_rows,
    listed,
    listed_counts,
    show,
    where,
)

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["error", "warning"]
Explain = Callable[[TableFacts, dict[str, Any]], Issue]

COLUMNS_PER_BATCH = 4
LARGEST = 1e100  # the squares of larger numbers, needed for spreads and errors, soon overflow
BEYOND = f"infinite or beyond {LARGEST:g}"
COLUMN_TYPES = {
    "numeric": "float64",
    "categorical": "str",
    "text": "str",
    "token": "str",
    "image": "bytes",
    "boolean": "bool",
    "date": "datetime64",
}
LABEL_TEXT = r"(?i)^(?:true|false|yes|no|1|0)$"


@dataclass(frozen=True)
class Rule:
    """One expectation, the check it belongs to, and how to describe its failure (Great Expectations' result)."""

    check: str
    type: str
    kwargs: dict[str, Any]
    explain: Explain
    severity: Severity = "error"


def run_suite(table: TableFacts, expectations: Path) -> dict[str, list[Issue]]:
    """The findings of every check of the derived suite and of the user's.

    Raises UserError if Great Expectations does not accept the user's file.
    """
    runner = Runner()
    rules = [*derive(table), *read_user_suite(expectations)]
    outcome: dict[str, list[Issue]] = {rule.check: [] for rule in rules}
    # An empty list of index columns makes Great Expectations report rows by the frame's index, their positions.
    shape = {"result_format": "SUMMARY", "unexpected_index_column_names": [], "partial_unexpected_count": SHOWN_ROWS}
    for number, result in sorted(runner.failures(rules, table.frame, table.columns, shape).items()):
        issue = rules[number].explain(table, result)
        outcome[rules[number].check].append(issue)
    return outcome


class Runner:
    """Runs expectations on a table; importing Great Expectations takes seconds."""

    def __init__(self) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("raw")
        self._whole = asset.add_batch_definition_whole_dataframe("_")

    def failures(
        self, rules: Sequence[Rule], frame: "pd.DataFrame", columns: list[str], shape: dict[str, Any]
    ) -> dict[int, dict[str, Any]]:
        """Great Expectations' results, in the format `shape`, for the rules that fail, by their index in `rules`.

        `exception` holds the message of an exception that it ran into.
        """
        import great_expectations as gx
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

        failures: dict[int, dict[str, Any]] = {}
        for part, numbers in _batches(rules, columns):
            # Results come back in another order than the expectations went in: each carries its number.
            suite = gx.ExpectationSuite(
                name="problem",
                expectations=[
                    ExpectationConfiguration(rules[n].type, rules[n].kwargs, meta={"number": n}).to_domain_obj()
                    for n in numbers
                ],
            )
            batch = self._whole.get_batch({"dataframe": frame[part]})
            for validated in batch.validate(suite, result_format=shape).results:
                result: dict[str, Any] = dict(validated.to_json_dict())
                if not result["success"]:
                    number = result["expectation_config"]["meta"]["number"]
                    failures[number] = {"exception": _exception(result), **result["result"]}
        return failures


def _batches(rules: Sequence[Rule], columns: list[str]) -> list[tuple[list[str], list[int]]]:
    """Batches of rules, by their index, with the columns that they are checked on.

    Great Expectations copies the batch for every column it checks, so rules about one column get only a few columns.
    """
    together: dict[int | None, list[int]] = {}
    places = {name: place // COLUMNS_PER_BATCH for place, name in enumerate(columns)}
    for number, rule in enumerate(rules):
        alone = "row_condition" not in rule.kwargs
        together.setdefault(places.get(rule.kwargs.get("column", "")) if alone else None, []).append(number)
    return [
        (columns if place is None else columns[place * COLUMNS_PER_BATCH :][:COLUMNS_PER_BATCH], numbers)
        for place, numbers in together.items()
    ]


def derive(table: TableFacts) -> Iterator[Rule]:
    """The rules that follow from the problem file, for the columns that exist."""
    settings = table.settings
    for key, column in table.named:
        yield Rule("columns_exist", "expect_column_to_exist", {"column": column}, _no_such_column(key, column))

    type_of = dict.fromkeys(table.targets, settings.problem_type)
    type_of |= {name: TYPES[settings.heads[name].type] for name in table.of_role("heads")}
    needs_numbers = {name for name, problem_type in type_of.items() if problem_type.target == "number"}
    needs_numbers |= {*table.of_role("weights"), *(n for n, type_ in settings.columns.items() if type_ == "numeric")}
    types = {name: settings.columns[name] for name in table.columns if name in settings.columns}
    types |= {name: "numeric" for name in table.columns if name in needs_numbers}
    for column, type_ in types.items():
        kwargs: dict[str, Any] = {"column": column, "type_": COLUMN_TYPES[type_]}
        yield Rule("column_types", "expect_column_values_to_be_of_type", kwargs, _wrong_type(column, type_))
    for column in table.of_role("time"):
        type_ = "date" if table.types[column] == "date" else "numeric"
        kwargs = {"column": column, "type_": COLUMN_TYPES[type_]}
        explain = _wrong_type(column, "numeric or date")
        yield Rule("column_types", "expect_column_values_to_be_of_type", kwargs, explain)

    gaps = settings.series is not None or settings.pretrain != "none"
    complete = ("groups", "time", "weights") if gaps else ("target", "groups", "time", "weights")
    for role in complete:
        for column in table.of_role(role):
            learnt = ", or set `pretrain` to learn from their inputs alone" if role == "target" else ""
            way_out = f"a {role} column needs a value in every row: fill the gaps, remove these rows{learnt}"
            yield Rule(
                f"{role}_without_gaps",
                "expect_column_values_to_not_be_null",
                {"column": column},
                _bad_values(column, "missing", way_out),
            )

    for column, problem_type in type_of.items():
        kwargs = {"column": column, "min_value": 2, "max_value": problem_type.most_classes}
        explain = _wrong_classes(column, problem_type)
        yield Rule("classes", "expect_column_unique_value_count_to_be_between", kwargs, explain)
    for column, problem_type in type_of.items():
        if problem_type.target == "flag":
            yield from _label_rules(table, column, problem_type)

    bounded = {
        name: of_type for name, of_type in type_of.items() if of_type.target == "number" and not of_type.unbounded
    }
    numeric = [name for name in table.columns if table.types[name] == "numeric" and table.roles[name] != "drop"]
    for column in numeric:
        way_out = "replace them in the file, or add their mark to data.missing, or name the column under `drop`"
        if table.roles[column] not in ("feature", "reference"):
            way_out = f"the {table.roles[column]} column needs a number in every row: correct them or remove these rows"
        yield _range("finite_values", column, -LARGEST, LARGEST, BEYOND, way_out)
    for column in numeric:
        if column in bounded:
            low, high = bounded[column].lowest, bounded[column].highest
            way_out = f"rescale the target, or choose `type: {bounded[column].otherwise}`"
            yield _range("ranges", column, low, high, f"outside [{low:g}, {high:g}]", way_out)
        if column == settings.weights:
            way_out = "a weight is a number above 0: correct it, or remove the rows that should not count"
            yield _range("ranges", column, 0.0, None, "not above 0", way_out, strict_min=True)


def _label_rules(table: TableFacts, column: str, problem_type: ProblemType) -> Iterator[Rule]:
    way_out = f"type {problem_type.name} needs a yes or no in each label column"
    explain = _bad_values(column, "neither 0/1 nor true/false", way_out)
    if table.types[column] == "categorical":
        kwargs = {"column": column, "regex": LABEL_TEXT}
        yield Rule("classes", "expect_column_values_to_match_regex", kwargs, explain)
    elif table.types[column] != "boolean":
        yield Rule("classes", "expect_column_values_to_be_in_set", {"column": column, "value_set": [0, 1]}, explain)


def _range(check: str, column: str, low: float, high: float | None, fault: str, way_out: str, **strict: bool) -> Rule:
    kwargs = {"column": column, "min_value": low, "max_value": high, **strict}
    return Rule(check, "expect_column_values_to_be_between", kwargs, _bad_values(column, fault, way_out))


def _bad_values(column: str, fault: str, way_out: str) -> Explain:
    def explain(_: TableFacts, result: dict[str, Any]) -> Issue:
        count, rows = result["unexpected_count"], _rows(result)
        return Issue(
            "error",
            column,
            count,
            rows,
            f"{column!r}: {counted(count, 'value')} {fault} ({where(rows, count)}); {way_out}",
        )

    return explain


def _no_such_column(key: str, column: str) -> Explain:
    def explain(table: TableFacts, _: dict[str, Any]) -> Issue:
        return Issue("error", column, 1, [], f"{key}: the table has no column {column!r}{_nearest(table, column)}")

    return explain


def _wrong_type(column: str, type_: str) -> Explain:
    def explain(table: TableFacts, _: dict[str, Any]) -> Issue:
        type_read, count, rows = table.types[column], len(table), first_rows(table[column].notna())
        if type_ == "numeric" and type_read == "categorical":
            wrong = numeric_looking(table[column], table.notation(column))[1]
            count, rows = len(wrong), [int(row) for row in wrong[:SHOWN_ROWS]]
            other = table.other_notation(column)
            way_out = (
                "correct them, or add the mark to data.missing"
                if other is None
                else f"say `{as_settings(other, column)}` under data"
            )
            message = (
                f"{column!r}: {counted(count, 'value')} not a number ({where(rows, count)}), for example "
                f"{table[column].iloc[rows[0]]!r}; {way_out}"
            )
            return Issue("error", column, count, rows, message)
        message = f"{column!r} was read as {type_read} but has to be {type_}; correct the file or the key `columns`"
        return Issue("error", column, count, rows, message)

    return explain


def _wrong_classes(column: str, problem_type: ProblemType) -> Explain:
    def explain(table: TableFacts, result: dict[str, Any]) -> Issue:
        values = table[column].value_counts()
        distinct = int(result["observed_value"])
        if distinct < 2:
            rows = first_rows(table[column].notna())
            only = f"only the value {show(values.index[0])!r}" if distinct else "no value at all"
            message = f"{column!r} holds {only}: there is nothing to learn; give rows with other values too"
            return Issue("error", column, int(values.sum()), rows, message)
        rows = first_rows(table[column] == values.index[-1])
        shares = listed_counts({show(value): int(count) for value, count in values.items()})
        message = (
            f"{column!r}: type {problem_type.name} needs exactly two classes, found {distinct:,}: {shares}; "
            "correct the values or choose another type"
        )
        return Issue("error", column, distinct, rows, message)

    return explain


def read_user_suite(path: Path) -> list[Rule]:
    """The expectations of the user's file, if there is one."""
    if not path.exists():
        return []
    try:
        suite = parse_json(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from None
    items = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(items, list):
        raise UserError(f'{path}: expected a Great Expectations 1.x suite: {{"name": …, "expectations": [ … ]}}')
    return [_user_rule(item, f"{path}: expectations[{number}]") for number, item in enumerate(items)]


def _user_rule(item: Any, place: str) -> Rule:
    """Check one expectation; a suite of Great Expectations would silently leave out one that it does not know."""
    import pydantic.v1
    from great_expectations.exceptions import GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    if not isinstance(item, dict) or not isinstance(item.get("type"), str) or not isinstance(item.get("kwargs"), dict):
        raise UserError(f'{place}: expected {{"type": "expect_…", "kwargs": {{…}}}}, found {item!r}')
    known_types = list_registered_expectation_implementations()
    if item["type"] not in known_types:
        near = get_close_matches(item["type"], known_types, n=1)
        raise UserError(f"{place}: unknown type {item['type']!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    try:
        ExpectationConfiguration(type=item["type"], kwargs=item["kwargs"]).to_domain_obj()
    except (GreatExpectationsError, pydantic.v1.ValidationError, TypeError) as error:
        raise UserError(f"{place}: {item['type']}: {error}") from None
    meta = item.get("meta") or {}
    if not isinstance(meta, dict):
        raise UserError(f"{place}: meta: should be an object, found {meta!r}")
    severity = meta.get("severity", "error")
    if severity not in ("error", "warning"):
        raise UserError(f"{place}: meta.severity: {severity!r}; allowed: 'error', 'warning'")
    kwargs = ", ".join(f"{key}={value!r}" for key, value in item["kwargs"].items())
    promise = f"{item['type']}({kwargs})"
    return Rule(
        f"your suite: {promise}", item["type"], item["kwargs"], _broken_promise(promise, item, severity), severity
    )


def _broken_promise(promise: str, item: dict[str, Any], severity: Severity) -> Explain:
    def explain(table: TableFacts, result: dict[str, Any]) -> Issue:
        column = item["kwargs"].get("column")
        if column is not None and column not in table.columns:
            message = f"your suite: {promise}: the table has no column {column!r}{_nearest(table, column)}"
            return Issue(severity, column, 1, [], message)
        count, rows = int(result.get("unexpected_count", 0)), _rows(result)
        if result["exception"]:
            fact = f"could not be checked: {result['exception']}"
        elif rows:
            examples = ", ".join(repr(value) for value in result["partial_unexpected_list"][:3])
            fact = f"does not hold for {counted(count, 'row')} ({where(rows, count)}), for example {examples}"
        else:
            fact = f"does not hold; found {result.get('observed_value')!r}"
        return Issue(severity, column, count, rows, f"your suite: {promise} {fact}")

    return explain


def _rows(result: dict[str, Any]) -> list[int]:
    return [int(row) for row in result.get("partial_unexpected_index_list") or []][:SHOWN_ROWS]


def _exception(result: dict[str, Any]) -> str:
    """The messages of the exceptions in a result, without tracebacks."""
    info = result["exception_info"]
    parts = [info] if "raised_exception" in info else list(info.values())
    messages = [str(part["exception_message"]) for part in parts if part["exception_message"]]
    return "; ".join(dict.fromkeys(messages))


def _nearest(table: TableFacts, column: str) -> str:
    near = get_close_matches(column, table.columns, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; its columns: {listed(table.columns, 10)}"
