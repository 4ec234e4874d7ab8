"""What MLflow's page shows first: saved views and the defaults of a browser."""

import json
import re

from src.core.steps import RECORDED
from src.tracking.content import summary
from src.tracking.views import RESULTS, browser_defaults, view_link, view_tags


def test_every_column_of_a_view_is_recorded(recorded, runs):
    """A misspelt column would be left out by MLflow without a word."""
    known = {f"{kind}.`{name}`" for run in runs() for kind in ("metrics", "params", "tags") for name in held(run, kind)}
    known |= {f"attributes.`{name}`" for name in ("Run Name", "Source", "Version", "Dataset", "Models")}
    known |= {"runDateAndNestInfo", "duration"}
    for view in map(json.loads, view_tags("accuracy").values()):
        assert set(json.loads(view["state"])["columnOrder"]) <= known


def held(run, kind):
    return getattr(run.data, kind)


def test_every_view_finds_its_runs(recorded, client):
    experiment = client.get_experiment_by_name("fruit").experiment_id
    found = [
        {run.info.run_name.split("-")[0].split()[0] for run in client.search_runs([experiment], state["searchFilter"])}
        for state in (json.loads(json.loads(view)["state"]) for view in view_tags("accuracy").values())
    ]
    assert found == [{"fruit"}, {"candidate"}, {"repeat"}]


def test_the_views_are_tags_of_the_experiment_and_open_by_their_links(recorded, client):
    experiment = client.get_experiment_by_name("fruit")
    assert view_tags("accuracy").items() <= experiment.tags.items()
    assert f"mlflow.sharedViewState.{RESULTS}" in experiment.tags
    assert f"viewStateShareKey={RESULTS}" in view_link(experiment.experiment_id, RESULTS)


def test_all_that_an_experiment_has_to_show_is_a_column(recorded):
    shown = json.loads(json.loads(view_tags("accuracy")[f"mlflow.sharedViewState.{RESULTS}"])["state"])["columnOrder"]
    tags = [name for name in summary(RECORDED, recorded).tags if f"tags.`{name}`" in shown]
    assert sorted(tags) == ["answer", "cross-validated", "verdicts"]
    metrics = [name for name in summary(RECORDED, recorded).metrics if f"metrics.`{name}`" in shown]
    assert sorted(metrics) == ["common_sense.accuracy", "cv.accuracy", "shallow.accuracy", "test.accuracy"]
    assert {"duration", "attributes.`Source`", "attributes.`Dataset`", "attributes.`Version`"} <= set(shown)


def test_the_browser_s_defaults_are_one_script_that_nothing_can_close_early():
    script = browser_defaults({"1": {}, "7": view_tags("accuracy")})
    assert re.fullmatch(r"<script>[^<]*</script>", script, re.DOTALL)
    assert r"ExperimentPage-[\"7\"]-ReactComponentState" in script
    assert r"ExperimentPage-[\"1\"]" not in script, "an experiment of somebody else"
    assert "cv.accuracy" in script
