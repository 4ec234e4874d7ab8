"""Make the README's pictures of Prefect and MLflow: `python -m docs.server_screenshots wine`.

Serves this folder on free ports, presses Run for the problem as a person would, waits for the run, and takes its pages.
The problem should have been run before, so that MLflow has something to compare: with overrides as well, for two runs.
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
from playwright.sync_api import Page, sync_playwright

from docs.screenshots import BROWSERS, IMAGES, MOST_BYTES, ROOT
from src.tracking.identity import KEY
from src.tracking.views import compare_link
from tests.browser.pages import choose, open_form, open_run, submit, wait_for_run

READY = re.compile(r"^ready: Prefect (\S+) MLflow (\S+)$")
SETTLED_MS = 4000  # charts are drawn a while after their page has loaded


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


def keep(page: Page, name: str) -> None:
    """Write what the page shows to docs/images, reduced to 256 colours."""
    page.wait_for_timeout(SETTLED_MS)
    picture = IMAGES / f"{name}.png"
    with Image.open(io.BytesIO(page.screenshot())) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(picture, optimize=True)
    size = picture.stat().st_size
    print(f"{picture.relative_to(ROOT)}: {size // 1000} kB")
    if size > MOST_BYTES:
        sys.exit(f"{picture.name} is larger than {MOST_BYTES // 1000} kB: show less of the page")


def workflow_runs(mlflow: str, problem: str) -> tuple[str, list[str]]:
    """The problem's experiment, and the ids of its workflow runs."""
    with httpx.Client(base_url=f"{mlflow}/api/2.0/mlflow", timeout=60, trust_env=False) as client:
        found = client.get("/experiments/get-by-name", params={"experiment_name": problem}).json()
        experiment = found["experiment"]["experiment_id"]
        body = {"experiment_ids": [experiment], "filter": f"tags.`{KEY}` != ''"}
        runs = client.post("/runs/search", json=body).json().get("runs", [])
    return experiment, [run["info"]["run_id"] for run in runs]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m docs.server_screenshots", description=__doc__)
    parser.add_argument("problem", help="a problem listed in params.yaml")
    problem = parser.parse_args().problem
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit(f"no browser found: install one of {', '.join(BROWSERS)}")
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    IMAGES.mkdir(parents=True, exist_ok=True)
    with served() as (prefect, mlflow), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=as_root)
        page = browser.new_page(viewport={"width": 1500, "height": 940})
        page.set_default_timeout(60_000)
        open_form(page, prefect, "universal-workflow")
        choose(page, "problem", problem)
        keep(page, "prefect_form")
        run = wait_for_run(prefect, submit(page).json()["id"], seconds=1800)
        open_run(page, prefect, run["id"])
        keep(page, "prefect_run")
        open_run(page, prefect, run["id"], "Artifacts")
        page.get_by_text(f"verdicts-{run['name']}").first.click()
        keep(page, "prefect_verdicts")
        experiment, runs = workflow_runs(mlflow, problem)
        page.goto(mlflow)
        page.goto(f"{mlflow}/#/experiments/{experiment}/runs")
        keep(page, "mlflow_results")
        if len(runs) > 1:
            page.goto(f"{mlflow}/{compare_link(experiment, runs)}")
            keep(page, "mlflow_compare")
        browser.close()


if __name__ == "__main__":
    main()
