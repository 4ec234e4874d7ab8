"""Decides which of the runs that are due may start now, and what each of the others waits for.

One run at a time changes the files of this folder. Runs that happen elsewhere run at the same time, up to a limit. In
each of these two groups the run that is due first starts first. If several runs of one schedule have piled up, only one
happens: the others would repeat it.
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
    schedule: str | None = None  # equal for runs of the same deployment and parameters made by schedules


def repeated(due: Sequence[Run]) -> dict[UUID, str]:
    """The runs that need not happen, because an earlier run of the same schedule is waiting; with the reason."""
    waiting: dict[str, Run] = {}
    return {
        run.id: f"due while a run of the same schedule was waiting: {waiting[run.schedule].name}"
        for run in due
        if run.schedule is not None and waiting.setdefault(run.schedule, run) is not run
    }


def decide(
    due: Sequence[Run], running: Sequence[Run], places: int, holder: str | None
) -> tuple[list[Run], dict[UUID, str]]:
    """The runs that start now, and what each of the others waits for.

    due: in the order in which they may start. places: how many runs may happen at once besides the one that uses the
    workspace. holder: the process that uses the workspace, if it is none of `running`.
    """
    in_workspace = [run.name for run in running if run.needs_workspace] or ([holder] if holder else [])
    elsewhere = [run.name for run in running if not run.needs_workspace]
    starting, reasons = [], {}
    for run in due:
        holders, most = (in_workspace, 1) if run.needs_workspace else (elsewhere, places)
        if len(holders) < most:
            starting.append(run)
            holders.append(run.name)
        else:
            reasons[run.id] = f"waits for {' or '.join(holders)}"
    return starting, reasons
