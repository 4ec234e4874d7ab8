"""What people see first when they open an experiment in MLflow.

MLflow keeps the choice of columns and the filter of its table of runs in the browser. An experiment can only hold
*saved views*, offered under "Views" and opened by a link, and a description, whose first line appears above the table.
Every problem's experiment gets both. `browser_defaults` makes the first view the default of a browser without a choice
of its own; the server that `make serve` starts puts it into the page.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from src.tracking.content import ANSWER, CROSS_VALIDATED, RUN_TYPE
from src.tracking.identity import KEY

VIEW_TAG = "mlflow.sharedViewState."
_STORED = 'MLflowLocalStorage-1.1-ExperimentPage-["{}"]-ReactComponentState'
RESULTS, CANDIDATES, FOLDS = "results", "candidates", "folds"


NAME, CREATED, DURATION = "attributes.`Run Name`", "runDateAndNestInfo", "duration"


def _columns(widths: Mapping[str, int]) -> dict[str, Any]:
    """The columns in order, with their widths in pixels. MLflow always shows three of them."""
    chosen = [column for column in widths if column not in (NAME, CREATED, DURATION)]
    return {"selectedColumns": chosen, "columnOrder": list(widths), "columnWidths": dict(widths)}


def _all(group: str, widths: Mapping[str, int]) -> dict[str, int]:
    return {f"{group}.`{name}`": width for name, width in widths.items()}


# All but the last fit side by side on a screen of 1,600 pixels.
_RESULTS = (
    {NAME: 170, CREATED: 105}
    | _all("metrics", {"cv.{measure}": 110, "test.{measure}": 115})
    | _all("metrics", {"common_sense.{measure}": 165, "shallow.{measure}": 130})
    | _all("tags", {CROSS_VALIDATED: 210, ANSWER: 110, "verdicts": 110})
    | {DURATION: 70}
    | _all("attributes", {"Source": 110, "Dataset": 150, "Version": 75, "Models": 100})
)
_CANDIDATES = (
    {NAME: 150, CREATED: 125}
    | _all("metrics", {"{measure}": 90, "{measure}.standard_error": 120})
    | _all("tags", {"chosen": 80, "best": 80})
    | _all("params", {"network": 110, "parameters": 95, "dropout": 85, "l1": 85, "l2": 85, "learning_rate": 110})
    | _all("params", {"epochs": 85, "optimizer": 95})
)
_FOLDS = {NAME: 150, CREATED: 125} | _all(
    "metrics",
    {
        "{measure}": 110,
        "common_sense.{measure}": 110,
        "shallow.{measure}": 110,
        "training.{measure}": 110,
        "validation.{measure}": 110,
    },
)
_STATES: dict[str, dict[str, Any]] = {
    RESULTS: {"searchFilter": f"tags.`{KEY}` != ''"} | _columns(_RESULTS),
    CANDIDATES: {"searchFilter": f"tags.`{RUN_TYPE}` = 'candidate'"} | _columns(_CANDIDATES),
    FOLDS: {"searchFilter": f"tags.`{RUN_TYPE}` = 'fold'"} | _columns(_FOLDS),
}
VIEWS = {RESULTS: "Results of the workflow", CANDIDATES: "Candidates of the search", FOLDS: "Folds of the evaluation"}


def view_tags(measure: str) -> dict[str, str]:
    """The tags that hold an experiment's saved views, with the scores of `measure`."""
    return {
        VIEW_TAG + view: json.dumps(
            {"name": VIEWS[view], "createdAt": -i, "updatedAt": -i, "state": json.dumps(_state(view, measure))}
        )
        for i, view in enumerate(_STATES)
    }


def _state(view: str, measure: str) -> dict[str, Any]:
    """A view as MLflow's page stores it."""
    common = {
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
    }
    common |= {"datasetsFilter": [], "modelVersionFilter": "All Runs", "runsHiddenMode": "FIRST_10_RUNS"}
    common |= {"useGroupedValuesInCharts": True, "hideEmptyCharts": True, "groupBy": None, "runListHidden": False}
    columns = json.loads(json.dumps(_STATES[view]).replace("{measure}", measure))
    return common | columns


def browser_defaults(experiments: Mapping[str, Mapping[str, str]]) -> str:
    """A script for the head of MLflow's page: the defaults of a browser without choices of its own.

    It selects the side of MLflow that is about training, hides the assistant, which has no model to talk to, and opens
    the view of results. experiments: ids of experiments, with their tags. The script only answers where the browser
    holds nothing; a person's own choice of columns stays.
    """
    held = {"mlflow.workflowType_v1": '"machine_learning"', "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true"}
    held |= {
        _STORED.format(id): json.loads(tags[VIEW_TAG + RESULTS])["state"]
        for id, tags in experiments.items()
        if VIEW_TAG + RESULTS in tags
    }
    text = json.dumps(held).replace("<", "\\u003c")
    return f"""<script>(() => {{
  const defaults = {text}, getItem = Storage.prototype.getItem;
  Storage.prototype.getItem = function (key) {{
    const held = getItem.call(this, key);
    return held === null && this === localStorage && Object.hasOwn(defaults, key) ? defaults[key] : held;
  }};
}})();</script>"""


def view_link(experiment: str, view: str) -> str:
    """The address of a view below that of MLflow's server."""
    return f"#/experiments/{experiment}/runs?viewStateShareKey={view}&workflowType=machine_learning"


def run_link(experiment: str, run: str) -> str:
    return f"#/experiments/{experiment}/runs/{run}?workflowType=machine_learning"


def compare_link(experiment: str, runs: list[str]) -> str:
    """The address of the page that compares `runs`: parallel coordinates, box plots, parameters side by side."""
    return f"#/compare-runs?runs={quote(json.dumps(runs))}&experiments={quote(json.dumps([experiment]))}"
