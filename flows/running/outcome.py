"""How every flow ends.

Prefect would answer a mistake of the user with a traceback, and call a run that is stopped crashed.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import ParamSpec

from prefect.exceptions import TerminationSignal
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Cancelled, Failed, State

from src.core.errors import UserError

P = ParamSpec("P")


def outcome_as_state(flow: Callable[P, State]) -> Callable[P, State]:
    """The function of a flow, ending as `Failed` with the message of a `UserError` and as `Cancelled` when stopped."""

    @wraps(flow)
    def run(*arguments: P.args, **options: P.kwargs) -> State:
        try:
            return flow(*arguments, **options)
        except UserError as error:
            return Failed(message=str(error))
        except (KeyboardInterrupt, TerminationSignal):
            return Cancelled(message="the run was stopped")

    return run


def without_heartbeat() -> AbstractContextManager[object]:
    """Run flows without a heartbeat, for which nobody listens: the runner sees the process. Prefect waits for its
    thread at the end of every run, up to a second."""
    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
