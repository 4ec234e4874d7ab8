"""Ask DVC about the stages of one problem, and let it reproduce one: all that the flow knows about DVC.

The status is computed in this process. A stage runs in a process of its own, which can be stopped and whose output is
streamed line by line.
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
from tasks.workspace import DRIVER, check_repository

_PASSING = re.compile(rf"exited with {TRY_LATER}$|Unable to acquire lock|is busy, it is being blocked by")

# Messages that DVC prints for every stage.
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

    environment: variables for the steps, in addition to those of this process.
    """

    def __init__(self, problem: str, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self.problem, self.root = problem, root
        self._all = stage_name("*", escape(problem))
        self._changes: dict[str, list[str]] = {}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        variables = {"PATH": path, DRIVER: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        self._dvc = DVCProcess(root, variables | dict(environment or {}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._dvc.close()

    def changes(self, step: str) -> list[str]:
        """The reasons why DVC would run the step's stage, as short phrases; empty when it is up to date."""
        if not self._changes:
            self._changes = self._ask()
        return self._changes[step]

    def restore(self) -> None:
        """Restore the outputs that dvc.lock names from the cache, as far as it has them."""
        check_repository(self.root)
        dvc_repository.restore(self.root, self._all)

    def edited_outputs(self) -> list[str]:
        """The outputs that `restore` would overwrite, though nothing else holds them."""
        check_repository(self.root)
        return dvc_repository.edited_outputs(self.root, self._all)

    def _ask(self) -> dict[str, list[str]]:
        check_repository(self.root)
        status = dvc_repository.status(self.root, self._all)
        return {
            name.partition("@")[0]: [phrase for entries in facts.values() for phrase in self._phrases(entries)]
            for name, facts in status.items()
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
        """Let DVC run the step's stage and pass its output to `log` line by line. Return all of the output.

        Raises UserError with the step's last error message when it fails, PassingError when a retry may help.
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
            message = reason(lines) or f"{stage} ended with exit code {code} and printed nothing"
            raise (PassingError if passing else UserError)(message)
        return "\n".join(lines)


def was_restored(output: str) -> bool:
    """Whether DVC fetched the outputs of an earlier run on the same inputs instead of running the step."""
    return "is cached - skipping run" in output


def reason(lines: list[str]) -> str:
    """The last error message in a failed step's output: the step's own if there is one, otherwise DVC's."""
    printed = [line for line in lines if line.strip()]
    of_dvc = [index for index, line in enumerate(printed) if line.startswith("ERROR: ")]
    step_lines = printed[: of_dvc[-1]] if of_dvc else printed
    starts = [index for index, line in enumerate(step_lines) if line.startswith("error: ")]
    if starts:
        return "\n".join(step_lines[starts[-1] :]).removeprefix("error: ")
    if any(line.startswith("Traceback ") for line in step_lines):
        return step_lines[-1]
    return printed[-1].removeprefix("ERROR: ") if printed else ""
