"""MLflow's page with a beginning: a browser that has no choice of its own opens an experiment on its results.

MLflow keeps the columns of its table of runs in the browser and shows none of the results by default. So its start
page gets a script that answers for what the browser does not hold yet.
"""

import asyncio
from pathlib import Path

from flows.serving.same_origin import App, Message, Receive, Send
from src.tracking.views import browser_defaults


class BeginsWithResults:
    """The ASGI application `app`, MLflow's, whose start page has the script in its head."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["method"], scope["path"]) != ("GET", "/"):
            await self.app(scope, receive, send)
            return
        page = (await asyncio.to_thread(start_page)).encode()
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": page})


def start_page() -> str:
    from mlflow.server import app
    from mlflow.server.handlers import _get_tracking_store

    experiments = _get_tracking_store().search_experiments(max_results=1000)
    tags = {str(each.experiment_id): each.tags for each in experiments}
    page = Path(str(app.static_folder)) / "index.html"
    return page.read_text(encoding="utf-8").replace("<head>", f"<head>{browser_defaults(tags)}", 1)
