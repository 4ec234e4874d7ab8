"""Score a table file: read, check, predict and write its rows in chunks.

The libraries and `CELLS` bound the memory, whatever the length of the file. A row group of a Parquet file is read as a
whole, and so are rows that belong together, those of a series or of sentences.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from src.core.errors import UserError
from src.core.files import Layout
from src.core.progress import progress
from src.core.text import counted
from src.problem.load import load_problem
from src.problem.sources import Reading
from src.problem.steps import Problem
from src.saved.codes import encode
from src.saved.inference import Model
from src.scoring.checks import Checked, Fault, RowChecks
from src.scoring.output import Refusal, Writer, check_output, refused_path, writing, writing_refusals
from src.scoring.registered import CHAMPION, Registered, find_model
from src.scoring.rows import Chunk, Wanted, read_rows, together

Policy = Literal["report", "stop"]
DOUBTFUL = (
    "the model learnt nothing of this (a gap counts as the median or as a rare category, an unknown category as a "
    "rare one; out of range, no interval is tested)"
)
ROW, VERSION, WARNING = "row", "model_version", "warning"
SHOWN = 20


@dataclass(frozen=True)
class Question:
    """What is asked of a model about each row.

    columns: the answer, from the model, the rows, and whether they are to be rebuilt. name: of the command. answers:
    what the columns are called. done, given: what is done with a row, and what is given for it.
    """

    columns: Callable[[Model, pd.DataFrame, bool], pd.DataFrame]
    name: str
    answers: str
    done: str
    given: str


PREDICT = Question(
    lambda model, rows, reconstruct: model.predict(rows, True, reconstruct),
    "predict",
    "predictions",
    "scored",
    "predicted",
)
ENCODE = Question(encode, "encode", "codes", "encoded", "encoded")
QUESTIONS = {question.name: question for question in (PREDICT, ENCODE)}


@dataclass(frozen=True)
class Order:
    """What to score, with which model, and where to.

    `refused`: `report` scores the rows that pass, `stop` none if any is refused. `strict` also refuses rows with values
    that the model did not see in training. `keep`: columns of the table to copy into the output. `reconstruct`: see
    `Model.predict`. `question`: what is asked of the rows.
    """

    problem: str
    table: Path
    output: Path
    model: str = CHAMPION
    refused: Policy = "report"
    strict: bool = False
    keep: tuple[str, ...] = ()
    overwrite: bool = False
    reconstruct: bool = False
    question: Question = PREDICT


# The number of rows with a fault, by column and check.
Counts = Counter[tuple[str, str]]


@dataclass
class Scored:
    """The outcome.

    first: the first refused rows. doubts: counts of rows that were scored anyway. examples: the first row of each.
    notes: see `Rows`.
    """

    model: Registered
    output: Path
    question: Question = PREDICT
    rows: int = 0
    scored: int = 0
    refused_rows: int = 0
    reasons: Counts = field(default_factory=Counter)
    doubts: Counts = field(default_factory=Counter)
    first: list[Refusal] = field(default_factory=list)
    examples: dict[tuple[str, str], Refusal] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    notes: Sequence[str] = ()

    def lines(self) -> list[str]:
        """The outcome in words, the most important first."""
        answers, done = self.question.answers, self.question.done
        into = f"; {answers}: {self.output}" if self.scored else f"; no {answers} were written"
        lines = [f"{self.model}: {self.scored:,} of {self.rows:,} rows {done}{into}"]
        lines += [f"the file is not laid out as the problem's own. {note}" for note in self.notes]
        if not self.model.is_champion and self.model.standing:
            lines.append(f"this version is not the champion; {self.model.standing}")
        if self.reasons:
            lines.append(
                f"{counted(self.refused_rows, 'row')} refused; each with its reasons: {refused_path(self.output)}"
            )
            lines += [
                f"  {_of(column)}{check}: {count:,}" for (column, check), count in self.reasons.most_common(SHOWN)
            ]
            lines += [f"  {each.where}: {_of(each.column)}{each.reason}" for each in self.first[:5]]
        if self.doubts:
            lines.append(f"warning: {done}, though {DOUBTFUL}:")
            lines += [f"  {_of(column)}{reason}: {rows}" for column, reason, rows in self.doubtful[:SHOWN]]
        lines += [f"not checked: {promise}" for promise in self.left_out]
        return lines

    @property
    def doubtful(self) -> list[tuple[str, str, str]]:
        """Each doubt, the most frequent first: the column, what is wrong with its first row, and which rows have it."""
        doubts = []
        for key, count in self.doubts.most_common():
            example, more = self.examples[key], f" and {counted(count - 1, 'more row')}" if count > 1 else ""
            doubts.append((example.column, example.reason, f"{example.where}{more}"))
        return doubts


def score_table(order: Order, home: Path) -> Scored:
    """Score the rows of a file. `home`: the repository with the problem and its models.

    If no row is scored, no output is written. Raises UserError for anything that makes scoring impossible.
    """
    check_output(order.table, order.output, order.overwrite)
    layout = Layout(order.problem, home)
    problem = load_problem(layout)
    registered = find_model(order.problem, order.model, home)
    model = registered.load()
    reading = reading_of(problem)
    features = [feature.name for feature in model.schema.features]
    nothing = _no_rows(model, reading)
    taken = {ROW, VERSION, WARNING, *order.question.columns(model, nothing, order.reconstruct).columns}
    twice = next((name for name in order.keep if name in taken), None)
    if twice is not None:
        raise UserError(f"column {twice!r} cannot be kept: the output has a column of that name")
    no_head = _head(np.array([], np.int64), {name: pd.Series(dtype="str") for name in order.keep})
    schema = pa.Schema.from_pandas(_predictions(model, registered, order, no_head, nothing), preserve_index=False)
    schema = schema.remove_metadata()
    rows = read_rows(order.table, reading, Wanted(features, order.keep, problem.unasked))
    if model.schema.reads_several_rows:
        rows = together(rows)
    checks = RowChecks(model, reading, layout.expectations, order.strict)
    outcome = Scored(registered, order.output, order.question, left_out=checks.left_out, notes=rows.notes)
    about = {"problem": order.problem, "model_version": str(registered.version)}
    about |= {"interval_coverage": str(model.card.interval.coverage)} if model.card.interval else {}
    with writing_refusals(refused_path(order.output)) as refuse:
        try:
            with (
                writing(order.output, schema, about) as writer,
                progress(order.question.name, rows.total, f"{rows.total:,} {rows.unit}") as show_progress,
            ):
                for chunk in rows.chunks:
                    checked = checks.check(chunk.table.select(features))
                    refusals = refusals_of(chunk, checked)
                    refuse(refusals)
                    outcome.first += refusals[: SHOWN - len(outcome.first)]
                    _count(outcome, chunk, checked)
                    if order.refused == "report" or not outcome.refused_rows:
                        outcome.scored += _score(model, registered, chunk, checked, order, schema, writer)
                    show_progress(chunk.end)
                if not outcome.rows:
                    raise UserError(f"{order.table} has no rows; give a table with rows to score")
                if not outcome.scored or (order.refused == "stop" and outcome.refused_rows):
                    raise _NothingScored
        except _NothingScored:
            outcome.scored = 0
    return outcome


class _NothingScored(Exception):
    """Leaves the block that writes the output, so that no file is left."""


def reading_of(problem: Problem) -> Reading:
    """The settings for reading the problem's own files, which apply to files to score, too."""
    return problem.data if isinstance(problem.data, Reading) else Reading()


def _no_rows(model: Model, reading: Reading) -> pd.DataFrame:
    checks = RowChecks(model, reading, Path("there is no suite for no rows"), strict=False)
    return checks.check(pa.table({feature.name: pa.array([], pa.string()) for feature in model.schema.features})).frame


def _score(
    model: Model,
    registered: Registered,
    chunk: Chunk,
    checked: Checked,
    order: Order,
    schema: pa.Schema,
    writer: Writer,
) -> int:
    """Predict and write the accepted rows. Return their number."""
    accepted = checked.frame[checked.accepted_N]
    if len(accepted):
        copied = {name: chunk.table.column(name).cast(pa.string()).to_pandas() for name in order.keep}
        head = _head(chunk.numbers, copied)[checked.accepted_N]
        warnings = warnings_of(chunk, checked)
        predicted = _predictions(model, registered, order, head, accepted, warnings)
        writer.write_table(pa.Table.from_pandas(predicted, schema, preserve_index=False))
    return len(accepted)


def _head(numbers: NDArray[np.int64], copied: Mapping[str, pd.Series]) -> pd.DataFrame:
    return pd.concat([pd.DataFrame({ROW: numbers}), *(values.rename(name) for name, values in copied.items())], axis=1)


def _predictions(
    model: Model,
    registered: Registered,
    order: Order,
    head: pd.DataFrame,
    rows: pd.DataFrame,
    warnings: Sequence[Refusal] = (),
) -> pd.DataFrame:
    """The columns of the output; `head` has the numbers of `rows` and the copied columns."""
    texts: dict[int, list[str]] = {}
    for each in warnings:
        texts.setdefault(each.row, []).append(f"{_of(each.column)}{each.reason}")
    of_rows = ["; ".join(texts[row]) if row in texts else None for row in head[ROW]]
    predicted = pd.concat([head, order.question.columns(model, rows, order.reconstruct)], axis=1)
    return predicted.assign(**{VERSION: registered.version, WARNING: pd.array(of_rows, dtype="str")})


def refusals_of(chunk: Chunk, checked: Checked) -> list[Refusal]:
    """The refused rows of the chunk with their reasons, in the order of the file."""
    unreadable = [Refusal(row, line, "", reason) for row, line, reason in chunk.unreadable]
    return _in_order([*unreadable, *_rows_of(chunk, checked.faults)])


def warnings_of(chunk: Chunk, checked: Checked) -> list[Refusal]:
    """The doubts about the rows of the chunk that are scored, in the order of the file."""
    return _in_order(_rows_of(chunk, checked.doubts))


def _rows_of(chunk: Chunk, faults: Sequence[Fault]) -> Iterator[Refusal]:
    for fault in faults:
        for place, row in enumerate(fault.rows):
            yield Refusal(int(chunk.numbers[row]), chunk.line(row), fault.column or "", fault.reason(place))


def _in_order(refusals: Iterable[Refusal]) -> list[Refusal]:
    return sorted(refusals, key=lambda refusal: refusal.row)


def _count(outcome: Scored, chunk: Chunk, checked: Checked) -> None:
    outcome.rows += len(chunk)
    outcome.refused_rows += int((~checked.accepted_N).sum()) + len(chunk.unreadable)
    if chunk.unreadable:
        outcome.reasons["", "cannot be read as a row"] += len(chunk.unreadable)
    for counts, faults in ((outcome.reasons, checked.faults), (outcome.doubts, checked.doubts)):
        for fault in faults:
            counts[_key(fault)] += len(fault.rows)
    for fault in checked.doubts:
        outcome.examples.setdefault(_key(fault), next(_rows_of(chunk, [fault])))


def _key(fault: Fault) -> tuple[str, str]:
    return fault.column or "", fault.check


def _of(column: str) -> str:
    return f"{column!r}: " if column else ""
