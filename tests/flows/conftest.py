from collections.abc import Iterator

import pytest

from tests.flows.serving import served  # noqa: F401


@pytest.fixture(scope="session")
def server() -> Iterator[dict[str, str]]:
    """A Prefect server for flows started from the shell, as environment variables: it saves each run ten seconds."""
    from prefect.server.api.server import SubprocessASGIServer

    server = SubprocessASGIServer()
    server.start(timeout=120)
    yield {"PREFECT_API_URL": server.api_url}
    server.stop()
