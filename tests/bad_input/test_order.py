"""Steps out of their turn, and data that turn bad: nothing that was there before is lost."""

import pytest

from tests.bad_input.desk import ROWS, WRITTEN_BEFORE_THE_REFUSAL, Desk, assert_says, table


@pytest.mark.parametrize(
    ("step", "runs_first", "names"),
    [
        ("fetch", (), "python -m tasks.define mine"),
        ("validate", ("define",), "python -m tasks.fetch mine"),
        ("prepare", ("define", "fetch"), "validation.json is missing"),
        ("baseline", ("define",), "prepare.json is missing"),
        ("report", ("define",), "is missing"),
    ],
)
def test_a_step_out_of_turn_says_which_comes_first(desk: Desk, step: str, runs_first: tuple[str, ...], names: str):
    for earlier in runs_first:
        assert desk.run(earlier).code == 0
    before = desk.files()
    told = desk.run(step)
    assert told.code == 1
    assert names in told.text
    assert desk.files() == before


def test_data_that_turn_bad_stop_the_workflow_and_what_was_learnt_before_stays(desk: Desk):
    desk.run_until_refused()
    before = desk.files()
    desk.put(table(label=["yes"] * ROWS))

    assert [desk.run(step).code for step in ("fetch", "validate")] == [0, 1]
    told = desk.run("prepare")

    assert told.code == 1
    assert_says(told.text, ("validation.json: the data failed the checks", "validate again"))
    changed = {name for name, content in desk.files().items() if before.get(name) != content}
    assert not before.keys() - desk.files().keys()
    assert changed == {
        *WRITTEN_BEFORE_THE_REFUSAL,
        "data/raw/mine/mine.csv",
        "data/raw/mine/manifest.json",
        "data/local/mine.csv",
    }
