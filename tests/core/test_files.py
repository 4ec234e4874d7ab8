"""Nothing is ever half written."""

import math
import os

import pytest

from src.core.errors import UserError
from src.core.files import Layout, atomic_directory, atomic_file, existing, read_json, write_json, write_text
from src.core.steps import STEPS


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write_half(path):
    path.write_text("half of the new")
    raise OSError("the disk is full")


def test_a_file_appears_whole_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with atomic_file(path) as partial:
        partial.write_text("half")
        assert not path.exists()
        assert partial.parent == path.parent
    assert path.read_text() == "half"
    assert names(path.parent) == ["file.txt"]


def test_a_write_that_fails_leaves_the_old_file_as_it_was(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), atomic_file(path) as partial:
        write_half(partial)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "model"
    for content in ("one", "two"):
        with atomic_directory(path) as partial:
            (partial / content).write_text(content)
    assert names(path) == ["two"]
    assert names(tmp_path) == ["model"]
    assert path.stat().st_mode & 0o777 == 0o755


def test_a_folder_whose_making_fails_leaves_the_old_one_as_it_was(tmp_path):
    path = tmp_path / "model"
    with atomic_directory(path) as partial:
        (partial / "old").touch()
    with pytest.raises(OSError, match="full"), atomic_directory(path) as partial:
        write_half(partial / "new")
    assert names(path) == ["old"]
    assert names(tmp_path) == ["model"]


def test_two_processes_writing_one_file_do_not_share_the_partial_one(tmp_path, monkeypatch):
    with atomic_file(tmp_path / "file") as mine:
        monkeypatch.setattr(os, "getpid", lambda: -1)
        with atomic_file(tmp_path / "file") as theirs:
            assert mine != theirs
            mine.touch()
            theirs.touch()


def test_text_has_the_same_bytes_on_every_system(tmp_path):
    write_text(tmp_path / "text", "größer\nals\n")
    assert (tmp_path / "text").read_bytes() == "größer\nals\n".encode()


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, "ü", True], "b": {}}, {}])
def test_json_comes_back_as_it_was_and_ends_with_a_line_feed(tmp_path, value):
    write_json(tmp_path / "value.json", value)
    assert read_json(tmp_path / "value.json") == value
    assert (tmp_path / "value.json").read_text(encoding="utf-8").endswith("\n")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_refuses_what_it_has_no_word_for_and_keeps_the_old_file(tmp_path, value):
    write_json(tmp_path / "value.json", {"score": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "value.json", {"score": value})
    assert read_json(tmp_path / "value.json") == {"score": 1}
    assert names(tmp_path) == ["value.json"]


def test_a_missing_result_is_named_with_the_way_out(tmp_path):
    file = Layout("wine", tmp_path).result("evaluate")
    with pytest.raises(UserError, match=r"evaluate\.json is missing; run `dvc repro evaluate@wine`, or `python"):
        read_json(file)
    assert existing(tmp_path) == tmp_path


def test_every_path_of_a_problem_holds_its_name_and_lies_below_the_root(tmp_path):
    layout = Layout("wine", tmp_path)
    of_steps = [path for step in STEPS for path in (layout.result(step), layout.settings(step))]
    paths = [layout.problem_file, layout.expectations, layout.raw, layout.train, layout.test, layout.folds, *of_steps]
    paths += [layout.results, layout.model]
    assert len(set(paths)) == len(paths)
    for path in paths:
        assert path.is_relative_to(tmp_path)
        assert "wine" in str(path.relative_to(tmp_path))
    assert layout.result("validate").name == "validation.json"
    assert Layout("wine").raw == Layout("wine").root / "data/raw/wine"
