"""HTTP for one model: raw rows in, predictions out, and a 400 that names row, column and reason for rows it refuses.

    GET  /              what the model is and which columns it needs
    GET  /ping          (and /health) whether it answers
    GET  /docs          a page to read and to ask from; /openapi.json says the same to programs
    POST /predict       JSON or CSV, see `src.scoring.requests`

MLflow's own scoring server (`mlflow models serve --env-manager local`) can serve the registered model as well. For a
bad value it names the column, but not the row. It knows neither the problem's marks of missing values nor the user's
suite, and it answers to any `Host`.
"""

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from src.scoring import openapi
from src.scoring.requests import JSON, Refused, Request
from src.scoring.service import Answer, Service
from src.scoring.waiting import Waiting

MOST_BYTES = 2**24


def make_app(service: Service, most_bytes: int = MOST_BYTES) -> Starlette:
    """The application. Its rows are read and checked by `Service`, so that it needs no more than routes."""
    waiting = Waiting(service.answers)
    answers = {"status": "ok", **service.identity}
    pages = {
        "/": JSONResponse(service.describe()),
        "/ping": JSONResponse(answers),
        "/health": JSONResponse(answers),
        "/docs": HTMLResponse(openapi.page(service)),
        "/openapi.json": JSONResponse(openapi.openapi(service)),
    }

    async def page(request: HttpRequest) -> Response:
        return pages[request.url.path]

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

    async def elsewhere(request: HttpRequest, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        told = f"{request.method} {request.url.path}: {error.detail}; rows go to POST /predict, and GET /docs shows how"
        return JSONResponse({"error": told, **service.identity}, error.status_code, error.headers)

    routes = [Route("/predict", predict, methods=["POST"]), *(Route(path, page) for path in pages)]
    return Starlette(routes=routes, exception_handlers={HTTPException: elsewhere})


async def _body(request: HttpRequest, most_bytes: int) -> bytes:
    """The request's body, of which no more is taken in than may be. Raises Refused."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise Refused(413, f"a request has at most {most_bytes:,} bytes; send fewer rows, or use flows.predict")
        parts.append(part)
    return b"".join(parts)
