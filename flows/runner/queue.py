"""Which of the runs that are due may start now, and what each of the others waits for.

One run at a time changes the files of this folder; runs that happen elsewhere go on beside it, up to a limit. Within
either kind, who is due first starts first. Of the runs that a schedule has piled up, while another run went on or while
nobody served, one is made up for: the others would do the same once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Run:
    """A flow run, as far as the queue is concerned."""

    id: UUID
    name: str
    needs_workspace: bool
    schedule: str | None = None  # the same for runs that a schedule made with the same parameters


def repeated(due: Sequence[Run]) -> dict[UUID, str]:
    """The runs that need not happen, because the same schedule has one waiting before them; and why."""
    first: dict[str, Run] = {}
    return {
        run.id: f"due while a run of the same schedule was waiting: {first[run.schedule].name}"
        for run in due
        if run.schedule is not None and first.setdefault(run.schedule, run) is not run
    }


def decide(
    due: Sequence[Run], running: Sequence[Run], places: int, holder: str | None
) -> tuple[list[Run], dict[UUID, str]]:
    """The runs that start now, and for each other one what it waits for.

    due: in the order of their turn. places: how many runs may go on beside the one that has the workspace. holder: the
    process that has the workspace, when it is none of `running`.
    """
    here = [run.name for run in running if run.needs_workspace] or ([holder] if holder else [])
    elsewhere = [run.name for run in running if not run.needs_workspace]
    starting, reasons = [], {}
    for run in due:
        taken, most = (here, 1) if run.needs_workspace else (elsewhere, places)
        if len(taken) < most:
            starting.append(run)
            taken.append(run.name)
        else:
            reasons[run.id] = f"waits for {' or '.join(taken)}"
    return starting, reasons
