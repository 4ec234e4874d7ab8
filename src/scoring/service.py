"""The answers of the model server: predictions for rows, or what is wrong with which of them.

Requests that wait at the same time are answered together: their rows are typed, checked and scored as one table, whose
results are then split by request. Every row is checked as `flows.predict` checks it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from src.core.errors import UserError
from src.problem.steps import Problem
from src.saved.codes import Interpolation, check_between, interpolate
from src.saved.completion import Completion, complete
from src.saved.generator import Drawing, as_json, plain, sample
from src.saved.inference import Model
from src.scoring.checks import RowChecks
from src.scoring.output import Refusal
from src.scoring.registered import Registered
from src.scoring.requests import JSON, PlainRows, Refused, Request, RequestReader
from src.scoring.rows import Chunk
from src.scoring.table import ENCODE, PREDICT, ROW, Question, reading_of, refusals_of, warnings_of

# The most refused rows and warnings to list; the answer says how many there are.
SHOWN = 100
# The most characters that one request has a model read and draw, and the most of the texts whose bits it asks for.
MOST_DRAWN, MOST_READ = 10_000, 100_000


class Reply(NamedTuple):
    """An HTTP status, and JSON."""

    status: int
    body: bytes


class Warned(NamedTuple):
    """A value that the model did not learn, in a row that it scored anyway."""

    row: int
    column: str | None
    warning: str


@dataclass(frozen=True)
class Scored:
    """The outcome for some rows. `numbers`: of the rows with a prediction. `columns`: their predictions."""

    numbers: NDArray[np.int64]
    columns: dict[str, list[Any]]
    refused: list[Refusal]
    warnings: list[Warned]

    def part(self, begin: int, end: int) -> "Scored":
        """The outcome for the rows `begin` to `end`, numbered from 0."""
        first, last = np.searchsorted(self.numbers, (begin, end))
        return Scored(
            self.numbers[first:last] - begin,
            {name: values[first:last] for name, values in self.columns.items()},
            [each._replace(row=each.row - begin) for each in self.refused if begin <= each.row < end],
            [each._replace(row=each.row - begin) for each in self.warnings if begin <= each.row < end],
        )


class Service:
    """Answers requests with one version of a problem's model. `predicted`: the columns of predictions, with types."""

    def __init__(self, problem: Problem, registered: Registered, expectations: Path, reconstruct: bool = False) -> None:
        """reconstruct: see `Model.predict`."""
        self.problem, self.reconstruct = problem, reconstruct
        self.registered = registered
        self.model: Model = registered.load()
        reading = reading_of(problem)
        self.checks = RowChecks(self.model, reading, expectations, strict=False)
        whole = self.model.schema.reads_several_rows
        self.reader = RequestReader(self.checks.types, problem.unasked, reading, whole)
        # This loads everything that the first request would otherwise wait for.
        nothing = self.checks.check(self.reader.chunk([PlainRows(0, {name: [] for name in self.checks.types})]).table)
        self.predicted: dict[str, str] = {}
        if not self.model.schema.problem_type.generates:
            self.predicted = self.model.predict(nothing.frame, True, reconstruct).dtypes.astype(str).to_dict()

    @property
    def identity(self) -> dict[str, Any]:
        return {"problem": self.registered.problem, "model_version": self.registered.version}

    def describe(self) -> dict[str, Any]:
        interval = self.model.card.interval
        return (
            self.identity
            | {
                "question": self.problem.question,
                "champion_at_start": self.registered.is_champion,
                "interval_coverage": interval.coverage if interval else None,
                "columns": dict(self.checks.types),
            }
            | (
                {}
                if self.model.schema.problem_type.generates
                else {"predict": "POST /predict with JSON or CSV; /docs and /openapi.json show the forms"}
            )
            | ({"complete": 'POST /complete with JSON, {"prompt": "To be", "n": 3}'} if self.completes else {})
            | ({"sample": 'POST /sample with JSON, {"n": 3, "seed": 1}'} if self.draws else {})
            | (
                {
                    "encode": "POST /encode with JSON or CSV, as /predict takes them",
                    "interpolate": 'POST /interpolate with JSON, {"rows": [{…}, {…}], "steps": 8}',
                }
                if self.model.encodes
                else {}
            )
        )

    @property
    def completes(self) -> bool:
        """Whether the model says what comes next."""
        return self.model.schema.problem_type.reads_on

    def complete(self, body: bytes) -> Reply:
        """The answer to a request for texts: JSON with the settings of `Completion`, within `MOST_DRAWN`."""

        def draw(given: dict[str, Any]) -> dict[str, Any]:
            asked = Completion.of(given)
            if asked.n * (len(asked.prompt) + asked.characters) > MOST_DRAWN:
                raise UserError(
                    f"n, characters: over HTTP at most {MOST_DRAWN:,} characters of all texts and prompts together"
                )
            return {"completions": complete(self.model, asked)}

        return self._drawn(body, '{"prompt": "To be", "n": 3}', draw)

    @property
    def draws(self) -> bool:
        """Whether the model draws new rows."""
        return self.model.schema.problem_type.draws

    def sample(self, body: bytes) -> Reply:
        """The answer to a request for new rows: JSON with the settings of `Drawing`."""
        return self._drawn(
            body, '{"n": 3, "seed": 1}', lambda given: {"rows": as_json(sample(self.model, Drawing.of(given)))}
        )

    def encode(self, request: Request) -> Reply:
        """The codes of rows that come as those of `answers` do."""
        read = self._read(request, ENCODE)
        if isinstance(read, PlainRows):
            read = self._score_chunks([self.reader.chunk([read])], ENCODE)
        return self._answer(read, ENCODE)

    def interpolate(self, body: bytes) -> Reply:
        """Rows from one to another: JSON with `rows`, the two, and the settings of `Interpolation`."""

        def draw(given: dict[str, Any]) -> dict[str, Any]:
            check_between(self.model)
            rows = given.pop("rows", None)
            asked = Interpolation.of(given)
            if not isinstance(rows, list) or len(rows) != 2:
                raise UserError("rows: a list of two rows, each an object")
            try:
                read = self.reader.read(Request(orjson.dumps(rows), JSON))
            except Refused as refused:
                raise UserError(f"rows: {refused}") from None
            [chunk] = [self.reader.chunk([read])] if isinstance(read, PlainRows) else read
            checked = self.checks.check(chunk.table)
            for refusal in refusals_of(chunk, checked):
                raise UserError(f"rows: row {refusal.row}: {refusal.column}: {refusal.reason}")
            code_2C = self.model.codes(checked.frame)
            return {"rows": as_json(interpolate(self.model, code_2C, asked))}

        return self._drawn(body, '{"rows": [{…}, {…}], "steps": 8}', draw)

    def _drawn(self, body: bytes, example: str, draw: Callable[[dict[str, Any]], dict[str, Any]]) -> Reply:
        """What `draw` makes of a request's settings, or what is wrong with them."""
        try:
            given = orjson.loads(body)
            if not isinstance(given, dict):
                raise UserError(f"the request is no object, such as {example}")
            drawn = draw(given)
        except orjson.JSONDecodeError as error:
            return self._answer(Refused(400, f"the request is not JSON: {error}"))
        except UserError as error:
            return self._answer(Refused(400, str(error)))
        return Reply(200, orjson.dumps(self.identity | drawn))

    def answers(self, requests: Sequence[Request]) -> list[Reply]:
        """The answer to each request, the same as alone but for rounding in products over more rows."""
        read = [self._read(request) for request in requests]
        plain = iter(self._score_plain([each for each in read if isinstance(each, PlainRows)]))
        return [self._answer(next(plain) if isinstance(each, PlainRows) else each) for each in read]

    def _read(self, request: Request, question: Question = PREDICT) -> PlainRows | Scored | Refused:
        """The rows of a request, or the outcome if they have to be scored separately."""
        try:
            rows = self.reader.read(request)
        except Refused as refused:
            return refused
        if self.completes and (characters := _characters(rows)) > MOST_READ:
            return Refused(
                413,
                f"texts of {characters:,} characters take too long to read on; over HTTP send at most {MOST_READ:,} "
                "at a time, or use flows.predict",
            )
        return rows if isinstance(rows, PlainRows) else self._score_chunks(rows, question)

    def _score_plain(self, read: Sequence[PlainRows]) -> list[Scored | Refused]:
        if not read:
            return []
        if len(read) == 1:
            return [self._score_chunks([self.reader.chunk(read)])]
        try:
            scored = self._score(self.reader.chunk(read))
        except UserError:  # a request broke one of the user's own checks: score each alone, so only that one fails
            return [outcome for each in read for outcome in self._score_plain([each])]
        ends = np.cumsum([each.rows for each in read]).tolist()
        return [scored.part(end - each.rows, end) for end, each in zip(ends, read, strict=True)]

    def _score_chunks(self, chunks: Sequence[Chunk], question: Question = PREDICT) -> Scored | Refused:
        if not any(len(chunk) for chunk in chunks):
            return Refused(400, "the request has no rows")
        try:
            parts = [self._score(chunk, question) for chunk in chunks]
        except UserError as error:
            return Refused(400, str(error))
        return Scored(
            np.concatenate([part.numbers for part in parts]),
            {name: [value for part in parts for value in part.columns[name]] for name in parts[0].columns},
            [each for part in parts for each in part.refused],
            [each for part in parts for each in part.warnings],
        )

    def _score(self, chunk: Chunk, question: Question = PREDICT) -> Scored:
        checked = self.checks.check(chunk.table)
        answers = question.columns(self.model, checked.frame[checked.accepted_N], self.reconstruct)
        warnings = [Warned(each.row, each.column or None, each.reason) for each in warnings_of(chunk, checked)]
        return Scored(
            chunk.numbers[checked.accepted_N],
            {str(name): _listed(values) for name, values in answers.items()},
            refusals_of(chunk, checked),
            warnings,
        )

    def _answer(self, outcome: Scored | Refused, question: Question = PREDICT) -> Reply:
        if isinstance(outcome, Refused):
            return Reply(outcome.status, orjson.dumps({"error": str(outcome), **self.identity}))
        if outcome.refused:
            rows = len({each.row for each in outcome.refused})
            message = f"{rows} row{'' if rows == 1 else 's'} cannot be {question.done}; nothing was {question.given}"
            refused = [_shown(each) for each in outcome.refused[:SHOWN]]
            return Reply(400, orjson.dumps({"error": message, **self.identity, "refused": refused}))
        names = (ROW, *outcome.columns)
        rows_ = zip(outcome.numbers.tolist(), *outcome.columns.values(), strict=True)
        answer = self.identity | {
            # NaN, for a moment with too short a past, becomes null.
            question.answers: [dict(zip(names, row, strict=True)) for row in rows_],
            "warnings": [each._asdict() for each in outcome.warnings[:SHOWN]],
        }
        if len(outcome.warnings) > SHOWN:
            answer["warning_count"] = len(outcome.warnings)
        return Reply(200, orjson.dumps(answer))


def _characters(rows: PlainRows | Sequence[Chunk]) -> int:
    """Those of all texts in rows."""
    if isinstance(rows, PlainRows):
        return sum(len(value or "") for values in rows.values.values() for value in values)
    texts = [column for chunk in rows for column in chunk.table.columns if pa.types.is_string(column.type)]
    return sum(pc.sum(pc.utf8_length(column)).as_py() or 0 for column in texts)


def _listed(values_N: pd.Series) -> list[Any]:
    """As JSON takes them; NaN becomes null anyway."""
    if (isinstance(values_N.dtype, np.dtype) and values_N.dtype.kind in "fi") or values_N.dtype == "str":
        return values_N.tolist()
    return [plain(value) for value in values_N]


def _shown(refusal: Refusal) -> dict[str, Any]:
    line = {} if refusal.line is None else {"line": refusal.line}
    return {ROW: refusal.row, **line, "column": refusal.column or None, "reason": refusal.reason}
