"""As a person would: open the experiment in MLflow, select two runs, press Compare, and see a plot that tells."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from src.tracking.identity import KEY
from tests.flows.served import Served
from tests.workspaces import PROBLEM

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two_runs(served: Served) -> list[str]:
    """The names of two workflow runs of the problem."""
    served.workspace.run("flows.universal_workflow", PROBLEM, "--set", "search.budget=3")
    body = {"experiment_ids": [_experiment(served)], "filter": f"tags.`{KEY}` != ''"}
    answer = httpx.post(f"{served.mlflow}/api/2.0/mlflow/runs/search", json=body, timeout=60, trust_env=False)
    names = [run["info"]["run_name"] for run in answer.json()["runs"]]
    assert len(names) == 2
    return names


def test_opening_the_experiment_shows_the_results_without_clicking_around(
    page: Page, served: Served, two_runs: list[str]
):
    _open_experiment(page, served)
    for name in two_runs:
        expect(page.get_by_text(name).first).to_be_visible()
    for column in ("cv.accuracy", "common_sense.accuracy", "test.accuracy"):
        expect(page.get_by_text(column, exact=True).first).to_be_visible()


def test_two_runs_compare_in_a_plot_of_parallel_coordinates(page: Page, served: Served, two_runs: list[str]):
    _open_experiment(page, served)
    for name in two_runs:
        page.get_by_role("row").filter(has_text=name).locator("input[type=checkbox]").first.check(force=True)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Parallel Coordinates Plot").first).to_be_visible()
    expect(page.locator(".js-plotly-plot, .plotly").first).to_be_visible()


def _open_experiment(page: Page, served: Served) -> None:
    page.goto(f"{served.mlflow}/")
    page.goto(f"{served.mlflow}/#/experiments/{_experiment(served)}/runs")


def _experiment(served: Served) -> str:
    address = f"{served.mlflow}/api/2.0/mlflow/experiments/get-by-name"
    return served.get(address, params={"experiment_name": PROBLEM}).json()["experiment"]["experiment_id"]
