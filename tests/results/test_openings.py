"""The ledger of what was scored on the sealed test set."""

import json
import threading
from pathlib import Path

import pandas as pd
import pytest

from src.core.errors import UserError
from src.core.files import Layout
from src.results.openings import Ledger, rows_sha256
from src.results.wording import scored


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout("wine", tmp_path)


def opened(layout: Layout, evaluation: str, score: float, rows: str = "rows") -> int:
    ledger = Ledger.of(layout)
    ledger.open(rows, evaluation)
    return ledger.scored(rows, evaluation, score)


def test_every_evaluation_counts_once_however_often_it_runs(layout: Layout):
    assert [opened(layout, name, 0.9) for name in ("a", "b", "a", "c", "b")] == [1, 2, 1, 3, 2]
    before = layout.openings.read_bytes()
    assert opened(layout, "b", 0.9) == 2
    assert layout.openings.read_bytes() == before


def test_other_sealed_rows_are_counted_from_the_start(layout: Layout):
    assert [opened(layout, "a", 0.9, rows) for rows in ("old", "new", "old")] == [1, 1, 1]
    assert opened(layout, "b", 0.9, "new") == 2


def test_another_score_of_the_same_settings_comes_from_other_code_and_counts(layout: Layout):
    assert [opened(layout, "a", score) for score in (0.9, 0.9 + 1e-9, 0.91, 0.9)] == [1, 1, 2, 1]


def test_an_interrupted_evaluation_counts_and_is_the_same_opening_when_it_is_taken_up_again(layout: Layout):
    Ledger.of(layout).open("rows", "interrupted")
    assert opened(layout, "other", 0.8) == 2
    assert opened(layout, "interrupted", 0.9) == 1


def test_a_run_in_a_copy_is_counted_at_home(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("WORKFLOW_HOME", str(tmp_path))
    assert opened(layout, "a", 0.9) == 1
    assert opened(Layout("wine"), "b", 0.9) == 2
    assert list(Path().iterdir()) == []


def test_an_older_ledger_that_git_brings_back_forgets_nothing(layout: Layout):
    opened(layout, "a", 0.9)
    older = layout.openings.read_text()
    opened(layout, "b", 0.9)
    layout.openings.write_text(older)
    assert opened(layout, "c", 0.9) == 3
    assert len(layout.openings.read_text().splitlines()) == 3


def test_the_ledger_of_a_clone_is_the_one_in_git(layout: Layout, tmp_path: Path):
    opened(layout, "a", 0.9)
    clone = Layout("wine", tmp_path / "clone")
    clone.openings.parent.mkdir(parents=True)
    clone.openings.write_bytes(layout.openings.read_bytes())
    assert opened(clone, "b", 0.9) == 2


def test_runs_at_the_same_time_lose_no_opening(layout: Layout):
    numbers: list[int] = []
    threads = [threading.Thread(target=lambda i=i: numbers.append(opened(layout, f"{i}", 0.9))) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 13))
    assert len({json.loads(line)["evaluation"] for line in layout.openings.read_text().splitlines()}) == 12


@pytest.mark.parametrize("line", [b"<<<<<<< HEAD", b"", b'{"rows": "r"}', b"7", b"\xff\xfe"])
def test_a_damaged_ledger_is_refused_with_its_line_and_the_way_out(layout: Layout, line: bytes):
    opened(layout, "a", 0.9)
    with layout.openings.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(UserError, match=r"wine\.jsonl: line 2 is not an opening.*git checkout -- "):
        Ledger.of(layout).read()


def test_the_sealed_rows_are_told_by_their_numbers_and_targets_alone(tmp_path: Path):
    def told(**columns: list[object]) -> str:
        table = {"__row__": [3, 5], "size": [1.0, 2.0], "left": ["yes", "no"]} | columns
        pd.DataFrame(table).to_parquet(tmp_path / "table.parquet")
        return rows_sha256(tmp_path, ["left"])

    assert told() == told(size=["small", "large"], colour=["red", "blue"])
    assert len({told(), told(__row__=[3, 6]), told(left=["yes", "yes"])}) == 3


@pytest.mark.parametrize(
    ("opening", "told"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (22, "22nd")]
)
def test_an_opening_in_words(opening: int, told: str):
    assert scored(opening) == f"scored for the {told} time"
