"""Code of `src/kinds` that a problem does not use fails where it runs all the same."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType

from src.kinds import source


@contextmanager
def only(folders: set[str]) -> Iterator[None]:
    """Let every function in other folders of `src/kinds`, and every data check, raise an AssertionError."""
    changed = [(function, function.__code__) for function in _functions() if _is_unused(function, folders)]
    try:
        for function, code in changed:
            function.__code__ = _failing(code)
        yield
    finally:
        for function, code in changed:
            function.__code__ = code


def _functions() -> list[FunctionType]:
    return [thing for thing in gc.get_objects() if type(thing) is FunctionType]


def _is_unused(function: FunctionType, folders: set[str]) -> bool:
    file = Path(function.__code__.co_filename)
    if source.HERE not in file.parents:
        return False
    return file.name == "checks.py" or (file.parent != source.HERE and f"src/kinds/{file.parent.name}" not in folders)


def _failing(code: CodeType) -> CodeType:
    """The code of a function with the same free variables, which raises an error with the name of `code`."""
    variables = ", ".join(code.co_freevars)
    message = f"{code.co_filename}: {code.co_qualname} is no code of this problem's kinds of input"
    lines = [
        f"def outer({variables}):",
        "    def inner(*arguments, **options):",
        f"        raise AssertionError({message!r}{''.join(f', {name}' for name in code.co_freevars)})",
        "    return inner",
    ]
    names: dict[str, FunctionType] = {}
    exec("\n".join(lines), {}, names)
    return names["outer"](*code.co_freevars).__code__
