"""Where a record says that it comes from."""

import subprocess
from pathlib import Path

import pytest

from src.tracking.provenance import git_commit, provenance


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    for name in ("code.py", "results/evaluate.json", "dvc.lock"):
        (tmp_path / name).write_text("1")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "-c", "user.name=N", "-c", "user.email=n@example.org", "commit", "--quiet", "--message", "Start")
    return tmp_path


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", root, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def test_a_clean_tree_is_its_commit(repository):
    assert git_commit(repository) == git(repository, "rev-parse", "HEAD")


def test_changed_code_is_dirty(repository):
    (repository / "code.py").write_text("2")
    assert git_commit(repository) == git(repository, "rev-parse", "HEAD") + "-dirty"


def test_results_that_the_pipeline_has_just_written_are_not_dirty(repository):
    (repository / "results/evaluate.json").write_text("2")
    (repository / "dvc.lock").write_text("2")
    assert git_commit(repository) == git(repository, "rev-parse", "HEAD")


def test_outside_a_repository_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_commit(tmp_path) is None


def test_before_the_first_commit_there_is_none(tmp_path):
    git(tmp_path, "init", "--quiet")
    assert git_commit(tmp_path) is None


def test_without_git_there_is_no_commit(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_commit(repository) is None


@pytest.mark.parametrize(
    ("environment", "tags"),
    [
        ({}, {"workflow.trigger": "command line"}),
        ({"DVC_STAGE": "evaluate@wine"}, {"workflow.trigger": "dvc repro"}),
        (
            {"DVC_STAGE": "evaluate@wine", "DVC_EXP_NAME": "sandy-fish"},
            {"workflow.trigger": "dvc exp", "dvc.experiment": "sandy-fish"},
        ),
        (
            {"DVC_STAGE": "evaluate@wine", "PREFECT__FLOW_RUN_ID": "4f"},
            {"workflow.trigger": "prefect", "prefect.flow_run_id": "4f"},
        ),
    ],
)
def test_what_started_the_run_is_told_by_the_environment(tmp_path, monkeypatch, environment, tags):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance(tmp_path, environment) == tags
