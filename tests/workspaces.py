"""Workspaces to run the workflow in: copies of the repository with one tiny problem.

Every Python process in one reports the connections it opens and the files it writes (see `tests/audit.py`).
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml

from src.core.processes import is_alive

ROOT = Path(__file__).resolve().parent.parent
PROBLEM = "tiny"
TINY = {
    "question": "Does the sum of three numbers exceed zero?",
    "data": {"source": "file", "path": "tiny.csv"},
    "target": "above",
    "type": "binary",
    "test": {"column": "part", "value": "test"},
    "protocol": "k_fold",
    "folds": 2,
    "training": {"epochs": 4, "batch_size": 16},
    "overfit": {"max_rungs": 2},
    "search": {"budget": 2},
    "engine": {"workers": 1},
}
# A command that loads one of these keeps people waiting for its first word.
SLOW_TO_LOAD = frozenset(
    {"dvc", "great_expectations", "matplotlib", "mlflow", "prefect", "pytorch_lightning", "sklearn", "torch"}
)
_FOREIGN = ("PREFECT_", "MLFLOW_", "DVC_", "WORKFLOW_")  # settings of whoever runs the tests


@dataclass
class Workspace:
    """A copy of the repository; commands run in it as a person would type them."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def lock(self) -> bytes:
        return (self.root / "dvc.lock").read_bytes()

    @property
    def problem_file(self) -> Path:
        return self.root / "problems" / f"{PROBLEM}.yaml"

    @property
    def data_file(self) -> Path:
        return self.root / "data" / "local" / "tiny.csv"

    @property
    def results(self) -> Path:
        return self.root / "results" / PROBLEM

    def set(self, **changes: object) -> None:
        """Change top-level keys of the problem file."""
        self.problem_file.write_text(yaml.safe_dump(yaml.safe_load(self.problem_file.read_text()) | changes))

    def popen(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.root,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            **options,
        )

    def run(self, *command: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run `python -m <command>`, stdout and stderr in one text; fails the test on an exit code when `check`."""
        process = self.popen(*command, **options)
        output, _ = process.communicate(timeout=600)
        assert not check or process.returncode == 0, output
        return subprocess.CompletedProcess(command, process.returncode, output)

    def git(self, *arguments: str) -> str:
        run = subprocess.run(
            ["git", *arguments], cwd=self.root, env=self._environment(), capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def copy(self, root: Path) -> "Workspace":
        shutil.copytree(self.root, root, symlinks=True)
        return Workspace(root, self.environment)

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return own | {"PATH": path, "NO_COLOR": "1"} | self.environment


def imports(output: str) -> tuple[set[str], str]:
    """The libraries that a Python with PYTHONPROFILEIMPORTTIME loaded, and the other lines of its output."""
    lines = output.splitlines()
    libraries = {line.split("|")[-1].strip().split(".")[0] for line in lines if line.startswith("import time:")}
    return libraries, "\n".join(line for line in lines if not line.startswith("import time:"))


def fresh_workspace(root: Path, environment: dict[str, str]) -> Workspace:
    """A new folder `root` with the repository as a clone has it and the tiny problem, nothing run."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("results/", "dvc.lock")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    workspace = Workspace(root, environment)
    params = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(re.sub(r"problems:\n(  - .*\n)+", f"problems:\n  - {PROBLEM}\n", params))
    workspace.problem_file.write_text(yaml.safe_dump(TINY))
    workspace.data_file.write_text(tiny_table())
    workspace.git("init", "--quiet")
    workspace.git("config", "user.email", "nobody@example.org")
    workspace.git("config", "user.name", "Nobody")
    workspace.git("add", "--all")
    workspace.git("commit", "--quiet", "--message", "Start")
    workspace.run("compileall", "-q", "flows", "src", "tasks")  # once, not in every copy
    return workspace


def stages_run(output: str) -> list[str]:
    """The steps whose commands DVC ran, in order."""
    return re.findall(rf"Running stage '(\w+)@{PROBLEM}'", output)


def tiny_table(rows: int = 80) -> str:
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 3)).round(4)
    noise = random.normal(scale=0.5, size=rows)
    lines = ["first,second,third,part,above"]
    for i in range(rows):
        part, above = ("test" if i % 5 == 0 else "train"), ("yes" if x[i].sum() + noise[i] > 0 else "no")
        lines.append(f"{x[i, 0]},{x[i, 1]},{x[i, 2]},{part},{above}")
    return "\n".join(lines) + "\n"


def family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return []


def step_of(pid: int, step: str) -> psutil.Process | None:
    for process in family(pid):
        try:
            started = f"tasks.{step}" in process.cmdline() and process.name().startswith("python")
            if started or process.name() == step:  # a fork has but its name
                return process
        except psutil.NoSuchProcess:
            continue
    return None


def workers_of(step: psutil.Process) -> list[psutil.Process]:
    return [
        child
        for child in step.children(recursive=True)
        if is_alive(child) and "resource_tracker" not in command(child) and child.name() != "recorder"
    ]


def command(process: psutil.Process) -> str:
    """Its command line; empty where it has just ended."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def has_loaded_torch(process: psutil.Process) -> bool:
    """Whether the process is past its start: it has loaded its libraries."""
    return any("torch" in map_.path for map_ in process.memory_maps())


def wait_for(condition: Callable[[], object], seconds: float) -> Any:
    """The first true value of `condition`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s in vain")
