"""Results of every problem type, made once per session."""

from collections.abc import Callable

import pytest

from src.core.files import Layout
from tests.report.examples import example
from tests.report.written_results import write_results


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Layout]:
    """The result folder of a problem type; tests must not write into it."""
    made: dict[str, Layout] = {}

    def of(kind: str) -> Layout:
        if kind not in made:
            made[kind] = write_results(tmp_path_factory.mktemp(kind), example(kind))
        return made[kind]

    return of
