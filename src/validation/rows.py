"""The user's own suite on rows that come without a target, some at a time.

What an expectation says of single rows applies to rows to score as it does to those learnt from. What it says of the
table as a whole (a mean, uniqueness, an order) or of columns that such rows need not have does not; those are told.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from src.core.errors import UserError
from src.validation.suite import Rule, Runner, read_user_suite

if TYPE_CHECKING:
    import pandas as pd

# They are checked row by row, and yet what they say of a row depends on the others or on how the column is stored.
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
    """A promise that some rows break; `rows` are their positions. Only `error` refuses them."""

    rule: Rule
    rows: list[int]
    values: list[Any]

    @property
    def is_error(self) -> bool:
        """A promise that holds for most rows only says nothing of one of them."""
        return self.rule.severity == "error" and self.rule.kwargs.get("mostly", 1) == 1


class RowSuite:
    """The expectations of `path` that single rows of the columns `features` can meet.

    `left_out` names the others, each with the reason. Raises UserError where the file is no suite.
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
        """What the rows of `frame` break; its index has to be their positions."""
        if not self.rules or not len(frame):
            return
        shape = {"result_format": "COMPLETE", "unexpected_index_column_names": []}
        found = self._runner.failures([_strict(rule) for rule in self.rules], frame, list(frame.columns), shape)
        for number, result in sorted(found.items()):
            rule = self.rules[number]
            if result["exception"]:
                raise UserError(f"{self.path}: {rule.check} could not be checked: {result['exception']}")
            yield Broken(rule, [int(row) for row in result["unexpected_index_list"]], result["unexpected_list"])


def _strict(rule: Rule) -> Rule:
    """The rule for each row by itself: whether most of some rows keep it says nothing of those that do not."""
    return Rule(rule.check, rule.type, {k: v for k, v in rule.kwargs.items() if k != "mostly"}, rule.explain)


def _inapplicable(rule: Rule, features: Sequence[str]) -> str | None:
    from great_expectations.expectations import expectation as kinds
    from great_expectations.expectations.registry import get_expectation_impl

    of_rows = (kinds.ColumnMapExpectation, kinds.ColumnPairMapExpectation, kinds.MulticolumnMapExpectation)
    if rule.type in _OF_THE_TABLE or not issubclass(get_expectation_impl(rule.type), of_rows):
        return "it speaks of the whole table, not of one row"
    given = rule.kwargs
    columns = [given[key] for key in ("column", "column_A", "column_B") if key in given]
    others = [name for name in [*columns, *given.get("column_list", ())] if name not in features]
    if others:
        return f"{', '.join(map(repr, others))} is no column that the model learnt from"
    return "it has a condition on rows" if given.get("row_condition") else None
