"""Two thousand runs on record: the pages still open in seconds."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from benchmarks.records import RUNS_EACH, fill, open_pages, served
from tests.browser.conftest import browser  # noqa: F401
from tests.workspaces import Workspace

SECONDS = 15  # on a busy machine; `python -m benchmarks.records` tells what it takes on an idle one


@pytest.mark.slow
def test_with_two_thousand_runs_the_pages_open_in_seconds_and_show_every_workflow(
    fresh: Workspace,
    browser: Browser,  # noqa: F811
    tmp_path: Path,
):
    root = fresh.copy(tmp_path / "workspace").root
    count, candidates = fill(root, 2000)
    taken: dict[str, float] = {}
    with served(root) as address:
        shown = open_pages(browser, address, candidates[:20], taken.__setitem__)
    assert count >= 2000
    assert shown == count // RUNS_EACH
    assert len(taken) == 4
    assert max(taken.values()) < SECONDS, taken
