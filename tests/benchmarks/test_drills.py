"""Some of the drills: a kill beside `make repro`, and one beside the UI. `tests/test_drills.py` kills `dvc repro`."""

import random
from pathlib import Path

import pytest

from benchmarks.drills import Kill, Outcome, contents, drill, figures
from tests.workspaces import Workspace


@pytest.mark.slow
@pytest.mark.parametrize("way", ["make repro"])
def test_a_run_that_lost_a_process_is_made_good_by_the_next(
    fresh: Workspace, finished: Workspace, tmp_path: Path, way: str
):
    workspace = fresh.copy(tmp_path / "workspace")
    outcome = drill(way, workspace, contents(finished), Kill(random.Random(way).uniform(2, 8), random.Random(way)))
    assert outcome.victim
    assert outcome.is_good, outcome


def test_the_figures_count_what_went_wrong():
    bad = Outcome("UI", 1.0, "recorder", wrong=["dvc.lock"], open=["mlflow.db: tiny"])
    lines = figures([Outcome("UI", 1.0, "evaluate"), bad])
    assert lines[3].split() == ["UI", "2", "1", "2", "1"]
    assert lines[4] == "killed: evaluate 1, recorder 1"
