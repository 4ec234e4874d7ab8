"""Less collecting of garbage in processes that import large libraries, do one thing and end.

Importing torch, Lightning, MLflow and Great Expectations makes a million objects that live as long as the process.
Python's collector goes through them again and again while they are made, and once more when the process ends: a third
of the time that a step of a small problem takes.
"""

import atexit
import gc


def collect_seldom() -> None:
    """Look for garbage after 50,000 new objects instead of 700, and at the end of the process not at all."""
    gc.set_threshold(50_000, 20, 50)
    atexit.register(gc.freeze)
