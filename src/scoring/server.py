"""HTTP for one model: raw rows in, predictions out, and a 400 that names row, column and reason for rows it refuses.

    GET  /          what the model is and which columns it needs
    GET  /ping      (and /health) whether it answers
    POST /predict   JSON: a list of objects, one per row; or CSV with a header line, read with the problem's settings

MLflow's own scoring server (`mlflow models serve --env-manager local`) can serve the registered model as well. It tells
of a bad value which column it is in, but not in which row, knows neither the problem's marks of missing values nor the
user's suite, and answers to any `Host`; hence this one.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from src.datasets.json_lines import spelled
from src.errors import UserError
from src.inference import Model
from src.problem.steps import Problem
from src.scoring.checks import RowChecks
from src.scoring.output import Refusal
from src.scoring.registered import Registered
from src.scoring.rows import Chunk, Wanted, chunk_of_objects, read_rows, together
from src.scoring.table import ROW, reading_of, refusals_of

MOST_BYTES = 2**24
# So many refused rows are listed; the message says how many there are.
SHOWN = 100


class Refused(Exception):
    """A request that is not answered with predictions."""

    def __init__(self, status: int, message: str, rows: list[Refusal] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.rows = status, message, rows or []


class Service:
    """Answers requests with one version of a problem's model."""

    def __init__(self, problem: Problem, registered: Registered, expectations: Path) -> None:
        self.problem = problem
        self.registered = registered
        self.model: Model = registered.load()
        self.reading = reading_of(problem)
        self.checks = RowChecks(self.model, self.reading, expectations, strict=False)
        features = [feature.name for feature in self.model.schema.features]
        self.wanted = Wanted(features, targets=problem.targets)
        self.answer(Chunk(*_nothing(features)))  # loads what the first request would have to wait for

    @property
    def identity(self) -> dict[str, Any]:
        return {"problem": self.registered.problem, "model_version": self.registered.version}

    def describe(self) -> dict[str, Any]:
        interval = self.model.card.interval
        return self.identity | {
            "question": self.problem.question,
            "champion_at_start": self.registered.is_champion,
            "interval_coverage": interval.coverage if interval else None,
            "columns": {feature.name: feature.kind for feature in self.model.schema.features},
            "predict": "POST /predict with a JSON list of objects, one per row, or with CSV that has a header line",
        }

    def predict(self, body: bytes, content_type: str) -> dict[str, Any]:
        """The answer to the rows in `body`. Raises Refused."""
        if content_type not in FORMATS:
            raise Refused(415, f"Content-Type: {content_type or 'none'} is not one of {', '.join(FORMATS)}")
        try:
            chunks = list(FORMATS[content_type](self, body))
            answers = [self.answer(chunk) for chunk in chunks]
        except UserError as error:
            raise Refused(400, str(error)) from None
        refused = [refusal for _, refusals, _ in answers for refusal in refusals]
        if refused:
            rows = len({each.row for each in refused})
            message = f"{rows} row{'' if rows == 1 else 's'} cannot be scored; nothing was predicted"
            raise Refused(400, message, refused)
        predictions = pd.concat([predicted for predicted, _, _ in answers])
        if predictions.empty:
            raise Refused(400, "the request has no rows")
        return self.identity | {
            # A moment with too little behind it has no forecast.
            "predictions": predictions.astype(object).where(predictions.notna(), None).to_dict("records"),
            "warnings": [warning for _, _, warnings in answers for warning in warnings],
        }

    def answer(self, chunk: Chunk) -> tuple[pd.DataFrame, list[Refusal], list[dict[str, Any]]]:
        """Predictions of some rows, the refused ones among them, and what the model never learnt of the others."""
        checked = self.checks.check(chunk.table)
        predicted = self.model.predict(checked.frame[checked.accepted_N], intervals=True)
        predicted.insert(0, ROW, chunk.numbers[checked.accepted_N])
        warnings = [
            {ROW: int(chunk.numbers[row]), "column": fault.column, "warning": fault.reason(place)}
            for fault in checked.doubts
            for place, row in enumerate(fault.rows[:SHOWN])
        ]
        return predicted, refusals_of(chunk, checked), warnings

    def _json(self, body: bytes) -> Iterator[Chunk]:
        try:
            rows = spelled(body)
        except ValueError as error:
            raise Refused(400, f"the request {error}") from None
        if not isinstance(rows, list):
            raise Refused(400, "the request is no JSON list; give one object per row: [{…}, {…}]")
        named = {name for row in rows if isinstance(row, dict) for name in row}
        if named:
            self.wanted.check(sorted(named), "the request")
        yield chunk_of_objects(rows, self.wanted.names)

    def _csv(self, body: bytes) -> Iterator[Chunk]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "request.csv"
            path.write_bytes(body)
            try:
                rows = read_rows(path, self.reading, self.wanted)
                yield from (together(rows) if self.model.schema.reads_several_rows else rows).chunks
            except UserError as error:
                raise UserError(str(error).replace(str(path), "the request")) from None


FORMATS = {"application/json": Service._json, "text/csv": Service._csv}


def make_app(service: Service, most_bytes: int = MOST_BYTES) -> FastAPI:
    """The application; its pages ask nothing of other hosts, so FastAPI's own, which do, are left out."""
    app = FastAPI(title=f"{service.registered}", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/")
    def describe() -> dict[str, Any]:
        return service.describe()

    @app.get("/ping")
    @app.get("/health")
    def ping() -> dict[str, Any]:
        return {"status": "ok", **service.identity}

    @app.post("/predict")
    async def predict(request: Request) -> JSONResponse:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            body = await _body(request, most_bytes)
            return JSONResponse(await run_in_threadpool(service.predict, body, content_type))
        except Refused as refused:
            rows = [_shown(each) for each in refused.rows]
            answer = {"error": refused.message, **service.identity, **({"refused": rows[:SHOWN]} if rows else {})}
            return JSONResponse(answer, refused.status)

    return app


async def _body(request: Request, most_bytes: int) -> bytes:
    """The request's body, of which no more is taken in than may be. Raises Refused."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise Refused(413, f"a request has at most {most_bytes:,} bytes; send fewer rows, or use flows.predict")
        parts.append(part)
    return b"".join(parts)


def _nothing(features: list[str]) -> tuple[Any, Any, Any]:
    empty = chunk_of_objects([], features)
    return empty.numbers, empty.table, empty.unreadable


def _shown(refusal: Refusal) -> dict[str, Any]:
    line = {} if refusal.line is None else {"line": refusal.line}
    return {ROW: refusal.row, **line, "column": refusal.column or None, "reason": refusal.reason}
