"""Ask DVC about the stages of one problem, and let it reproduce one: all that the flow knows about DVC.

Whether a stage is up to date is asked in process; running it is left to a process of its own, whose output can be
streamed line by line and which can be stopped.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import Self

from flows.running.dvc_process import DVCProcess
from src.core.errors import PassingError, UserError
from src.internals import dvc_repository
from tasks.cli import TRY_LATER
from tasks.workspace import DRIVER, check_dvc_lock

_PASSING = re.compile(rf"exited with {TRY_LATER}$|Unable to acquire lock|is busy, it is being blocked by")

# What DVC says of every stage, whatever happens in it.
_NOISE = re.compile(
    r"To (track the changes|enable auto staging)|\s+(git add|dvc config core.autostage) |Use `dvc push`"
    r"|(Updating|Generating) lock file"
)


def stage_name(step: str, problem: str) -> str:
    """The stage's name in dvc.yaml."""
    return f"{step}@{problem}"


def shortened(texts: Sequence[str]) -> str:
    """At most ten of them in one line."""
    more = f" and {len(texts) - 10} more" if len(texts) > 10 else ""
    return ", ".join(texts[:10]) + more


class Stages:
    """The stages of `problem` in the repository at `root`, which is opened once.

    environment: what the steps have to know, beside what this process knows.
    """

    def __init__(self, problem: str, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self.problem, self.root = problem, root
        self._all = stage_name("*", escape(problem))
        self._changes: dict[str, list[str]] = {}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        own = {"PATH": path, DRIVER: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        self._dvc = DVCProcess(root, own | dict(environment or {}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._dvc.close()

    def changes(self, step: str) -> list[str]:
        """What DVC would run the step's stage for, as short phrases; empty when it is up to date."""
        if not self._changes:
            self._changes = self._ask()
        return self._changes[step]

    def restore(self) -> None:
        """Take the outputs that dvc.lock names from the cache, as far as they are there."""
        check_dvc_lock(self.root)
        dvc_repository.restore(self.root, self._all)

    def _ask(self) -> dict[str, list[str]]:
        check_dvc_lock(self.root)
        status = dvc_repository.status(self.root, self._all)
        return {
            name.partition("@")[0]: [phrase for entries in found.values() for phrase in self._phrases(entries)]
            for name, found in status.items()
        }

    def _phrases(self, entries: list) -> Iterator[str]:
        """Turn DVC's status, a list of {"changed deps": {path: word}} and plain words, into phrases."""
        inside = f"{os.path.relpath(self.root)}/"
        for entry in entries:
            if isinstance(entry, str):
                yield entry
                continue
            for paths in entry.values():
                for path, word in paths.items():
                    yield f"{path.removeprefix(inside)} {word if isinstance(word, str) else 'modified'}"

    def reproduce(self, step: str, force: bool, log: Callable[[str], None]) -> str:
        """Let DVC run the step's stage and pass its output to `log` line by line; return all of it.

        Raises UserError with the step's last error message when it fails, PassingError when trying again may help.
        """
        self._changes = {}
        stage = stage_name(step, self.problem)
        lines = []

        def add(line: str) -> None:
            lines.append(line)
            if line and not _NOISE.match(line):
                log(line)

        code = self._dvc.run(["repro", "--single-item", *(["--force"] if force else []), stage], add)
        if code != 0:
            passing = any(map(_PASSING.search, lines))
            told = reason(lines) or f"{stage} ended with exit code {code} and said nothing"
            raise (PassingError if passing else UserError)(told)
        return "\n".join(lines)


def was_restored(output: str) -> bool:
    """Whether DVC fetched the outputs of an earlier run on the same inputs instead of running the step."""
    return "is cached - skipping run" in output


def reason(lines: list[str]) -> str:
    """The last error message in a failed step's output: the step's own where there is one, otherwise DVC's."""
    said = [line for line in lines if line.strip()]
    of_dvc = [index for index, line in enumerate(said) if line.startswith("ERROR: ")]
    own = said[: of_dvc[-1]] if of_dvc else said
    starts = [index for index, line in enumerate(own) if line.startswith("error: ")]
    if starts:
        return "\n".join(own[starts[-1] :]).removeprefix("error: ")
    if any(line.startswith("Traceback ") for line in own):
        return own[-1]
    return said[-1].removeprefix("ERROR: ") if said else ""
