"""A workflow run has one name, known before it runs and found again afterwards."""

import zipfile
from pathlib import Path

import pytest
import yaml

from src.core.errors import UserError
from src.core.files import Layout
from src.tracking.identity import file_sha256, find_workflow_run, name_of, recorded_key, workflow_name
from tasks.define import define
from tasks.fetch import fetch

ROOT = Path(__file__).parents[2]
WINE = {"question": "Which one?", "data": {"source": "sklearn", "name": "wine"}, "target": "cultivar"}
WINE |= {"type": "multiclass"}
TABLE = WINE | {"data": {"source": "file", "path": "wines/table.csv"}}


def write(layout: Layout, problem: dict) -> Layout:
    layout.problem_file.parent.mkdir(exist_ok=True)
    layout.problem_file.write_text(yaml.safe_dump(problem))
    layout.params_file.write_text((ROOT / "params.yaml").read_text())
    (layout.local / "wines").mkdir(parents=True, exist_ok=True)
    (layout.local / "wines" / "table.csv").write_text("alcohol,cultivar\n12,a\n13,b\n")
    return layout


@pytest.mark.parametrize("problem", [WINE, TABLE], ids=["bundled", "local file"])
def test_the_name_before_anything_ran_is_that_of_the_record(tmp_path, problem):
    layout = write(Layout("wine", tmp_path), problem)
    before = workflow_name(layout)
    define(layout)
    fetch(layout)
    assert name_of("wine", recorded_key(layout)) == before


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "problems").glob("*.yaml")))
def test_every_shipped_problem_has_a_name(name):
    assert workflow_name(Layout(name, ROOT)).startswith(f"{name}-")


def test_files_from_addresses_count_by_their_checksums(tmp_path, monkeypatch):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    monkeypatch.setenv("DATA_MIRROR", str(mirror))
    (mirror / "plain.csv").write_text("alcohol,cultivar\n12,a\n")
    with zipfile.ZipFile(mirror / "packed.zip", "w") as archive:
        archive.writestr("inside.csv", "alcohol,cultivar\n13,b\n")
    files = [
        {"url": f"https://example.org/{path.name}", "sha256": file_sha256(path)} | member
        for path, member in [(mirror / "plain.csv", {}), (mirror / "packed.zip", {"member": "inside.csv"})]
    ]
    layout = write(Layout("wine", tmp_path), WINE | {"data": {"source": "address", "files": files}})
    before = workflow_name(layout)
    define(layout)
    fetch(layout)
    assert name_of("wine", recorded_key(layout)) == before


def test_the_name_follows_the_settings_and_the_data_but_not_the_engine(tmp_path):
    layout = write(Layout("wine", tmp_path), TABLE)
    first = workflow_name(layout)
    assert workflow_name(write(layout, TABLE | {"engine": {"workers": 2}})) == first
    assert workflow_name(write(layout, TABLE | {"seed": 1})) != first
    write(layout, TABLE)
    (layout.local / "wines" / "table.csv").write_text("alcohol,cultivar\n12,a\n13,c\n")
    assert workflow_name(layout) != first


def test_a_bad_problem_file_or_a_missing_data_file_is_told(tmp_path):
    with pytest.raises(UserError, match="did you mean 'accuracy'"):
        workflow_name(write(Layout("wine", tmp_path), TABLE | {"measure": "accurracy"}))
    with pytest.raises(UserError, match=r"nothing\.csv does not exist; there are: wines/table\.csv"):
        workflow_name(write(Layout("wine", tmp_path), WINE | {"data": {"source": "file", "path": "nothing.csv"}}))


def test_the_name_leads_to_the_recorded_run(recorded, runs):
    name = name_of("fruit", recorded_key(recorded))
    (run,) = [run for run in runs() if run.info.run_name == name]
    assert find_workflow_run(recorded.root, "fruit", name) == (run.info.experiment_id, run.info.run_id)


def test_a_name_that_is_not_on_record_leads_nowhere(recorded, tmp_path):
    assert find_workflow_run(recorded.root, "fruit", "fruit-00000000") is None
    assert find_workflow_run(tmp_path / "elsewhere", "fruit", "fruit-00000000") is None
