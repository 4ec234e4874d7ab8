"""A first problem file for a person's own data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from src.core.errors import UserError
from src.core.files import Layout
from src.datasets import fetch_source, read_table
from src.problem.load import load_problem
from tasks.new import new, take_back

ROOT = Path(__file__).parents[2]
PARAMS = (ROOT / "params.yaml").read_text(encoding="utf-8")
CSV = "hours,salary,left\n" + "".join(f"{30 + i % 13}.5,{'low' if i % 3 else 'high'},{i % 2}\n" for i in range(60))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A workspace with the repository's params.yaml and nothing else."""
    (tmp_path / "problems").mkdir()
    (tmp_path / "data" / "local").mkdir(parents=True)
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    return Layout("churn", tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "somewhere" / "staff.csv"
    path.parent.mkdir()
    path.write_text(CSV)
    return path


def test_the_new_problem_validates_and_its_data_can_be_read(layout: Layout, file: Path) -> None:
    new(layout, file, "left")

    problem = load_problem(layout)
    fetch_source(problem.data, layout.raw, layout.local)
    assert (problem.type, problem.target) == ("binary", "left")
    assert read_table(problem.data, layout.raw, problem.columns).shape == (60, 3)


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("t.csv", CSV.replace(",", ";"), {"separator": ";"}),
        ("t.txt", CSV.replace(",", "\t"), {"format": "csv", "separator": "\t"}),
        ("t.csv", CSV.replace("high", "größer"), {"encoding": "cp1252"}),
        ("t.tsv", CSV.replace(",", "\t"), {}),
        ("spaced name, and comma.csv", CSV, {}),
    ],
)
def test_what_the_file_needs_to_be_read_is_found_out(
    layout: Layout, tmp_path: Path, name: str, text: str, options: dict[str, str]
) -> None:
    (tmp_path / name).write_text(text, encoding=options.get("encoding", "utf-8"))

    new(layout, tmp_path / name, "left")

    assert yaml.safe_load(layout.problem_file.read_text())["data"] == {"source": "file", "path": name, **options}


def test_a_text_file_without_a_target_is_read_on_in_rows_that_lose_no_character(layout: Layout, tmp_path: Path) -> None:
    text = "".join(f"  It was the {number}th of times,\n\tit was the worst.\n " for number in range(40))
    path = tmp_path / "tale.txt"
    path.write_text(text)
    problem = new(layout, path, "")

    assert (problem.type, problem.time, problem.measure) == ("language_model", "place", "bits_per_character")
    fetch_source(problem.data, layout.raw, layout.local)
    table = read_table(problem.data, layout.raw, problem.columns)
    assert "".join(table["text"]) == text
    assert table["place"].tolist() == list(range(len(table)))
    assert set(table["text"].str.len()[:-1]) == {256}


def test_several_targets_are_separated_by_commas(layout: Layout, file: Path) -> None:
    assert new(layout, file, "left, hours").target == ["left", "hours"]


def test_a_column_name_with_a_comma_is_one_target(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(CSV.replace("left", '"left, early"'))

    assert new(layout, tmp_path / "t.csv", "left, early").target == "left, early"


def test_a_file_that_already_lies_in_the_local_folder_is_not_copied(layout: Layout) -> None:
    (layout.local / "hr").mkdir()
    (layout.local / "hr" / "staff.csv").write_text(CSV)

    new(layout, layout.local / "hr" / "staff.csv", "left")

    assert yaml.safe_load(layout.problem_file.read_text())["data"]["path"] == "hr/staff.csv"
    assert [path.name for path in layout.local.iterdir()] == ["hr"]


def test_a_column_of_pictures_beside_the_table_is_proposed_and_one_without_them_is_left_out(
    layout: Layout, tmp_path: Path
) -> None:
    text = "photo,rooms,price\n" + "".join(f"{i}.JPG,{i % 7}.5,{i * 3 % 50}.25\n" for i in range(40))
    (tmp_path / "homes.csv").write_text(text)
    assert new(Layout("apart", layout.root), tmp_path / "homes.csv", "price").drop == ["photo"]
    (layout.local / "homes").mkdir()
    (layout.local / "homes" / "homes.csv").write_text(text)
    for i in range(40):
        (layout.local / "homes" / f"{i}.JPG").touch()

    problem = new(layout, layout.local / "homes" / "homes.csv", "price")

    assert (problem.data.pictures, problem.drop) == ("photo", [])
    assert "# photo names pictures, which are read." in layout.problem_file.read_text()


def test_the_problem_joins_the_list_and_comments_stay(layout: Layout, file: Path) -> None:
    new(layout, file, "left")

    before = PARAMS.splitlines()
    last = max(i for i, line in enumerate(before) if line.startswith("  - "))
    assert layout.params_file.read_text().splitlines() == [*before[: last + 1], "  - churn", *before[last + 1 :]]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("problems:\n- a\n\n- b # why\n# the end\n", "problems:\n- a\n\n- b # why\n- churn\n# the end\n"),
        ("problems: [a, b] # why\n", "problems: [a, b, churn] # why\n"),
        ("problems: []\n", "problems: [churn]\n"),
        ("problems: # these\n  # first\n  - a\n", "problems: # these\n  # first\n  - a\n  - churn\n"),
        ("problems:\n  - churn\n  - a\n", "problems:\n  - churn\n  - a\n"),
    ],
)
def test_the_list_may_be_written_in_several_ways(layout: Layout, file: Path, listed: str, expected: str) -> None:
    defaults = PARAMS[PARAMS.index("defaults:") :]
    layout.params_file.write_text(listed + defaults)

    new(layout, file, "left")

    assert layout.params_file.read_text() == expected + defaults


def state(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        ("churn", "lefft", "no column 'lefft'"),
        ("taken", "left", "taken.yaml exists and stays as it is"),
        ("yes", "left", "name: 'yes' does not suit"),
        ("a/b", "left", "'a/b' cannot be the name of a problem"),
        ("../x", "left", "'../x' cannot be the name of a problem"),
    ],
)
def test_what_cannot_be_done_changes_nothing(layout: Layout, file: Path, name: str, target: str, message: str) -> None:
    (layout.root / "problems" / "taken.yaml").write_text("question: mine\n")
    before = state(layout.root)

    with pytest.raises(UserError, match=message):
        new(Layout(name, layout.root), file, target)

    assert state(layout.root) == before


def test_another_file_of_the_same_name_is_not_overwritten(layout: Layout, file: Path) -> None:
    (layout.local / "staff.csv").write_text("something else")
    before = state(layout.root)

    with pytest.raises(UserError, match=r"staff\.csv exists with other content and stays as it is"):
        new(layout, file, "left")

    assert state(layout.root) == before


def command(layout: Layout, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tasks.new", *arguments],
        cwd=layout.root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_says_what_to_type_next(layout: Layout, file: Path) -> None:
    done = command(layout, "--name", "churn", "--csv", str(file), "--target", "left")

    assert done.returncode == 0
    assert "Wrote problems/churn.yaml (binary, accuracy, iterated_k_fold)" in done.stdout
    assert "  - type: binary (left has two values)\n" in done.stdout
    assert "make repro" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("churn", "nowhere.csv", "left"), "error: csv: nowhere.csv does not exist"),
        (("churn", "", "left"), "error: csv is not given; type: make new name=churn csv=path/to.csv target=left"),
    ],
)
def test_the_command_tells_errors_without_a_traceback(
    layout: Layout, arguments: tuple[str, str, str], message: str
) -> None:
    name, file, target = arguments

    done = command(layout, "--name", name, "--csv", file, "--target", target)

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def unlisted(layout: Layout, file: Path) -> bytes:
    """Make the problem and take its name out of params.yaml; the problem file's content."""
    new(layout, file, "left")
    params = layout.params_file.read_text()
    layout.params_file.write_text(params.replace("  - churn\n", ""))
    return layout.problem_file.read_bytes()


@pytest.mark.parametrize("again", [(), ("--csv", "staff.csv", "--target", "left"), ("--csv", "", "--target", "")])
def test_a_problem_that_is_there_and_not_listed_is_taken_back_as_it_is(
    layout: Layout, file: Path, again: tuple[str, ...]
) -> None:
    written = unlisted(layout, file)

    done = command(layout, "--name", "churn", *again)

    assert done.returncode == 0, done.stderr
    assert "Took back problems/churn.yaml" in done.stdout
    assert "  - churn\n" in layout.params_file.read_text()
    assert layout.problem_file.read_bytes() == written


@pytest.mark.parametrize(
    ("csv", "target", "told"),
    [("others.csv", "left", "its data are 'staff.csv'"), ("staff.csv", "right", "its target is 'left'")],
)
def test_a_problem_that_asks_something_else_is_not_taken_back(
    layout: Layout, file: Path, csv: str, target: str, told: str
) -> None:
    unlisted(layout, file)
    before = state(layout.root)

    with pytest.raises(UserError, match=told):
        take_back(layout, Path(csv), target)

    assert state(layout.root) == before


def test_a_problem_that_is_listed_is_not_taken_back(layout: Layout, file: Path) -> None:
    assert take_back(layout, file, "left") is None
    new(layout, file, "left")
    with pytest.raises(UserError, match=r"churn\.yaml exists and stays as it is, in the list"):
        take_back(layout, file, "left")
