"""The user's own suite on rows to be scored, which come without a target.

Expectations of single rows apply to them too. Expectations of the whole table (a mean, uniqueness, an order), or of
columns that such rows need not have, do not apply: `RowSuite.left_out` lists them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.core.errors import UserError
from src.validation.suite import Rule, Runner, read_user_suite

if TYPE_CHECKING:
    import pandas as pd

# Checked row by row, though the result depends on the other rows or on how the column is stored.
_OF_THE_TABLE = {
    "expect_column_value_z_scores_to_be_less_than",
    "expect_column_values_to_not_be_outliers",
    "expect_column_values_to_be_unique",
    "expect_compound_columns_to_be_unique",
    "expect_column_values_to_be_decreasing",
    "expect_column_values_to_be_increasing",
    "expect_column_values_to_be_of_type",
    "expect_column_values_to_be_in_type_list",
}


@dataclass(frozen=True)
class Broken:
    """An expectation that some rows do not meet, and the positions of these rows. Only errors refuse the rows."""

    rule: Rule
    rows: list[int]
    values: list[Any]

    @property
    def is_error(self) -> bool:
        """Whether it refuses rows: an expectation with `mostly` says nothing about a single row."""
        return self.rule.severity == "error" and self.rule.kwargs.get("mostly", 1) == 1


class RowSuite:
    """The expectations of `path` that apply to single rows of the columns `features`.

    `left_out` lists the others, each with the reason. Raises UserError if the file is not a suite.
    """

    def __init__(self, path: Path, features: Sequence[str]) -> None:
        self.path = path
        self.rules: list[Rule] = []
        self.left_out: list[str] = []
        if not path.exists():
            return
        self._runner = Runner()
        for rule in read_user_suite(path):
            reason = _inapplicable(rule, features)
            if reason is None:
                self.rules.append(rule)
            else:
                self.left_out.append(f"{rule.check}: {reason}")

    def broken(self, frame: "pd.DataFrame") -> Iterator[Broken]:
        """The expectations that rows of `frame` do not meet; its index has to be their positions."""
        if not self.rules or not len(frame):
            return
        shape = {"result_format": "COMPLETE", "unexpected_index_column_names": []}
        failures = self._runner.failures([_strict(rule) for rule in self.rules], frame, list(frame.columns), shape)
        for number, result in sorted(failures.items()):
            rule = self.rules[number]
            if result["exception"]:
                raise UserError(f"{self.path}: {rule.check} could not be checked: {result['exception']}")
            yield Broken(rule, [int(row) for row in result["unexpected_index_list"]], result["unexpected_list"])


def _strict(rule: Rule) -> Rule:
    """The rule without `mostly`, so that every row that breaks it is found."""
    return Rule(rule.check, rule.type, {k: v for k, v in rule.kwargs.items() if k != "mostly"}, rule.explain)


def _inapplicable(rule: Rule, features: Sequence[str]) -> str | None:
    from great_expectations.expectations import expectation as classes
    from great_expectations.expectations.registry import get_expectation_impl

    by_row = (classes.ColumnMapExpectation, classes.ColumnPairMapExpectation, classes.MulticolumnMapExpectation)
    if rule.type in _OF_THE_TABLE or not issubclass(get_expectation_impl(rule.type), by_row):
        return "it is about the whole table, not about one row"
    kwargs = rule.kwargs
    columns = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    others = [name for name in [*columns, *kwargs.get("column_list", ())] if name not in features]
    if others:
        return f"{', '.join(map(repr, others))} is no column that the model learnt from"
    return "it has a condition on rows" if kwargs.get("row_condition") else None
