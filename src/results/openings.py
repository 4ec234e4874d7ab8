"""How often the sealed test set has been opened: the ledger `data/openings/<problem>.jsonl`.

The sealed test is for reporting. Each look at it that somebody may act upon makes later scores on the same rows a
little too good (Dwork et al. 2015, "The reusable holdout: preserving validity in adaptive data analysis", Science 349).
So the ledger counts the looks, and the number stands beside the score.

Each line is one opening, in order:

    rows         which rows were sealed: SHA-256 of their row numbers in the raw table and of their targets
    evaluation   what was scored on them: SHA-256 of all that determines the model, see `identity`
    score        the score; null while it is unknown, and after an interrupted evaluation

The same evaluation with the same score is the same opening, however often it runs. Another score of the same evaluation
comes from other code and is another opening. An interrupted evaluation has opened the rows and counts; running it again
is the same opening.

With one line per opening, git can join the ledgers of two branches (`merge=union` in .gitattributes). A second copy in
`.workflow/`, which git ignores, restores the openings that a checkout of an older commit would forget.
"""

import fcntl
import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from src.core.errors import UserError
from src.core.files import Layout, intact, write_text
from src.core.home import home
from src.results.result import Result

# Two scores are the same when their relative difference is at most this: four printed digits.
SAME_SCORE = 1e-4


class Opening(Result):
    rows: str
    evaluation: str
    score: float | None

    def is_scored(self, score: float) -> bool:
        return self.score is not None and math.isclose(self.score, score, rel_tol=SAME_SCORE)


@dataclass(frozen=True)
class Ledger:
    """The openings of one problem; several runs may write to it at once."""

    path: Path
    kept: Path

    @classmethod
    def of(cls, layout: Layout) -> "Ledger":
        """The ledger of the repository that the run at `layout` belongs to."""
        root = home(layout)
        path = Layout(layout.problem, root).openings
        return cls(path, root / ".workflow" / "openings" / path.name)

    def read(self) -> list[Opening]:
        """All openings in order. Raises UserError for a line that is not an opening."""
        openings: list[Opening] = []
        for path in (self.path, self.kept):
            for opening in _read(path):
                _add(openings, opening)
        return openings

    def open(self, rows: str, evaluation: str) -> None:
        """Record that `evaluation` is about to read the sealed `rows`, unless it has done so before."""
        with self._held() as openings:
            if not any((each.rows, each.evaluation) == (rows, evaluation) for each in openings):
                openings.append(Opening(rows=rows, evaluation=evaluation, score=None))

    def scored(self, rows: str, evaluation: str, score: float) -> int:
        """Record the score on the opened rows. Returns which opening of these rows it is, from 1."""
        with self._held() as openings:
            opening = Opening(rows=rows, evaluation=evaluation, score=score)
            _add(openings, opening)
            of_rows = [each for each in openings if each.rows == rows]
        return 1 + next(i for i, each in enumerate(of_rows) if each.evaluation == evaluation and each.is_scored(score))

    @contextmanager
    def _held(self) -> Iterator[list[Opening]]:
        """The openings, locked against other runs during the block and written at its end."""
        self.kept.parent.mkdir(parents=True, exist_ok=True)
        with self.kept.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            openings = self.read()
            yield openings
            text = "".join(f"{json.dumps(each.model_dump())}\n" for each in openings)
            for path in (self.path, self.kept):
                if not path.exists() or path.read_text(encoding="utf-8") != text:
                    write_text(path, text)


def rows_sha256(folder: Path, targets: Sequence[str]) -> str:
    """Identify the rows of the prepared table in `folder`: SHA-256 of their numbers and `targets`.

    It ignores the inputs: the rows stay the same when a column is dropped or read as another type.
    """
    import pandas as pd

    path = folder / "table.parquet"
    with intact(path):
        rows = pd.read_parquet(path, columns=["__row__", *targets])
    return hashlib.sha256(rows.to_csv(index=False).encode()).hexdigest()


def identity(*parts: Any) -> str:
    """SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _add(openings: list[Opening], new: Opening) -> None:
    """Add `new` to `openings` unless it is among them; an opening without a score takes the score of `new`."""
    for i, each in enumerate(openings):
        if (each.rows, each.evaluation) != (new.rows, new.evaluation):
            continue
        if new.score is None or each.is_scored(new.score):
            return
        if each.score is None:
            openings[i] = new
            return
    openings.append(new)


def _read(path: Path) -> Iterator[Opening]:
    if not path.exists():
        return
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            yield Opening.model_validate_json(line)
        except ValidationError:
            raise UserError(
                f"{path}: line {number} is not an opening of the sealed test set; it should look like "
                '{"rows": "…", "evaluation": "…", "score": 0.9}. Correct or remove the line, '
                f"or restore the file with `git checkout -- {path}`"
            ) from None
