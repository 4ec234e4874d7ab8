"""Make all pictures of the documentation from the present pages: `python -m docs.screenshots`.

The report's are of results/<problem>/report.html. For those of Prefect and MLflow this folder is served on free ports,
Run is pressed for a problem as a person would, and the pages of the run are taken. MLflow compares two runs: where the
problem has been run only once, a run with fewer epochs is made first. Both problems must be in params.yaml and should
have been run, or Run takes as long as the workflow does.

Needs Chromium, no network. Pictures are reduced to 256 colours, so that the repository stays small.
"""

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from docs.pictures import IMAGES, OF_REPORT, OF_SERVERS, PICTURES, ROOT, note
from src.tracking.identity import KEY
from src.tracking.views import compare_link
from tests.browser.pages import choose, open_form, open_run, submit, wait_for_run

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MOST_BYTES = 300_000
READY = re.compile(r"^ready: Prefect (\S+) MLflow (\S+)$")
SETTLED_MS = 4000  # charts are drawn a while after their page has loaded
RUN_SECONDS = 1800


def keep(page: Page, name: str) -> None:
    """Write what the page shows as the picture `name`."""
    picture = ROOT / IMAGES / f"{name}.png"
    with Image.open(io.BytesIO(page.screenshot())) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(picture, optimize=True)
    size = picture.stat().st_size
    print(f"{picture.relative_to(ROOT)}: {size // 1000} kB", flush=True)
    if size > MOST_BYTES:
        sys.exit(f"{picture.name} is larger than {MOST_BYTES // 1000} kB: show less of the page")
    note(name)


def opened(browser: Browser, name: str) -> Page:
    """A page in a window of the picture's size."""
    page = browser.new_page(viewport={"width": PICTURES[name].width, "height": PICTURES[name].height})
    page.set_default_timeout(60_000)
    return page


def take_report(browser: Browser, problem: str) -> None:
    report = ROOT / "results" / problem / "report.html"
    if not report.exists():
        sys.exit(f"{report.relative_to(ROOT)} does not exist: run `dvc repro report@{problem}` first")
    for name, picture in OF_REPORT.items():
        page = opened(browser, name)
        page.goto(report.as_uri())
        if picture.section is not None:
            if not page.locator(f"main > section#{picture.section}").count():
                sys.exit(f"{report.relative_to(ROOT)} has no section {picture.section!r}")
            alone = f"header, nav, main > section:not(#{picture.section}) {{ display: none }}"
            page.add_style_tag(content=alone)
        keep(page, name)
        page.close()


def take_servers(browser: Browser, problem: str) -> None:
    with served() as (prefect, mlflow):
        page = opened(browser, next(iter(OF_SERVERS)))

        def keep_settled(name: str) -> None:
            page.wait_for_timeout(SETTLED_MS)
            keep(page, name)

        open_form(page, prefect, "universal-workflow")
        choose(page, "problem", problem)
        keep_settled("prefect_form")
        run = wait_for_run(prefect, submit(page).json()["id"], RUN_SECONDS)
        if run["state"]["type"] != "COMPLETED":
            sys.exit(f"the run of {problem} ended as {run['state']['name']}: {run['state']['message']}")
        open_run(page, prefect, run["id"])
        keep_settled("prefect_run")
        open_run(page, prefect, run["id"], "Artifacts")
        page.get_by_text(f"verdicts-{run['name']}").first.click()
        keep_settled("prefect_verdicts")
        experiment, runs = workflow_runs(mlflow, problem)
        if len(runs) < 2:
            command = [sys.executable, "-m", "flows.universal_workflow", problem, "--set", "training.epochs=50"]
            subprocess.run(command, cwd=ROOT, check=True, timeout=RUN_SECONDS)
            experiment, runs = workflow_runs(mlflow, problem)
        page.goto(mlflow)
        page.goto(f"{mlflow}/#/experiments/{experiment}/runs")
        keep_settled("mlflow_results")
        page.goto(f"{mlflow}/{compare_link(experiment, runs[:2])}")
        keep_settled("mlflow_compare")
        page.close()


@contextmanager
def served() -> Iterator[tuple[str, str]]:
    """The addresses of Prefect and MLflow, which serve this folder during the block."""
    command = [sys.executable, "-m", "flows.serve", "--prefect-port", "0", "--mlflow-port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if ready := READY.match(line.rstrip()):
                yield ready[1], ready[2]
                return
        sys.exit("the servers did not start")
    finally:
        process.terminate()
        process.wait()


def workflow_runs(mlflow: str, problem: str) -> tuple[str, list[str]]:
    """The problem's experiment, and the ids of its workflow runs."""
    with httpx.Client(base_url=f"{mlflow}/api/2.0/mlflow", timeout=60, trust_env=False) as client:
        answer = client.get("/experiments/get-by-name", params={"experiment_name": problem}).json()
        experiment = answer["experiment"]["experiment_id"]
        body = {"experiment_ids": [experiment], "filter": f"tags.`{KEY}` != ''"}
        runs = client.post("/runs/search", json=body).json().get("runs", [])
    return experiment, [run["info"]["run_id"] for run in runs]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m docs.screenshots", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--report", default="breast_cancer", metavar="PROBLEM", help="whose report to show")
    parser.add_argument("--run", default="wine", metavar="PROBLEM", help="the problem to press Run for")
    options = parser.parse_args()
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit(f"no browser found: install one of {', '.join(BROWSERS)}")
    (ROOT / IMAGES).mkdir(parents=True, exist_ok=True)
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=as_root)
        take_report(browser, options.report)
        take_servers(browser, options.run)
        browser.close()


if __name__ == "__main__":
    main()
