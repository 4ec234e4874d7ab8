"""The process of the MLflow server: `mlflow server` without its second process, its workers and its job queue."""

import os
import warnings

from flows import ROOT
from flows.serving.mlflow_page import BeginsWithResults
from flows.serving.same_origin import App
from flows.serving.server_process import run
from src.tracking.address import ARTIFACTS, tracking_uri
from src.tracking.database import open_database

_THROUGH_THE_SERVER = "mlflow-artifacts:/"  # where experiments that are made in the UI keep their files


def app() -> App:
    with open_database(ROOT):  # no step makes the same tables at the same time
        return _app()


def _app() -> App:
    from mlflow.server import constants

    database = tracking_uri(ROOT)
    os.environ |= {
        constants.BACKEND_STORE_URI_ENV_VAR: database,
        constants.REGISTRY_STORE_URI_ENV_VAR: database,
        constants.ARTIFACT_ROOT_ENV_VAR: _THROUGH_THE_SERVER,
        constants.ARTIFACTS_DESTINATION_ENV_VAR: str(ROOT / ARTIFACTS),
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",  # `same_origin` does it for both servers
    }
    warnings.filterwarnings("ignore", message="starlette.middleware.wsgi is deprecated")
    from mlflow.server.fastapi_app import app
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(database, database, _THROUGH_THE_SERVER)
    return BeginsWithResults(app)


if __name__ == "__main__":
    run(app)
