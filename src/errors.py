"""The errors a person is meant to read."""


class UserError(Exception):
    """Something the user can put right: the message names the file, the key or rows, and the way out.

    The command line prints it without a traceback and exits with code 1.
    """


class PassingError(UserError):
    """One that may be gone by itself a little later, such as a network that does not answer; the flow tries again."""
