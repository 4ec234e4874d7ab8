"""How every flow ends.

By default Prefect shows a traceback for a user's mistake and calls a stopped run crashed.
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
    """Make a flow's function return `Failed` with the message of a `UserError`, and `Cancelled` when it is stopped."""

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
    """Run flows without a heartbeat, which nobody needs: the runner sees the process itself.

    With one, Prefect waits for its thread at the end of every run, up to a second.
    """
    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
