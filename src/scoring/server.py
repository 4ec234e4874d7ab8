"""HTTP for one model: raw rows in, predictions out. A 400 names row, column and reason for refused rows.

    GET  /              what the model is and which columns it needs
    GET  /ping          (and /health) whether it answers
    GET  /docs          a page with a form for requests; /openapi.json is the same for programs
    POST /predict       JSON or CSV, see `src.scoring.requests`
    POST /complete      what follows a text, by a model that reads on: JSON, see `src.saved.completion`
    POST /sample        new rows, by a model that draws: JSON, see `src.saved.generator`
    POST /encode        codes of rows, by a model that has some: JSON or CSV, as for /predict
    POST /interpolate   rows from one to another, by such a model: JSON, see `src.saved.codes`

MLflow's own scoring server (`mlflow models serve --env-manager local`) can serve the registered model, too. For a bad
value it names the column, but not the row. It knows neither the problem's marks of missing values nor the user's suite,
and it accepts any `Host`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from src.scoring import openapi
from src.scoring.requests import JSON, Refused, Request
from src.scoring.service import Reply, Service
from src.scoring.waiting import Waiting

MOST_BYTES = 2**24
# The most requests that draw or wait to; others are asked to come back after so many seconds.
MOST_DRAWING, COME_BACK = 16, 5


def make_app(service: Service, most_bytes: int = MOST_BYTES) -> Starlette:
    """The application: routes only, since `Service` reads and checks the rows."""
    waiting = Waiting(service.answers)
    # One request at a time draws, so that those that take long leave the processors to `/predict`.
    drawing, places = ThreadPoolExecutor(1, thread_name_prefix="drawing"), asyncio.Semaphore(MOST_DRAWING)
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

    async def answered(request: HttpRequest, answer: Callable[[bytes], Awaitable[Reply]]) -> Response:
        try:
            body = await _body(request, most_bytes)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody receives it
        except Refused as refused:
            reply = Reply(refused.status, orjson.dumps({"error": str(refused), **service.identity}))
        else:
            reply = await answer(body)
        headers = {"Retry-After": str(COME_BACK)} if reply.status == 503 else None
        return Response(reply.body, reply.status, headers, media_type=JSON)

    async def predict(request: HttpRequest) -> Response:
        content_type = request.headers.get("content-type", "")
        return await answered(request, lambda body: waiting.answer(Request(body, content_type)))

    async def drawn(answer: Callable[[bytes], Reply], body: bytes) -> Reply:
        if places.locked():
            busy = {"error": f"{MOST_DRAWING} requests that draw are waiting already; ask again later"}
            return Reply(503, orjson.dumps(busy | service.identity))
        async with places:
            return await asyncio.get_running_loop().run_in_executor(drawing, answer, body)

    async def complete(request: HttpRequest) -> Response:
        return await answered(request, lambda body: drawn(service.complete, body))

    async def sample(request: HttpRequest) -> Response:
        return await answered(request, lambda body: drawn(service.sample, body))

    async def encode(request: HttpRequest) -> Response:
        content_type = request.headers.get("content-type", "")

        def answer(body: bytes) -> Reply:
            return service.encode(Request(body, content_type))

        return await answered(request, lambda body: drawn(answer, body))

    async def interpolate(request: HttpRequest) -> Response:
        return await answered(request, lambda body: drawn(service.interpolate, body))

    async def elsewhere(request: HttpRequest, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        fault = f"{request.method} {request.url.path}: {error.detail}"
        message = f"{fault}; rows go to POST /predict, and GET /docs shows how"
        return JSONResponse({"error": message, **service.identity}, error.status_code, error.headers)

    routes = [Route("/predict", predict, methods=["POST"]), *(Route(path, page) for path in pages)]
    if service.completes:
        routes.append(Route("/complete", complete, methods=["POST"]))
    if service.draws:
        routes.append(Route("/sample", sample, methods=["POST"]))
    if service.model.encodes:
        routes.append(Route("/encode", encode, methods=["POST"]))
        routes.append(Route("/interpolate", interpolate, methods=["POST"]))
    return Starlette(routes=routes, exception_handlers={HTTPException: elsewhere})


async def _body(request: HttpRequest, most_bytes: int) -> bytes:
    """The request's body. Raises Refused as soon as it exceeds `most_bytes`."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise Refused(413, f"a request has at most {most_bytes:,} bytes; send fewer rows, or use flows.predict")
        parts.append(part)
    return b"".join(parts)
