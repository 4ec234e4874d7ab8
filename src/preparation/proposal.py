"""A first problem file, guessed from the data: every guess is a line with a comment that says why.

Guesses follow the same rules as `auto`. What only the user can know (groups, time) becomes a comment. All rows are
read: which of them will be sealed is not decided yet, and the user checks every line.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from src.core.errors import UserError
from src.core.yaml_file import flow, scalar
from src.datasets import numeric_looking
from src.datasets.lists import labels_of
from src.models.types.classes import FEWEST_PER_CLASS, MOST_NUMBERED_CLASSES, choose_positive
from src.models.types.problem_type import ProblemType
from src.models.types.registry import TYPES
from src.problem.sources import LocalSource, Notation
from src.problem.steps import ProtocolSettings
from src.tables.columns import alike, feature_type, label_texts
from src.tables.protocols import Order, choose_protocol

# How a long text is cut into rows.
ROWS_OF_TEXT = "(?P<text>.{1,256})"
# Features are judged by so many first rows, targets by all rows.
ROWS = 100_000
# Texts with more distinct values cannot be categories; the data checks refuse them, too.
MOST_CATEGORIES = 1000
IDENTIFIER_SHARE = 0.95
# A column of so many moments at least tells time; steps of one size, but for this share of it, are those of a series.
FEWEST_MOMENTS, UNEVEN_STEP, REGULAR_SHARE = 20, 0.12, 0.9
NUMERIC_SHARE = 0.8

# What stands between the labels of a value that lists several; so many values at least list more than one.
MARKS_OF_LISTS, LISTING_SHARE, MOST_LABELS = ("|", ";", ","), 0.1, 200

_CODE = {"zip", "zipcode", "postcode", "postal", "plz", "code", "category", "cluster", "region", "district", "type"}
_UNIT = {
    "id",
    "uuid",
    "uid",
    "customer",
    "user",
    "patient",
    "subject",
    "client",
    "household",
    "session",
    "person",
    "group",
    "sentence",
}
_TIME = {"date", "time", "datetime", "timestamp", "year", "month", "day", "week", "hour", "epoch"}
_PICTURE = r"(?i)[.](?:avif|bmp|gif|jpe?g|jp2|png|ppm|pgm|tiff?|webp)$"
_LOCAL_DATE = r"^\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b"


@dataclass(frozen=True)
class Column:
    """What the guesses look at in a column; `present` holds its values without gaps."""

    name: str
    present: pd.Series
    distinct: int
    rows: int
    notation: Notation

    @property
    def is_text(self) -> bool:
        return isinstance(self.present.dtype, pd.StringDtype)

    @property
    def reads(self) -> bool:
        """Whether its values are texts of words, not categories."""
        return self.is_text and feature_type(self.present, None) == "text"

    @property
    def is_number(self) -> bool:
        return self.present.dtype == np.float64

    @property
    def is_date(self) -> bool:
        return pd.api.types.is_datetime64_any_dtype(self.present)

    @property
    def is_whole(self) -> bool:
        return self.is_number and bool((self.present % 1 == 0).all())

    @property
    def rarest(self) -> int:
        """The number of rows with the rarest value."""
        return int(self.present.value_counts().min())

    @property
    def is_flag(self) -> bool:
        """Whether its values mean yes or no."""
        values = {str(value).lower() for value in self.present.unique()} if self.distinct <= 2 else {"many"}
        return values <= {"0.0", "1.0", "0", "1", "true", "false", "yes", "no"}

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest number."""
        return self.present.min(), self.present.max()

    @property
    def words(self) -> set[str]:
        """The words of the name: CustomerID and customer_id are customer and id."""
        spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", self.name)
        return set(re.split(r"[\W_]+", spaced.lower()))


def propose(table: pd.DataFrame, targets: Sequence[str], source: LocalSource, notes: Sequence[str], seed: int) -> str:
    """The text of a problem file for `table`, which was read from `source`; `notes` say how.

    Without targets the problem is of a type that has none.

    Raises UserError if a target does not exist or cannot be one.
    """
    for name in targets:
        if name not in table.columns:
            raise UserError(
                f"target: there is no column {name!r}; the columns are: {', '.join(table.columns)}"
                + (f" ({' '.join(notes)})" if notes else "")
            )
    if len(targets) == 1 and (mark := _mark_of_lists(table[targets[0]])) is not None:
        return propose(*_with_labels(table, targets[0], mark, source, notes), seed=seed)
    columns = {
        name: _column(table[name] if name in targets else table[name].head(ROWS), source.notation(name))
        for name in table.columns
    }
    target_columns = [columns[name] for name in targets]
    only_texts = not targets and len(columns) == 1 and all(column.is_text for column in columns.values())
    problem_type, why = _type(target_columns, only_texts)
    features = [column for name, column in columns.items() if name not in targets]
    time = _time(features, table)
    is_series = time is not None and all(c.is_number for c in target_columns) and _is_regular(table[time.name])
    useless = {
        column.name: reason
        for column in features
        if column is not time
        and column.name != source.pictures
        and (reason := (None if only_texts else _useless(column)) or _unsuited(column, problem_type))
    }
    useful = [column for column in features if column.name not in useless and column is not time]
    if not useful and not is_series:
        raise UserError(
            "no column is left to learn from: " + "; ".join(f"{name} {why}" for name, why in useless.items())
        )
    question = f"Can we predict {', '.join(targets)} from the other columns?" if targets else "What are the rows like?"
    lines = [
        f"# A first guess from {len(table):,} rows and {len(columns)} columns: check the lines that have a comment.",
        *(f"# {note}" for note in notes),
        f"question: {scalar(question)} # say what you want to know",
        f"data: {flow(_first(source.model_dump(mode='json', exclude_unset=True), ('source', 'path')))}",
        *([f"target: {scalar(targets[0]) if len(targets) == 1 else flow(targets)}"] if targets else []),
        f"type: {problem_type.name} # {why}",
        *_code(useful, problem_type),
        *_gaps(target_columns),
        *_spellings(target_columns),
        *_goal(target_columns, problem_type, len(table), seed, time is not None),
        *_in_time(time, is_series),
        *_dropped(useless),
        *_kinds(useful, only_texts),
        *_slips(useful),
        *_roles([column for column in features if column is not time]),
        *([] if targets else _references(useful)),
    ]
    return "\n".join(lines) + "\n"


def _mark_of_lists(values: pd.Series) -> str | None:
    """The mark between the labels of a column that lists several in one value; None where it lists none."""
    if not isinstance(values.dtype, pd.StringDtype):
        return None
    present = values.dropna()
    for mark in MARKS_OF_LISTS:
        listed = [labels_of(value, mark) for value in present.unique()]
        counts = Counter(label for labels in listed for label in labels)
        several = present.str.contains(mark, regex=False).mean() >= LISTING_SHARE
        repeated = sum(count > 1 for count in counts.values())
        if several and repeated > 1 and len(counts) <= min(len(listed), MOST_LABELS) and 2 * repeated >= len(counts):
            return mark
    return None


def _with_labels(
    table: pd.DataFrame, column: str, mark: str, source: LocalSource, notes: Sequence[str]
) -> tuple[pd.DataFrame, list[str], LocalSource, list[str]]:
    """The table with a column for each label that is not rare, the names of these, the source and the notes."""
    rows = [labels_of(value, mark) for value in table[column].fillna("")]
    counts = Counter(label for labels in rows for label in labels)
    frequent = [label for label, count in counts.most_common() if count >= FEWEST_PER_CLASS]
    names = {f"{column}={label}": pd.array([label in row for row in rows], dtype="boolean") for label in frequent}
    rare = sorted(counts.keys() - {*frequent})
    more = [f"{column} lists {len(counts)} labels with {mark!r} between them; each is a target of yes or no."]
    if rare:
        more.append(f"Left out are labels with under {FEWEST_PER_CLASS} rows: {', '.join(rare[:10])}.")
    listing = source.model_copy(update={"lists": {column: mark}})
    return table.drop(columns=column).assign(**names), [*names], listing, [*notes, *more]


def conclusions(text: str) -> list[str]:
    """What a proposed problem file guesses, leaves out and doubts, in lines for a person to read."""
    lines = []
    for line in text.splitlines():
        setting, mark, why = line.rpartition("# ")
        setting = setting.strip("# ")
        if mark and setting.startswith("- "):
            lines.append(f"left out: {setting.removeprefix('- ')} {why}")
        elif mark:
            lines.append(f"{setting} ({why})" if setting else why.strip())
    return lines


def propose_text(characters: int, source: Mapping[str, str]) -> str:
    """The text of a problem file for one long text, which is cut into rows. source: the keys of `data`."""
    problem_type = next(each for each in TYPES.values() if each.reads_on)
    lines = [
        f"# A first guess from a text of {characters:,} characters: check the lines that have a comment.",
        "question: How predictable is this text, character by character? # say what you want to know",
        "data:",
        *(f"  {key}: {scalar(value)}" for key, value in source.items()),
        f"  records: {scalar(ROWS_OF_TEXT)} # rows of 256 characters, which continue one another",
        "  number: place",
        "time: place # the rows stay in order, and the last ones are sealed",
        "test: {share: 0.1}",
        f"type: {problem_type.name} # {problem_type.guess([])}",
        f"measure: {problem_type.measures[0]} # {problem_type.reason}",
    ]
    return "\n".join(lines) + "\n"


def _first(settings: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The settings, the named ones first."""
    return {name: settings[name] for name in names} | settings


def _column(values: pd.Series, notation: Notation) -> Column:
    present = values.dropna()
    return Column(str(values.name), present, int(present.nunique()), len(values), notation)


def _type(targets: Sequence[Column], only_texts: bool) -> tuple[ProblemType, str]:
    """The first problem type that these targets suggest, and why. Raises UserError if they suggest none.

    only_texts: whether there is a column of texts and nothing else.
    """
    for column in targets:
        if column.distinct < 2:
            raise UserError(f"target: {column.name!r} has {column.distinct} different values, so nothing can be learnt")
    if len(targets) == 1:
        _check_alone(targets[0])
    suited = [each for each in TYPES.values() if (each.targets == "none") == (not targets)]
    for problem_type in suited:
        if problem_type.reads_on == only_texts and (why := problem_type.guess(targets)):
            return problem_type, why
    misfit = next(column.name for column in targets if not column.is_number)
    raise UserError(
        f"target: several targets must be all numbers or all yes/no; {misfit!r} does not fit. Give one target"
    )


def _check_alone(column: Column) -> None:
    """Raise UserError if a column cannot be the only target."""
    name, distinct = column.name, column.distinct
    if column.is_date:
        raise UserError(
            f"target: {name!r} holds dates; give a column of numbers (such as days until then) or of classes"
        )
    if column.is_text:
        share, wrong = numeric_looking(column.present, column.notation)
        if NUMERIC_SHARE <= share < 1:
            slips = ", ".join(f"row {column.present.index[i]}: {column.present.iloc[i]!r}" for i in wrong[:5])
            raise UserError(
                f"target: {name!r} holds numbers but for {len(wrong)} values ({slips}); correct these first"
            )
        if distinct > MOST_CATEGORIES:
            raise UserError(
                f"target: {name!r} has {distinct:,} different texts, too many for classes; is it the target?"
            )


def _gaps(targets: Sequence[Column]) -> Iterator[str]:
    for column in targets:
        if gaps := column.rows - len(column.present):
            yield f"# {column.name} is missing in {gaps:,} rows, which the data checks refuse: remove these rows"


def _spellings(targets: Sequence[Column]) -> Iterator[str]:
    for column in targets:
        if column.is_text:
            for group in alike(str(value) for value in column.present.unique()):
                same = " and ".join(map(repr, group))
                yield f"# {column.name}: {same} differ only in case, spaces or invisible characters: one class?"


def _time(columns: Sequence[Column], table: pd.DataFrame) -> Column | None:
    """The column that tells when: its name or its dates say so, and the rows are in its order."""
    for column in columns:
        values = table[column.name]
        tells = column.is_date or (column.is_whole and bool(column.words & _TIME))
        if tells and column.distinct >= FEWEST_MOMENTS and values.notna().all() and values.is_monotonic_increasing:
            return column
    return None


def _is_regular(moments: pd.Series) -> bool:
    """Whether most steps between moments are about the same; months and years differ a little in length."""
    steps = np.diff(moments.to_numpy()).astype(np.float64)
    usual = float(np.median(steps))
    return usual > 0 and bool((np.abs(steps - usual) <= UNEVEN_STEP * usual).mean() >= REGULAR_SHARE)


def _in_time(time: Column | None, is_series: bool) -> Iterator[str]:
    if time is None:
        return
    yield f"time: {scalar(time.name)} # the rows are in its order, so the last ones are sealed"
    series = "series: {lookback: 12, delay: 1} #"
    if is_series:
        yield f"{series} regular moments: learn from the 12 before, to forecast the next; remove it if rows stand alone"
    else:
        yield f"# {series} if the 12 rows before help to forecast the next"


def _goal(targets: Sequence[Column], problem_type: ProblemType, rows: int, seed: int, in_time: bool) -> Iterator[str]:
    shares: dict[str, float] = {}
    if problem_type.single_label:
        shares = label_texts(targets[0].present).value_counts(normalize=True).to_dict()
    if problem_type.has_positive:
        positive, why = choose_positive(shares)
        yield f"positive: {_label(positive)} # {why}"
    measure, why = problem_type.choose_measure(shares)
    yield f"measure: {measure} # {why}"
    if "protocol" in problem_type.defaults:
        return
    order: Order = "temporal" if in_time else "stratified" if problem_type.single_label else "shuffled"
    auto = ProtocolSettings(protocol="auto", folds="auto", repeats="auto", seed=seed)
    protocol, choices = choose_protocol(auto, round(0.8 * rows), order)
    yield f"protocol: {protocol.method} # {choices[0].reason}"


def _label(label: str) -> str:
    return (
        label.lower() if label in ("True", "False") else label if re.fullmatch(r"-?\d{1,15}", label) else scalar(label)
    )


def _useless(column: Column) -> str | None:
    """Why nothing can be learnt from a column; None if something can."""
    if column.distinct < 2:
        return "has one value only" if column.distinct else "is empty"
    if names_pictures(column.present):
        return "names picture files; to learn from them, put table and pictures below data/local/ and add data.pictures"
    many = f"has {column.distinct:,} different values in {len(column.present):,} rows"
    if column.is_text and column.present.str.match(_LOCAL_DATE).mean() > NUMERIC_SHARE:
        return "holds dates, not all of one form; write them as 2026-11-21 to learn from them"
    numbers = numeric_looking(column.present, column.notation)[0] if column.is_text else 0.0
    if column.is_text and not column.reads and not NUMERIC_SHARE <= numbers < 1:
        if column.distinct >= IDENTIFIER_SHARE * len(column.present) and len(column.present) > MOST_NUMBERED_CLASSES:
            return f"{many}: it names rows instead of describing them"
        if column.distinct > MOST_CATEGORIES:
            return f"{many}: too many categories"
    if column.is_whole and column.distinct == len(column.present):
        steps = np.diff(column.present.to_numpy())
        if (steps == 1).all() or "id" in column.words:
            return f"{many}: it counts rows instead of describing them"
    return None


def names_pictures(values: pd.Series) -> bool:
    """Whether the values of a column are names of picture files."""
    return isinstance(values.dtype, pd.StringDtype) and bool(values.str.contains(_PICTURE).mean() > NUMERIC_SHARE)


def _unsuited(column: Column, problem_type: ProblemType) -> str | None:
    """Why a column is no input of this type; None if it is one."""
    return (
        f"holds texts, which type {problem_type.name} does not take" if problem_type.has_code and column.reads else None
    )


def _code(columns: Sequence[Column], problem_type: ProblemType) -> Iterator[str]:
    """A quarter of the columns, so that a code sums a row up."""
    if problem_type.has_code:
        yield f"code: {max(1, len(columns) // 4)} # how many numbers describe a row of {len(columns)} columns"


def _references(columns: Sequence[Column]) -> Iterator[str]:
    for column in columns:
        if 2 <= column.distinct <= MOST_NUMBERED_CLASSES and not column.is_date:
            yield f"# reference: {scalar(column.name)} # if the report is to show it and nothing to be learnt from it"


def _dropped(useless: dict[str, str]) -> Iterator[str]:
    if useless:
        yield "drop:"
        yield from (f"  - {scalar(name)} # {why}" for name, why in useless.items())


def _kinds(columns: Sequence[Column], only_texts: bool) -> Iterator[str]:
    codes = [c for c in columns if c.is_whole and c.words & _CODE and c.distinct <= MOST_CATEGORIES]
    texts = [c for c in columns if c.reads or only_texts]
    unsure = [c for c in columns if c.is_whole and c not in codes and 3 <= c.distinct <= FEWEST_PER_CLASS]
    if codes or texts:
        yield "columns:"
        values = "different values" if only_texts else "different values of words"
        yield from (f"  {scalar(c.name)}: text # {c.distinct:,} {values}" for c in texts)
        yield from (f"  {scalar(c.name)}: categorical # codes, judged by the name, not amounts" for c in codes)
    if unsure:
        yield "# Whole numbers with few values; are they codes (categorical) and not amounts?"
        yield from ([] if codes or texts else ["# columns:"])
        yield from (f"#   {scalar(c.name)}: categorical # {c.distinct} different values" for c in unsure)


def _slips(columns: Sequence[Column]) -> Iterator[str]:
    for column in columns:
        if not column.is_text:
            continue
        share, wrong = numeric_looking(column.present, column.notation)
        if share == 1:
            yield f"# {column.name} holds whole numbers that are kept as text, as codes are. If they are amounts:"
            yield f"# columns: {{{scalar(column.name)}: numeric}}"
        elif share >= NUMERIC_SHARE:
            first = f"row {column.present.index[wrong[0]]}: {column.present.iloc[wrong[0]]!r}"
            yield f"# {column.name} holds numbers but for {len(wrong):,} values ({first}): correct these, or name the"
            yield "# mark of missing values under data.missing."


def _roles(columns: Sequence[Column]) -> Iterator[str]:
    for column in columns:
        repeats = 2 <= column.distinct <= len(column.present) / 2
        if repeats and column.words & _UNIT and (column.is_text or column.is_whole):
            yield f"# groups: {scalar(column.name)} # if the rows of one must stay together"
            if "sentence" in column.words:
                yield "# columns: {word: token} # with groups: if `word` holds the words of sentences"
        elif column.distinct > 1 and (column.is_date or (column.is_whole and column.words & _TIME)):
            yield f"# time: {scalar(column.name)} # if later rows are to be told from earlier ones; with protocol: auto"
            yield "# series: {lookback: 12, delay: 1} # with time: learn from the 12 rows before, to forecast the next"
