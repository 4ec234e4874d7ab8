"""MLflow's start page with defaults: a new browser shows an experiment with the columns of its results.

MLflow stores the columns of its table of runs in the browser and by default shows none of the results. So a script in
the start page supplies defaults where the browser has stored nothing yet.
"""

import asyncio
from typing import TYPE_CHECKING

from flows.serving.same_origin import App, Message, Receive, Send
from src.internals.mlflow_server import start_page
from src.tracking.views import browser_defaults

if TYPE_CHECKING:
    from mlflow import MlflowClient


class BeginsWithResults:
    """MLflow's ASGI application `app` with the script in its start page; `client` reads its records."""

    def __init__(self, app: App, client: "MlflowClient") -> None:
        self.app = app
        self.client = client

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["method"], scope["path"]) != ("GET", "/"):
            await self.app(scope, receive, send)
            return
        page = (await asyncio.to_thread(self._start_page)).encode()
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": page})

    def _start_page(self) -> str:
        experiments = self.client.search_experiments(max_results=1000)
        tags = {str(each.experiment_id): each.tags for each in experiments}
        return start_page().replace("<head>", f"<head>{browser_defaults(tags)}", 1)
