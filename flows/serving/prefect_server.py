"""The process of the Prefect server: API, UI and the services that schedule."""

import flows  # noqa: F401  before Prefect, which reads its settings once
from flows.serving.exact_json import ExactJson
from flows.serving.patience import Patient
from flows.serving.same_origin import App
from flows.serving.server_process import run


def app() -> App:
    from prefect.server.api.server import create_app

    from flows.serving.prefect_tables import make_tables

    make_tables()
    return ExactJson(Patient(create_app(final=True)))


if __name__ == "__main__":
    run(app)
