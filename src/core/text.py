"""Counts and lists within sentences."""

from collections.abc import Sequence


def count(number: int) -> str:
    return f"{number:,}"


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """A count with its noun: 1 row, 2 rows, no rows."""
    word = singular if number == 1 else plural or f"{singular}s"
    return f"{'no' if number == 0 else count(number)} {word}"


def listing(names: Sequence[str], most: int = 12) -> str:
    """Names as `a, b and c`; beyond `most`, the rest is counted."""
    shown = list(names[:most]) + ([f"{len(names) - most:,} more"] if len(names) > most else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "none"
