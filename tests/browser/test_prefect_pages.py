"""As a person would: open the deployment, fill in the form, press Run, and read the run's page."""

import re

import pytest
from playwright.sync_api import Page, expect

from src.core.steps import STEPS
from tests.browser.pages import choose, field, open_form, open_run, submit, wait_for_run
from tests.flows.served import Served
from tests.workspaces import PROBLEM

pytestmark = pytest.mark.slow


def test_a_run_in_the_workspace_finds_every_step_cached_and_shows_verdicts_figures_and_links(
    page: Page, served: Served
):
    open_form(page, served.prefect, "universal-workflow")
    choose(page, "problem", PROBLEM)
    run = wait_for_run(served.prefect, submit(page).json()["id"])
    assert run["state"]["type"] == "COMPLETED", run["state"]
    assert re.fullmatch(rf"{PROBLEM}-[0-9a-f]{{8}}", run["name"])

    open_run(page, served.prefect, run["id"])
    expect(page.get_by_text(run["name"]).first).to_be_visible()
    expect(page.get_by_text(f"{run['name']}, trigger: prefect ui, in the workspace")).to_be_visible()
    page.get_by_text("Task Runs", exact=True).click()
    expect(page.get_by_text("Cached", exact=True)).to_have_count(len(STEPS))

    open_run(page, served.prefect, run["id"], "Artifacts")
    for kind in ("progress", "verdicts", "figures", "links"):
        expect(page.get_by_text(f"{kind}-{run['name']}").first).to_be_visible()
    page.get_by_text(f"figures-{run['name']}").first.click()
    expect(page.locator("article img").first).to_be_visible()
    pictures = page.locator("article img")
    assert pictures.evaluate_all("all => all.every(image => image.naturalWidth > 100)")
    open_run(page, served.prefect, run["id"], "Artifacts")
    page.get_by_text(f"verdicts-{run['name']}").first.click()
    expect(page.get_by_text("beats common sense").or_(page.get_by_text("beats_common_sense")).first).to_be_visible()
    open_run(page, served.prefect, run["id"], "Artifacts")
    page.get_by_text(f"links-{run['name']}").first.click()
    record = page.locator(f'article a[href^="{served.mlflow}"]').first.get_attribute("href")
    assert record
    page.goto(record)
    expect(page.get_by_text(run["name"]).first).to_be_visible()


def test_overrides_make_an_experiment_of_the_run_s_name_and_leave_the_workspace_as_it_is(page: Page, served: Served):
    lock = served.workspace.lock
    open_form(page, served.prefect, "universal-workflow")
    choose(page, "problem", PROBLEM)
    expect(field(page, "Budget (Optional)")).to_contain_text("how many candidates the search tries")
    field(page, "Budget (Optional)").locator("input").fill("3")
    choose(page, "until (Optional)", "prepare")
    choose(page, "Protocol (Optional)", "k_fold")
    run = wait_for_run(served.prefect, submit(page).json()["id"])
    assert run["state"]["type"] == "COMPLETED", run["state"]
    assert served.workspace.lock == lock
    assert run["name"] in served.workspace.run("dvc", "exp", "list", "--name-only").stdout.split()
    open_run(page, served.prefect, run["id"])
    expect(page.get_by_text(f"{run['name']}, trigger: prefect ui, in a copy of commit")).to_be_visible()
    page.get_by_text("Task Runs", exact=True).click()
    expect(page.get_by_text("Completed", exact=True).first).to_be_visible()


def test_a_bad_value_is_refused_by_the_name_of_its_field_and_nothing_runs(page: Page, served: Served):
    before = served.post("flow_runs/count", {}).json()
    open_form(page, served.prefect, "universal-workflow")
    choose(page, "problem", PROBLEM)
    field(page, "Folds (Optional)").locator("input").fill("1")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text(re.compile("folds|minimum|greater|at least", re.IGNORECASE)).last).to_be_visible()
    page.wait_for_timeout(2000)
    assert served.post("flow_runs/count", {}).json() == before
    refused = served.post(
        f"deployments/{_deployment(served)}/create_flow_run", {"parameters": {"problem": "../../etc/passwd"}}
    )
    assert refused.status_code == 409
    assert "problem" in refused.text


def _deployment(served: Served) -> str:
    return served.get(f"{served.api}/deployments/name/universal-workflow/universal-workflow").json()["id"]


def test_a_measure_that_does_not_suit_the_problem_is_refused_by_the_form(page: Page, served: Served):
    open_form(page, served.prefect, "universal-workflow")
    choose(page, "problem", PROBLEM)
    choose(page, "Measure (Optional)", "mae")
    page.get_by_role("button", name="Submit").click()
    expect(field(page, "Measure (Optional)")).to_contain_text("'mae' is not one of ['auto', 'accuracy', ")
