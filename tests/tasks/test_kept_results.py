"""What a step finds of its last run although DVC has removed it."""

import hashlib
import subprocess
from pathlib import Path

import pytest
import yaml

from src.core.files import Layout
from tasks.kept_results import put_back

OLD = b'{"mean": 0.9}\n'
RESULT = "results/wine/baseline.json"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A workspace whose dvc.lock names a result that is not there, nor anywhere else."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").touch()
    outs = [
        {"path": RESULT, "md5": md5(OLD)},
        {"path": "results/wine/model", "md5": f"{md5(b'[]')}.dir"},
        {"path": "data/prepared/wine/folds.npz", "md5": md5(b"folds")},
    ]
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {"baseline@wine": {"outs": outs}}}))
    return Layout("wine", tmp_path)


def cached(layout: Layout, folder: str = ".dvc/cache", content: bytes = OLD) -> None:
    file = layout.root / folder / "files" / "md5" / md5(OLD)[:2] / md5(OLD)[2:]
    file.parent.mkdir(parents=True)
    file.write_bytes(content)


def staged(layout: Layout, content: bytes = OLD) -> None:
    file = layout.root / RESULT
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    for command in (["init", "--quiet"], ["add", RESULT]):
        subprocess.run(["git", "-C", str(layout.root), *command], check=True)
    file.unlink()


@pytest.mark.parametrize("keep", [cached, staged])
def test_a_removed_result_is_put_back_from_dvc_s_cache_or_from_git(layout: Layout, keep):
    keep(layout)
    put_back("baseline@wine", layout.root)
    assert (layout.root / RESULT).read_bytes() == OLD
    assert sorted(path.name for path in layout.results.iterdir()) == ["baseline.json"]
    assert not (layout.root / "data").exists()


def test_the_cache_is_where_dvc_s_settings_say(layout: Layout):
    (layout.root / ".dvc" / "config.local").write_text("[cache]\n    dir = ../elsewhere\n")
    cached(layout, "elsewhere")
    put_back("baseline@wine", layout.root)
    assert (layout.root / RESULT).read_bytes() == OLD


@pytest.mark.parametrize("keep", [cached, staged])
def test_what_is_not_the_content_that_the_lock_names_is_not_put_back(layout: Layout, keep):
    keep(layout, content=b"other")
    put_back("baseline@wine", layout.root)
    assert not (layout.root / RESULT).exists()


def test_what_is_there_stays_and_other_steps_are_left_alone(layout: Layout):
    cached(layout)
    put_back("overfit@wine", layout.root)
    assert not layout.results.exists()
    layout.results.mkdir(parents=True)
    (layout.root / RESULT).write_bytes(b"new")
    put_back("baseline@wine", layout.root)
    assert (layout.root / RESULT).read_bytes() == b"new"


@pytest.mark.parametrize(
    "lock",
    [None, b"", b"stages:\n", b"{cut", b"- 1", b"\xff", b"[" * 5_000, b"stages: {baseline@wine: {outs: [{path: x}]}}"],
)
def test_without_a_whole_lock_file_nothing_is_put_back(layout: Layout, lock: bytes | None):
    (layout.root / "dvc.lock").unlink()
    if lock is not None:
        (layout.root / "dvc.lock").write_bytes(lock)
    put_back("baseline@wine", layout.root)
    assert not layout.results.exists()


def test_a_path_that_leads_out_of_the_results_is_not_written(layout: Layout):
    cached(layout)
    lock = (layout.root / "dvc.lock").read_text()
    (layout.root / "dvc.lock").write_text(lock.replace(RESULT, "results/../../stolen.json"))
    put_back("baseline@wine", layout.root)
    assert not (layout.root.parent / "stolen.json").exists()
