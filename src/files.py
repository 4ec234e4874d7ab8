"""Where everything lies, and writing that is never half done."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.errors import UserError
from src.names import check_problem_name

STEPS = ("define", "fetch", "validate", "prepare", "baseline", "overfit", "regularize", "evaluate", "report")
LOCAL = Path("data", "local")


@dataclass(frozen=True)
class Layout:
    """The files of one problem below the repository's root; `dvc.yaml` names the same ones.

    Raises UserError for a name of a problem that is none.
    """

    problem: str
    root: Path = Path()

    def __post_init__(self) -> None:
        check_problem_name(self.problem)

    @property
    def problem_file(self) -> Path:
        return self.root / "problems" / f"{self.problem}.yaml"

    @property
    def params_file(self) -> Path:
        return self.root / "params.yaml"

    @property
    def local(self) -> Path:
        """The folder where a user's own data files lie; DVC watches it."""
        return self.root / LOCAL

    @property
    def expectations(self) -> Path:
        return self.root / "data" / "expectations" / f"{self.problem}.json"

    @property
    def raw(self) -> Path:
        return self.root / "data" / "raw" / self.problem

    @property
    def train(self) -> Path:
        return self.root / "data" / "prepared" / self.problem / "train"

    @property
    def test(self) -> Path:
        """The sealed test set: only `evaluate` may read it."""
        return self.root / "data" / "prepared" / self.problem / "test"

    @property
    def openings(self) -> Path:
        """The ledger of what has been scored on the sealed test set; in git, and neither output nor dependency."""
        return self.root / "data" / "openings" / f"{self.problem}.jsonl"

    @property
    def folds(self) -> Path:
        return self.root / "data" / "prepared" / self.problem / "folds.npz"

    @property
    def results(self) -> Path:
        return self.root / "results" / self.problem

    @property
    def model(self) -> Path:
        return self.results / "model"

    @property
    def metrics(self) -> Path:
        """The few numbers that DVC shows and compares, `Metrics` in `src.results`."""
        return self.results / "metrics.json"

    def settings(self, step: str) -> Path:
        return self.results / "settings" / f"{step}.json"

    def result(self, step: str) -> Path:
        """The step's result as JSON, one of the models in `src.results`."""
        return self.results / ("validation.json" if step == "validate" else f"{step}.json")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it on success and vanishes on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path` that replaces it on success and vanishes on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.partial-", dir=path.parent))
    try:
        yield partial
        partial.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON. NaN and infinities are refused: JSON has none."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def parse_json(content: bytes) -> Any:
    """The value that JSON text in UTF-8 holds. Raises ValueError with what is wrong with it."""
    try:
        value = json.loads(content.decode("utf-8"))
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from None
    except UnicodeEncodeError as error:
        raise ValueError(f"the character {error.object[error.start]!r} cannot stand in a text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def read_json(path: Path) -> Any:
    return json.loads(existing(path).read_text(encoding="utf-8"))


def existing(path: Path) -> Path:
    """`path`, which an earlier step wrote. Raises UserError where it is not there."""
    if not path.exists():
        raise UserError(f"{path} is missing: run `dvc repro`, which makes what is missing, or the earlier step")
    return path
