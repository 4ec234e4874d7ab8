"""What a person does in Prefect's pages, for the tests and for the pictures in the documentation."""

import time
from typing import Any

import httpx
from playwright.sync_api import Locator, Page

TERMINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def open_form(page: Page, prefect: str, deployment: str) -> None:
    """From the list of deployments to the form of a run with parameters."""
    page.goto(f"{prefect}/deployments")
    page.locator('a[href*="/deployments/deployment/"]').filter(has_text=deployment).first.click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    page.get_by_role("button", name="Submit").wait_for()


def field(page: Page, label: str) -> Locator:
    """The part of the form that belongs to the label, the help text included."""
    return page.locator(".schema-form-property").filter(has=page.get_by_text(label, exact=True)).last


def choose(page: Page, label: str, option: str) -> None:
    """Take an option of a dropdown."""
    field(page, label).locator(".p-select-button__icon").click(force=True)
    page.locator(".p-select-option", has_text=option).get_by_text(option, exact=True).click()


def submit(page: Page) -> httpx.Response | Any:
    """Press Submit and return the server's answer."""
    with page.expect_response(lambda response: "create_flow_run" in response.url) as answer:
        page.get_by_role("button", name="Submit").click()
    return answer.value


def wait_for_run(prefect: str, run: str, seconds: float = 300) -> dict[str, Any]:
    """The run of this id, when it has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = httpx.get(f"{prefect}/api/flow_runs/{run}", timeout=60, trust_env=False).json()
        if found["state"]["type"] in TERMINAL:
            return found
        time.sleep(0.5)
    raise AssertionError(f"run {run} has not ended within {seconds:.0f} s: {found['state']}")


def open_run(page: Page, prefect: str, run: str, tab: str | None = None) -> None:
    """The run's page, at one of its tabs."""
    page.goto(f"{prefect}/runs/flow-run/{run}")
    page.get_by_role("tab", name="Logs").or_(page.get_by_text("Logs", exact=True)).first.wait_for()
    if tab:
        page.get_by_text(tab, exact=True).first.click()
