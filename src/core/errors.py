"""The errors a person is meant to read."""

from src.core.credentials import redacted


class UserError(Exception):
    """Something the user can put right: the message names the file, the key or rows, and the way out.

    The command line prints it without a traceback and exits with code 1. Secrets in addresses are cut out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(redacted(message))


class PassingError(UserError):
    """One that may be gone by itself a little later, such as a network that does not answer; the flow tries again."""
