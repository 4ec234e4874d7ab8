"""All problems as one flow: it goes on past a failure, and says how each went."""

import json
import re

import httpx
import pytest
import yaml

from tests.workspaces import PROBLEM, Workspace

FLOW = "flows.all_problems"


@pytest.mark.slow
def test_it_goes_on_past_a_failure_and_tells_how_each_problem_went(workspace: Workspace, server: dict[str, str]):
    workspace = Workspace(workspace.root, workspace.environment | server)
    given = yaml.safe_load(workspace.problem_file.read_text())
    (workspace.root / "problems" / "wrong.yaml").write_text(yaml.safe_dump(given | {"measure": "mae"}))
    params = workspace.root / "params.yaml"
    params.write_text(params.read_text().replace(f"  - {PROBLEM}\n", f"  - missing\n  - wrong\n  - {PROBLEM}\n"))

    run = workspace.run(FLOW, check=False)

    assert run.returncode == 1
    assert "1 of 3 problems are done" in run.stdout
    assert "missing: params.yaml: problems/: no problem is called 'missing'" in run.stdout
    assert "wrong: problems/wrong.yaml: measure: mae does not suit type binary" in run.stdout
    assert "Traceback" not in run.stdout
    assert re.search(rf"Flow run '{PROBLEM}-\w{{8}}' - Finished in state Completed", run.stdout)

    flow_run = re.search(r"View at .*/flow-run/(\S+)", run.stdout).group(1)
    found = httpx.post(
        f"{server['PREFECT_API_URL']}/artifacts/filter",
        json={"artifacts": {"flow_run_id": {"any_": [flow_run]}, "key": {"any_": ["all-problems"]}}},
    ).json()
    missing, wrong, tiny = json.loads(found[0]["data"])
    assert (missing["problem"], missing["state"]) == ("missing", "Failed")
    assert (wrong["problem"], wrong["state"]) == ("wrong", "Failed")
    assert (tiny["problem"], tiny["state"], tiny["measure"]) == (PROBLEM, "Completed", "accuracy")
    evaluated = json.loads((workspace.results / "evaluate.json").read_text())
    assert float(tiny["shallow (95%)"].split("%")[0]) == pytest.approx(100 * evaluated["shallow"], abs=1)
    assert not (workspace.root / ".workflow.lock").read_text(), "the workspace is free again"


def test_help_teaches(fresh: Workspace):
    told = fresh.run(FLOW, "--help").stdout
    assert "after a failure the others still run" in told
