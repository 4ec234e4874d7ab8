"""Errors that are written for users."""

from src.core.credentials import redacted


class UserError(Exception):
    """Anything the user can fix: the message names the file, the key or rows, and the way out.

    The command line prints it without a traceback and exits with code 1. Secrets in addresses are cut out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))


class PassingError(UserError):
    """An error that may pass, such as a network that does not answer; the flow tries again."""
