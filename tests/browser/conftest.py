"""A real browser. It needs nobody but the servers under test: a page that asks the outside for anything fails."""

import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.flows.served import served  # noqa: F401

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 60_000  # on a busy machine
HERE = ("127.0.0.1", "localhost")

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser: install one of {', '.join(BROWSERS)}")
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=as_root)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a new profile, all of whose requests stay on this machine."""
    asked: list[str] = []
    with browser.new_context(viewport={"width": 1400, "height": 1100}) as context:
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        yield page
    addresses = [urlsplit(url) for url in asked]
    outside = [url.geturl() for url in addresses if url.scheme not in ("data", "blob") and url.hostname not in HERE]
    assert addresses, "the browser asked nobody at all"
    assert not outside
