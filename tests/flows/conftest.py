from collections.abc import Iterator

import pytest

from tests.flows.runs import prefect_server
from tests.flows.served import served  # noqa: F401
from tests.workspaces import Workspace


@pytest.fixture(scope="session")
def server(fresh: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Prefect server for flows started from the shell, as environment variables: it saves each run ten seconds."""
    with prefect_server(fresh.copy(tmp_path_factory.mktemp("server") / "workspace")) as api:
        yield {"PREFECT_API_URL": api}
