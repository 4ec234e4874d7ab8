"""The process of the MLflow server: `mlflow server` without its second process, its workers and its job queue."""

from flows import ROOT
from flows.serving.mlflow_page import BeginsWithResults
from flows.serving.same_origin import App
from flows.serving.server_process import run
from src.internals.mlflow_server import make_app
from src.tracking.address import ARTIFACTS, tracking_uri
from src.tracking.database import open_database


def app() -> App:
    with open_database(ROOT) as client:  # so that no step creates the tables at the same time
        return BeginsWithResults(make_app(tracking_uri(ROOT), ROOT / ARTIFACTS), client)


if __name__ == "__main__":
    run(app)
