"""Who starts, and what the others wait for."""

from uuid import uuid4

from flows.runner.queue import Run, decide, repeated


def here(name: str) -> Run:
    return Run(uuid4(), name, needs_workspace=True)


def elsewhere(name: str) -> Run:
    return Run(uuid4(), name, needs_workspace=False)


def test_one_run_at_a_time_uses_the_workspace_and_the_others_say_what_they_wait_for():
    first, second, third = map(here, ("first", "second", "third"))
    starting, reasons = decide([first, second, third], [], 2, None)
    assert starting == [first]
    assert reasons == {second.id: "waits for first", third.id: "waits for first"}


def test_a_run_waits_for_the_one_that_goes_on():
    waiting = here("waiting")
    assert decide([waiting], [here("running")], 2, None) == ([], {waiting.id: "waits for running"})


def test_a_foreign_process_in_the_workspace_holds_up_just_the_runs_that_need_it():
    waiting, copy = here("waiting"), elsewhere("copy")
    starting, reasons = decide([waiting, copy], [], 2, "process 7, `dvc repro`")
    assert starting == [copy]
    assert reasons == {waiting.id: "waits for process 7, `dvc repro`"}


def test_runs_elsewhere_go_on_side_by_side_up_to_the_limit():
    first, second, third = map(elsewhere, ("first", "second", "third"))
    starting, reasons = decide([second, third], [first, here("workspace")], 2, None)
    assert starting == [second]
    assert reasons == {third.id: "waits for first or second"}


def test_a_run_elsewhere_overtakes_one_that_waits_for_the_workspace():
    waiting, copy = here("waiting"), elsewhere("copy")
    assert decide([waiting, copy], [here("running")], 1, None)[0] == [copy]


def test_of_the_runs_of_a_schedule_that_have_piled_up_the_first_is_left():
    runs = [Run(uuid4(), f"run-{i}", True, schedule) for i, schedule in enumerate(["a", None, "a", "b", None, "a"])]
    assert repeated(runs) == dict.fromkeys(
        [runs[2].id, runs[5].id], "due while a run of the same schedule was waiting: run-0"
    )
