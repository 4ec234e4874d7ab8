"""HTTP for one model: raw rows in, predictions out, and a 400 that names row, column and reason for rows it refuses.

    GET  /              what the model is and which columns it needs
    GET  /ping          (and /health) whether it answers
    GET  /docs          a page to read and to ask from; /openapi.json says the same to programs
    POST /predict       JSON or CSV, see `src.scoring.requests`

MLflow's own scoring server (`mlflow models serve --env-manager local`) can serve the registered model as well. It tells
of a bad value which column it is in, but not in which row, knows neither the problem's marks of missing values nor the
user's suite, and answers to any `Host`; hence this one.
"""

from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, Response

from src.scoring import openapi
from src.scoring.requests import JSON, Refused, Request
from src.scoring.service import Answer, Service
from src.scoring.waiting import Waiting

MOST_BYTES = 2**24


def make_app(service: Service, most_bytes: int = MOST_BYTES) -> FastAPI:
    """The application; its page asks nothing of other hosts, so FastAPI's own, which do, are left out."""
    app = FastAPI(title=f"{service.registered}", docs_url=None, redoc_url=None, openapi_url=None)
    waiting = Waiting(service.answers)

    @app.get("/")
    def describe() -> dict[str, Any]:
        return service.describe()

    @app.get("/ping")
    @app.get("/health")
    def ping() -> dict[str, Any]:
        return {"status": "ok", **service.identity}

    described, page = openapi.openapi(service), openapi.page(service)

    @app.get("/openapi.json")
    def description() -> dict[str, Any]:
        return described

    @app.get("/docs", response_class=HTMLResponse)
    def docs() -> str:
        return page

    async def predict(request: HttpRequest) -> Response:
        try:
            body = await _body(request, most_bytes)
        except ClientDisconnect:
            return Response(status_code=400)  # to nobody
        except Refused as refused:
            answer = Answer(refused.status, orjson.dumps({"error": str(refused), **service.identity}))
        else:
            answer = await waiting.answer(Request(body, request.headers.get("content-type", "")))
        return Response(answer.body, answer.status, media_type=JSON)

    # A route of Starlette's: FastAPI would take a tenth of a millisecond to find that there is nothing to validate.
    app.add_route("/predict", predict, methods=["POST"])
    return app


async def _body(request: HttpRequest, most_bytes: int) -> bytes:
    """The request's body, of which no more is taken in than may be. Raises Refused."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise Refused(413, f"a request has at most {most_bytes:,} bytes; send fewer rows, or use flows.predict")
        parts.append(part)
    return b"".join(parts)
