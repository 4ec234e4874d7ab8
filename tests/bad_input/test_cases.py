"""Whatever is wrong with the input, a person is told which file, key, column and rows, and what to do about it.

Every case runs the steps through their command line until one of them refuses, in this process, because starting one
for each step would teach nothing more.
"""

import pytest

from src.core.steps import STEPS
from tests.bad_input.bad_data import DATA
from tests.bad_input.bad_problems import PROBLEMS
from tests.bad_input.desk import Bad, Desk, Told, assert_says
from tests.workspaces import ROOT


def test_the_input_that_the_cases_spoil_is_good(desk: Desk):
    assert desk.run_until_refused() == Told("prepare", 0, "")
    assert desk.recorded == ["define", "fetch", "validate", "prepare"]


@pytest.mark.parametrize("bad", (DATA | PROBLEMS).values(), ids=(DATA | PROBLEMS).keys())
def test_bad_input_is_refused_with_the_place_and_the_way_out_and_leaves_nothing_half_written(desk: Desk, bad: Bad):
    desk.put(bad.csv() if callable(bad.csv) else bad.csv)
    desk.describe(bad.problem, **bad.changes)

    told = desk.run_until_refused()

    assert (told.step, told.code) == (bad.step, 1)
    assert_says(told.text, bad.says)
    assert "Traceback" not in told.text
    assert f"{ROOT}/" not in told.text
    assert not written(desk, from_step=bad.step)
    assert not list(desk.root.rglob("*partial*"))
    assert desk.recorded == list(STEPS[: STEPS.index(bad.step)])
    assert not (desk.root / "harm").exists()


def written(desk: Desk, from_step: str) -> set[str]:
    """What `from_step` and the steps after it have written, without what validate writes for a person to look at."""
    layout, root = desk.layout, desk.root
    outputs = {
        "define": (layout.results / "settings",),
        "fetch": (layout.raw,),
        "validate": (),
        "prepare": (root / "data" / "prepared", layout.result("prepare")),
    }
    later = STEPS[STEPS.index(from_step) :]
    return {str(path) for step in later for path in outputs.get(step, ()) if path.exists()}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mone", ("problems/mone.yaml does not exist", "did you mean 'mine'?")),
        ("", ("'' is not the name of a problem", "there are: mine")),
        ("problems/mine.yaml", ("'problems/mine.yaml' is not the name of a problem", "did you mean 'mine'?")),
        ("mine.yaml", ("without its ending", "did you mean 'mine'?")),
        ("../params", ("'../params' is not the name of a problem", "there are: mine")),
        ("../problems/mine", ("is not the name of a problem", "did you mean 'mine'?")),
        ("/etc/hostname", ("is not the name of a problem",)),
        ("mine\0", ("does not exist", "did you mean 'mine'?")),
        ("my prob", ("'my prob' cannot be the name of a problem", "use letters, digits")),
    ],
)
@pytest.mark.parametrize("step", ["define", "prepare"])
def test_a_problem_s_name_is_no_path(desk: Desk, step: str, name: str, says: tuple[str, ...]):
    (desk.root / "problems" / "my prob.yaml").touch()
    before = desk.files()
    told = desk.run(step, name)
    assert told.code == 1
    assert_says(told.text, says)
    assert desk.files() == before


@pytest.mark.parametrize("text", ["defaults: [1]\n", "problems: [mine]\n", "defaults: {seed: x}\n", "a: b: c\n", ""])
def test_bad_defaults_are_refused_in_the_name_of_params_yaml(desk: Desk, text: str):
    (desk.root / "params.yaml").write_text(text)
    told = desk.run("define")
    assert told.code == 1
    assert "params.yaml" in told.text
