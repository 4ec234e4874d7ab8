"""Less garbage collection in short processes that import large libraries.

Importing torch, Lightning, MLflow and Great Expectations makes a million objects that live as long as the process.
Python's collector visits them again and again while they are made, and once more when the process ends. That takes a
third of the time of a small problem's step.
"""

import atexit
import gc


def collect_seldom() -> None:
    """Collect garbage after 50,000 new objects instead of 700, and not at all when the process ends."""
    gc.set_threshold(50_000, 20, 50)
    atexit.register(gc.freeze)
