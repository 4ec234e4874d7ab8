"""The paths of all files, atomic writing, and reading that notices damage."""

import errno
import json
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from src.core.errors import UserError
from src.core.names import check_problem_name
from src.core.steps import maker

LOCAL = Path("data", "local")


M = TypeVar("M", bound=BaseModel)
# Errors of readers of JSON, CSV, npz and Parquet for files that are cut short or have another format.
_DAMAGE = (ValueError, LookupError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class Layout:
    """The files of one problem below the repository's root; `dvc.yaml` names the same ones.

    Raises UserError if `problem` cannot be a problem's name.
    """

    problem: str
    root: Path = Path()

    def __post_init__(self) -> None:
        check_problem_name(self.problem)

    def path(self, name: str) -> Path:
        """A file or folder that `src.core.steps` names for every problem."""
        return self.root / name.format(problem=self.problem)

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
    def local_files(self) -> Path:
        """The checksums of the files in `local` that the problem names."""
        return self.results / "local_files.json"

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
        """The ledger of evaluations on the sealed test set; kept in git, neither output nor dependency."""
        return self.root / "data" / "openings" / f"{self.problem}.jsonl"

    @property
    def folds(self) -> Path:
        return self.root / "data" / "prepared" / self.problem / "folds.npz"

    @property
    def kinds(self) -> Path:
        """What the code of the problem's kinds of input is, see `src.kinds.source`."""
        return self.root / "data" / "prepared" / self.problem / "kinds.json"

    @property
    def results(self) -> Path:
        return self.root / "results" / self.problem

    @property
    def model(self) -> Path:
        """The model that `evaluate` recommends: a network or a shallow model."""
        return self.results / "model"

    @property
    def metrics(self) -> Path:
        """The few numbers that DVC shows and compares, `Metrics` in `src.results.metrics`."""
        return self.results / "metrics.json"

    @property
    def alternative(self) -> Path:
        """The network or the shallow model, whichever is not in `model`."""
        return self.results / "alternative"

    def settings(self, step: str) -> Path:
        return self.results / "settings" / f"{step}.json"

    def result(self, step: str) -> Path:
        """The step's result as JSON, one of the classes in `src.results`."""
        return self.results / ("validation.json" if step == "validate" else f"{step}.json")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; the file there replaces `path` on success and is removed on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path` that replaces it on success and is removed on failure."""
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
    """Write `value` as indented JSON. Raises ValueError for NaN and infinities, which JSON lacks."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def parse_json(content: bytes) -> Any:
    """Parse JSON in UTF-8. Raises ValueError that says what is wrong."""
    try:
        value = json.loads(content.decode("utf-8"))
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from None
    except UnicodeEncodeError as error:
        raise ValueError(f"the character {error.object[error.start]!r} cannot stand in a text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file that an earlier step wrote."""
    with intact(path):
        value = parse_json(path.read_bytes())
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")
    return value


def read_model(path: Path, model: type[M]) -> M:
    """Read a JSON file that an earlier step wrote as an instance of `model`."""
    with intact(path):
        return model.model_validate(parse_json(path.read_bytes()))


def read_text(path: Path) -> str:
    """The text of a file that an earlier step wrote."""
    with intact(path):
        return path.read_text(encoding="utf-8")


@contextmanager
def intact(path: Path) -> Iterator[None]:
    """Wrap a block that reads `path`, which an earlier step wrote, and does nothing else.

    Raises UserError with the command that makes the file again if it is missing, cut short or has another format. The
    block may raise ValueError or KeyError that says what is wrong.
    """
    existing(path)
    try:
        yield
    except _DAMAGE as error:
        raise UserError(f"{path} is damaged or of another version ({_what(error)}); {_way_out(path)}") from None
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # the disk failed; damage has no number or EINVAL
            raise
        raise UserError(f"{path} is damaged ({_what(error)}); {_way_out(path)}") from None


def existing(path: Path) -> Path:
    """`path`, which an earlier step wrote. Raises UserError with the command that makes it if it is missing."""
    if not path.exists():
        raise UserError(f"{path} is missing; {_way_out(path)}")
    return path


def _what(error: Exception) -> str:
    """What is wrong with the file, in one line."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else first["msg"]
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is not in it"
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _way_out(path: Path) -> str:
    made_by = maker(path)
    if made_by is None:
        return "get it again"
    step, problem = made_by
    return f"run `dvc repro {step}@{problem}`, or `python -m tasks.{step} {problem}` without DVC"
