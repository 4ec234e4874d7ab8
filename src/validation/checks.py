"""The data checks that suites cannot make: one small function each, listed in `CHECKS`.

A check takes the raw table and yields its findings. Errors stop the workflow, warnings are only shown.
Shapes: N rows.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from math import ceil

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.datasets.notation import as_settings
from src.models.types.registry import TYPES
from src.problem.sources import Notation
from src.tables.columns import alike, label_numbers, label_texts
from src.tables.facts import SHOWN_ROWS, Issue, TableFacts, counted, first_rows, listed, listed_counts, show, where
from src.validation.leaks import FEWEST_ROWS as FEWEST_ROWS_FOR_LEAKS
from src.validation.leaks import SAMPLE_ROWS, class_score, columns_of_sum, sampled_rows, value_score
from src.validation.written_dates import dates_as_text

Check = Callable[[TableFacts], Iterable[Issue]]

# The types to try where a target has too many classes.
_NUMBER_TYPES = " or ".join(problem_type.name for problem_type in TYPES.values() if problem_type.unbounded)
FEWEST_ROWS_PER_PART = 2
# A column that alone scores more is nearly a copy of the target.
NEARLY = 0.98
MOSTLY_NUMBERS, HALF_NUMBERS = 0.9, 0.5
MOSTLY_MISSING = 0.5
MOSTLY_DISTINCT = 0.95
FEWEST_IDENTIFIERS = 20
IDENTIFIER_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid|index|key|nr|number)$|^unnamed", re.IGNORECASE)
MOSTLY_REGULAR = 0.9
LONG_NUMBER = r"[+-]?\d{16,}"
# The most categories that are searched for different spellings, and the most groups of them that a message lists.
MOST_SPELLINGS, SHOWN_GROUPS = 10_000, 3


def duplicate_rows(table: TableFacts) -> Iterator[Issue]:
    """Rows that repeat an earlier one in every column learnt from, compared by 64-bit hashes.

    The words of sentences may repeat.
    """
    if "token" in table.types.values():
        return
    left_out = {*table.of_role("drop"), *table.of_role("test.column"), *table.of_role("reference")}
    columns = [name for name in table.columns if name not in left_out]
    repeats_N = pd.util.hash_pandas_object(table.frame[columns], index=False).duplicated()
    count, rows = int(repeats_N.sum()), first_rows(repeats_N)
    if count:
        message = (
            f"{counted(count, 'row')} the same as an earlier one ({where(rows, count)}); the split keeps equal rows "
            "together, yet remove them if they are copies and not separate observations"
        )
        yield Issue("warning", None, count, rows, message)


def columns_to_learn_from(table: TableFacts) -> Iterator[Issue]:
    """At least one feature, and at least one that varies. A series also learns from its target's past."""
    if table.settings.series is not None:
        return
    if not table.features:
        yield Issue("error", None, 0, [], "no column is left to learn from: every one is a target or has another role")
    elif all(_is_constant(table, name) for name in table.features):
        count = len(table.features)
        message = (
            f"every column to learn from is constant ({listed(table.features)}): there is nothing to learn from; "
            "give columns whose values differ"
        )
        yield Issue("error", None, count, [], message)


def constant_columns(table: TableFacts) -> Iterator[Issue]:
    """Features with one value in every row, or none at all."""
    for name in table.features:
        if _is_constant(table, name):
            content = f"only the value {show(table[name].iloc[0])!r}" if table.distinct[name] else "no value at all"
            rows = first_rows(np.ones(len(table), dtype=bool))
            message = f"{name!r} holds {content} and teaches nothing; name it under `drop`"
            yield Issue("warning", name, len(table), rows, message)


def _is_constant(table: TableFacts, name: str) -> bool:
    return table.distinct[name] + (table.missing[name] > 0) <= 1


def identifier_columns(table: TableFacts) -> Iterator[Issue]:
    """Features that name rows instead of describing them.

    Texts count if they hardly ever repeat. Whole numbers count if they never repeat and are sorted, consecutive, or in
    a column named like an identifier.
    """
    for name in table.features:
        present = len(table) - table.missing[name]
        if present >= FEWEST_IDENTIFIERS and _is_identifier(table, name, present):
            rows = first_rows(table[name].notna())
            message = (
                f"{name!r} looks like an identifier: {counted(table.distinct[name], 'different value')} in "
                f"{counted(present, 'row')}; a network can only learn it by heart, so name it under `drop`"
            )
            yield Issue("warning", name, table.distinct[name], rows, message)


def _is_identifier(table: TableFacts, name: str, present: int) -> bool:
    distinct = table.distinct[name]
    if table.types[name] == "categorical":
        return distinct >= MOSTLY_DISTINCT * present and distinct <= table.settings.validation.max_categories
    if table.types[name] != "numeric" or distinct < present:
        return False
    values = table[name].dropna().to_numpy()
    if not np.isfinite(values).all() or (values % 1).any():
        return False
    consecutive = np.ptp(values) == present - 1
    return bool(consecutive or (np.diff(values) > 0).all() or IDENTIFIER_NAME.search(name))


WAY_OUT = (
    "name it under `drop`, or set `validation: {leak_score: 1}` where it really is known when a prediction is made and "
    "was not computed from the answer"
)


def target_given_away(table: TableFacts) -> Iterator[Issue]:
    """Features that are the target, predict it (nearly) perfectly by themselves, or add up to it.

    Series are exempt: they learn from moments before the target's.
    """
    if table.settings.series is not None:
        return
    if table.targets and len(table) < FEWEST_ROWS_FOR_LEAKS:
        message = (
            f"{counted(len(table), 'row')} are too few to tell which columns give the target away; from "
            f"{FEWEST_ROWS_FOR_LEAKS} rows on this check looks for them"
        )
        yield Issue("warning", None, len(table), [], message)
    copied = {name: _copied(table, name) for name in table.features}
    for name, targets in copied.items():
        if targets:
            message = (
                f"{name!r} is a copy of the target {listed(targets)}: every score would be an illusion; "
                f"name it under `drop`"
            )
            yield Issue("error", name, len(table), first_rows(table[name].notna()), message)
    for name, scores in _leak_scores(table).items():
        leaks = {t: score for t, score in scores.items() if score > table.settings.validation.leak_score}
        if leaks and not copied[name]:
            sample = f" on a sample of {SAMPLE_ROWS:,} rows" if len(table) > SAMPLE_ROWS else ""
            shown = ", ".join(f"{target!r} ({score:.4f}{sample})" for target, score in leaks.items())
            message = (
                f"{name!r} alone gives the target away: {shown}. While it is learnt from, no score here means "
                f"anything: {WAY_OUT}"
            )
            yield Issue("warning", name, len(leaks), first_rows(table[name].notna()), message)
    if not any(copied.values()):
        yield from _sums(table)


def _sums(table: TableFacts) -> Iterator[Issue]:
    """Numeric columns that add up to the target, each weighted."""
    names = [name for name in table.features if table.types[name] == "numeric"]
    targets = [name for name in table.targets if table.types[name] == "numeric"]
    if table.settings.problem_type.target != "number" or table.settings.validation.leak_score == 1:
        return
    rows_N = sampled_rows(len(table), table.settings.seed)
    numbers_ND = table.frame[names].to_numpy(np.float64)[rows_N]
    for target in targets:
        together = [names[place] for place in columns_of_sum(numbers_ND, table[target].to_numpy(np.float64)[rows_N])]
        for name in together if len(together) > 1 else []:
            others = listed([other for other in together if other != name])
            message = (
                f"{name!r} gives the target away: together with {others} it adds up to {target!r}, each weighted. "
                f"While they are learnt from, no score here means anything: {WAY_OUT}"
            )
            yield Issue("warning", name, 1, first_rows(table[name].notna()), message)


def target_nearly_given_away(table: TableFacts) -> Iterator[Issue]:
    """Features that predict the target almost perfectly by themselves, as a copy of it with a few changes does."""
    if table.settings.series is not None:
        return
    for name, scores in _leak_scores(table).items():
        near = {t: score for t, score in scores.items() if NEARLY < score <= table.settings.validation.leak_score}
        if near:
            shown = ", ".join(f"{target!r} ({score:.4f})" for target, score in near.items())
            message = (
                f"{name!r} alone nearly gives the target away: {shown}. If its values are known only with the target, "
                "name it under `drop`"
            )
            yield Issue("warning", name, len(table), [], message)


def _copied(table: TableFacts, name: str) -> list[str]:
    """The targets that the feature is a copy of."""
    return [target for target in table.targets if _is_copy(table[name], table[target])]


@lru_cache(maxsize=1)
def _leak_scores(table: TableFacts) -> dict[str, dict[str, float]]:
    """How well each feature alone predicts each target that another check does not refuse; computed once a table."""
    rows_N = sampled_rows(len(table), table.settings.seed)
    numbered = {target: _as_numbers(table, target) for target in table.targets}
    known = {target: numbers for target, numbers in numbered.items() if numbers is not None}
    return {
        name: {target: _leak_score(table, name, numbers, rows_N) for target, numbers in known.items()}
        for name in table.features
    }


def _is_copy(values_N: pd.Series, target_N: pd.Series) -> bool:
    return values_N.dtype == target_N.dtype and target_N.nunique() > 1 and values_N.equals(target_N)


def _as_numbers(table: TableFacts, target: str) -> pd.Series | None:
    """The target as class numbers or values, NaN for gaps; None if another check refuses the target."""
    if table.is_single_label:
        return pd.Series(pd.factorize(table.labels)[0], index=table.labels.index, dtype="float64").reindex(
            table.frame.index
        )
    if table.settings.problem_type.target == "flag":
        numbers_N = label_numbers(table[target])
        return numbers_N.where(numbers_N.isin([0, 1]))
    return table[target] if table.types[target] == "numeric" else None


def _leak_score(table: TableFacts, name: str, numbers_N: pd.Series, rows_N: NDArray[np.intp]) -> float:
    values_n, numbers_n = table[name].take(rows_N), numbers_N.take(rows_N)
    if table.settings.problem_type.target == "number":
        return value_score(values_n, numbers_n)
    known_n = numbers_n.notna().to_numpy()
    return class_score(values_n[known_n], numbers_n[known_n].to_numpy(np.intp))


def class_imbalance(table: TableFacts) -> Iterator[Issue]:
    """A rarest class with less than `validation.imbalance_share` of the rows, or 2/K of that share for K classes."""
    for target, labels in _labels(table):
        counts = labels.value_counts()
        if len(counts) < 2:
            continue
        rarest, share = counts.index[-1], counts.iloc[-1] / len(labels)
        if share < table.settings.validation.imbalance_share * 2 / len(counts):
            rows = [int(row) for row in labels.index[labels == rarest][:SHOWN_ROWS]]
            message = (
                f"{target!r}: the rarest class {rarest!r} has {counted(int(counts.iloc[-1]), 'row')} of "
                f"{len(labels):,} ({share:.2%}); plain accuracy would flatter a model that never names it"
            )
            yield Issue("warning", target, int(counts.iloc[-1]), rows, message)


def rows_per_class(table: TableFacts) -> Iterator[Issue]:
    """Every class needs a row in each part of the training rows, after the test set has taken its share."""
    for target, labels in _labels(table):
        counts = labels.value_counts()
        if table.test_N is not None:
            training = labels[~table.test_N[labels.index.to_numpy()]].value_counts().reindex(counts.index, fill_value=0)
            split = "outside the test set"
        else:
            training = counts - (counts * table.settings.test.share).map(ceil)
            split = f"after a test share of {table.settings.test.share:g}"
        scarce = training[training < table.parts].index
        if len(scarce) and len(counts) > 1:
            named = listed_counts({label: int(counts[label]) for label in scarce})
            count = int(counts[scarce].sum())
            rows = [int(row) for row in labels.index[labels.isin(scarce)][:SHOWN_ROWS]]
            advice = f"; so many classes: is this `type: {_NUMBER_TYPES}`?" if len(scarce) > len(counts) / 2 > 5 else ""
            message = (
                f"{target!r}: {len(scarce)} {'class' if len(scarce) == 1 else 'classes'} with too few rows: {named} "
                f"({where(rows, count)}); each needs {table.parts} rows {split}, one for every part of the split: "
                f"add rows, merge or remove rare classes, or choose fewer folds{advice}"
            )
            yield Issue("error", target, count, rows, message)


def _labels(table: TableFacts) -> Iterator[tuple[str, pd.Series]]:
    """Each target with classes, and the label of every row that has one; the index is the row's position."""
    if table.is_single_label and table.targets:
        yield table.targets[0], table.labels
    if table.settings.problem_type.target == "flag":
        for target in table.targets:
            yield target, label_texts(label_numbers(table[target]).dropna())


def positive_class(table: TableFacts) -> Iterator[Issue]:
    """The class that the key `positive` names has to exist."""
    positive = table.settings.positive
    if positive is not None and table.is_single_label and table.targets:
        classes = [str(label) for label in table.labels.unique()]
        if str(positive) not in classes:
            near = get_close_matches(str(positive), classes, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            message = f"positive: {str(positive)!r} is not among the classes of {table.targets[0]!r}: {listed(classes)}"
            yield Issue("error", table.targets[0], 0, [], message + hint)


def enough_rows(table: TableFacts) -> Iterator[Issue]:
    """Every part of the training rows needs some."""
    needed = FEWEST_ROWS_PER_PART * table.parts
    if 0 < table.training_rows < needed:
        rows = first_rows(np.ones(len(table), dtype=bool))
        message = (
            f"{counted(table.training_rows, 'row')} to learn from, but {table.parts} folds of at least "
            f"{FEWEST_ROWS_PER_PART} rows need {needed}: add rows or choose fewer folds"
        )
        yield Issue("error", None, table.training_rows, rows, message)


def test_set(table: TableFacts) -> Iterator[Issue]:
    """The sealed test set has rows, and leaves some to learn from."""
    test = table.settings.test
    if table.test_N is None:
        if table.training_rows == len(table):
            message = f"the sealed test set would be empty: a share of {test.share:g} of {counted(len(table), 'row')}"
            yield Issue("error", None, 0, [], f"{message} rounds to none; add rows or raise test.share")
    elif not table.test_N.any():
        source = "no file has `role: test` rows"
        if test.column is not None:
            values = [str(value) for value in label_texts(table[test.column].dropna()).value_counts().index]
            near = get_close_matches(str(test.value), values, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            source = f"no row has {test.column!r} equal to {test.value!r}; its values: {listed(values)}{hint}"
        yield Issue("error", test.column, 0, [], f"the sealed test set would be empty: {source}")
    elif table.test_N.all():
        message = "every row belongs to the sealed test set: nothing is left to learn from; change `test` or the files"
        yield Issue("error", test.column, len(table), first_rows(table.test_N), message)


def text_among_numbers(table: TableFacts) -> Iterator[Issue]:
    """Columns read as text although their values are numbers: a typing error or other marks do that."""
    other = {name: table.other_notation(name) for name in [*table.features, *table.targets]}
    for name, notation in other.items():
        if notation is not None:
            count, rows = len(table) - table.missing[name], first_rows(table[name].notna())
            message = (
                f"{name!r}: {counted(count, 'value')} read as text, though they are numbers such as "
                f"{table[name].iloc[rows[0]]!r}: {written_so(name, notation)}"
            )
            yield Issue("error", name, count, rows, message)
    for name, (share, wrong) in table.slips.items():
        if share == 1 and other[name] is None and table[name].str.fullmatch(LONG_NUMBER).any():
            message = (
                f"{name!r}: whole numbers so long that they are read as text, which keeps all digits: name it under "
                f"`drop` or as `groups` if it is an id, or say `columns: {{{name}: numeric}}` if these are amounts"
            )
            yield Issue("warning", name, len(table), first_rows(table[name].notna()), message)
        if not HALF_NUMBERS <= share < 1 or other[name] is not None:
            continue
        count, rows = len(wrong), [int(row) for row in wrong[:SHOWN_ROWS]]
        example = table[name].iloc[rows[0]]
        message = (
            f"{name!r}: {counted(count, 'value')} not a number ({where(rows, count)}), for example {example!r}, in a "
            f"column of which {share:.2%} are numbers: correct the values, or add the mark to data.missing, or say "
            f"`columns: {{{name}: categorical}}`"
        )
        yield Issue("error" if share >= MOSTLY_NUMBERS else "warning", name, count, rows, message)


def written_so(name: str, notation: Notation) -> str:
    """What to do about numbers in another notation than the file's."""
    return f"say `{as_settings(notation, name)}` under data, or `columns: {{{name}: categorical}}` where they are names"


def too_many_categories(table: TableFacts) -> Iterator[Issue]:
    """Text features with too many distinct values for one-hot encoding."""
    limit = table.settings.validation.max_categories
    for name in table.features:
        if table.types[name] != "categorical" or table.distinct[name] <= limit:
            continue
        if name not in table.slips or table.slips[name][0] < MOSTLY_NUMBERS:
            rows = first_rows(table[name].notna())
            message = (
                f"{name!r}: {table.distinct[name]:,} distinct categories, more than validation.max_categories "
                f"({limit:,}), for example {table[name].iloc[rows[0]]!r}: name it under `drop` or group its values"
            )
            yield Issue("error", name, table.distinct[name], rows, message)


def spellings(table: TableFacts) -> Iterator[Issue]:
    """Categories that look alike: most likely one category, written differently."""
    for name in [*table.features, *table.targets]:
        if table.types[name] != "categorical" or table.distinct[name] > MOST_SPELLINGS:
            continue
        counts = table[name].value_counts()
        groups = alike(counts.index)
        if groups:
            shown = "; ".join(
                listed_counts({value: counts[value] for value in group}) for group in groups[:SHOWN_GROUPS]
            )
            more = f"; and {len(groups) - SHOWN_GROUPS} more" if len(groups) > SHOWN_GROUPS else ""
            offends_N = table[name].isin([value for group in groups for value in group[1:]])
            message = (
                f"{name!r}: values that differ only in case, spaces or invisible characters count as different "
                f"categories: {shown}{more}; write them alike where they mean the same"
            )
            yield Issue("warning", name, int(offends_N.sum()), first_rows(offends_N), message)


def missing_share(table: TableFacts) -> Iterator[Issue]:
    """Features with more gaps than values."""
    for name in table.features:
        count = table.missing[name]
        if MOSTLY_MISSING * len(table) < count < len(table):
            rows = first_rows(table[name].isna())
            share = count / len(table)
            message = f"{name!r}: {share:.1%} missing ({where(rows, count)}); consider naming it under `drop`"
            yield Issue("warning", name, count, rows, message)


def enough_groups(table: TableFacts) -> Iterator[Issue]:
    """A group never straddles a split, so each fold and the test set need one of their own."""
    for name in table.of_role("groups"):
        groups = table[name] if table.test_N is None else table[name][~table.test_N]
        needed = table.parts + (table.test_N is None)
        if groups.nunique() < needed:
            message = (
                f"{name!r}: {counted(groups.nunique(), 'group')}, but {table.parts} folds"
                f"{' and the test set' if table.test_N is None else ''} need {needed}: choose fewer folds"
            )
            yield Issue("error", name, groups.nunique(), first_rows(table[name].notna()), message)


def time_order(table: TableFacts) -> Iterator[Issue]:
    """Rows out of time order, holes in regular time steps, and too few moments to split at."""
    for name in table.of_role("time"):
        if table.types[name] not in ("numeric", "date"):
            continue
        present = table[name].dropna()
        steps = present.diff().to_numpy()[1:]
        zero = np.timedelta64(0, "us") if table.types[name] == "date" else 0.0
        backward = present.index[1:][steps < zero]
        if len(backward):
            rows = [int(row) for row in backward[:SHOWN_ROWS]]
            message = (
                f"{name!r}: {counted(len(backward), 'row')} earlier than the row before "
                f"({where(rows, len(backward))}); the workflow goes by the column, not by the order of the file"
            )
            yield Issue("warning", name, len(backward), rows, message)
        yield from _holes_in_time(table, name)
        needed = table.parts + 1 + (table.test_N is None)
        if present.nunique() < needed:
            message = (
                f"{name!r}: {counted(present.nunique(), 'moment')} in time, but splitting in time needs {needed}: "
                "choose fewer folds or remove the key `time`"
            )
            yield Issue("error", name, present.nunique(), first_rows(table[name].notna()), message)


def _holes_in_time(table: TableFacts, name: str) -> Iterator[Issue]:
    moments = table[name].drop_duplicates().dropna().sort_values()
    steps = moments.diff().iloc[1:]
    if len(steps) < 10:
        return
    usual = steps.median()
    holes = steps[steps > usual]
    if len(holes) and (steps == usual).mean() >= MOSTLY_REGULAR:
        rows = [int(row) for row in sorted(holes.index)[:SHOWN_ROWS]]
        message = (
            f"{name!r}: {counted(len(holes), 'gap')} in otherwise regular steps of {usual}, the largest {holes.max()} "
            f"(before {where(rows, len(holes))}); rows may be missing"
        )
        yield Issue("warning", name, len(holes), rows, message)


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        enough_rows,
        test_set,
        columns_to_learn_from,
        positive_class,
        rows_per_class,
        text_among_numbers,
        dates_as_text,
        too_many_categories,
        enough_groups,
        time_order,
        target_given_away,
        target_nearly_given_away,
        duplicate_rows,
        constant_columns,
        identifier_columns,
        missing_share,
        spellings,
        class_imbalance,
    )
}
