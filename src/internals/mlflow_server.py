"""MLflow's server as an ASGI application, for a socket and a process of our own.

`mlflow server` opens its port itself, too late to tell who has it already. It is 15 processes of 1.3 GB together; with
one worker and no job queue 2 of 370 MB, which answer after 52 s on a busy machine with 2 cores. This is one process of
210 MB, which answers after 18 s.
"""

import os
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path

WRITTEN_FOR = {"mlflow": "3.17.2"}

_THROUGH_THE_SERVER = "mlflow-artifacts:/"  # where experiments that are made in the UI keep their files


def make_app(database: str, artifacts: Path) -> Callable[..., Awaitable[None]]:
    """The server of the records at the address `database`, whose files lie in the folder `artifacts`."""
    from mlflow.server import constants

    os.environ |= {
        constants.BACKEND_STORE_URI_ENV_VAR: database,
        constants.REGISTRY_STORE_URI_ENV_VAR: database,
        constants.ARTIFACT_ROOT_ENV_VAR: _THROUGH_THE_SERVER,
        constants.ARTIFACTS_DESTINATION_ENV_VAR: str(artifacts),
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",  # `flows.serving.same_origin` does it for both servers
    }
    warnings.filterwarnings("ignore", message="starlette.middleware.wsgi is deprecated")
    from mlflow.server.fastapi_app import app
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(database, database, _THROUGH_THE_SERVER)
    return app


def start_page() -> str:
    """The HTML of the page that the browser application begins with."""
    from mlflow.server import app

    return (Path(str(app.static_folder)) / "index.html").read_text(encoding="utf-8")
