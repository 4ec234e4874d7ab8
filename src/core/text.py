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


def shares(counts: Sequence[int]) -> list[str]:
    """The shares of parts in percent, with one decimal, so that they add up to 100.0%.

    What rounding down leaves goes to the largest remainders (Hamilton's method).
    """
    total = max(sum(counts), 1)
    tenths = [1000 * part // total for part in counts]
    by_remainder = sorted(range(len(counts)), key=lambda i: -(1000 * counts[i] % total))
    for i in by_remainder[: (1000 if sum(counts) else 0) - sum(tenths)]:
        tenths[i] += 1
    return [f"{tenth / 10:.1f}%" for tenth in tenths]
