"""Where a record comes from: the commit, and what started the run."""

import getpass
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

# The pipeline itself writes these, so a difference there says nothing about the code that ran.
_RESULTS = (":!results", ":!dvc.lock", ":!data/openings")


def provenance(root: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Tags: git commit (`-dirty` where tracked code or settings differ from it), DVC experiment, Prefect flow run."""
    flow_run = environment.get("PREFECT__FLOW_RUN_ID")
    experiment = environment.get("DVC_EXP_NAME")
    stage = environment.get("DVC_STAGE")
    shell = "dvc exp" if experiment else "dvc repro" if stage else "command line"
    trigger = environment.get("WORKFLOW_TRIGGER") or ("prefect" if flow_run else shell)
    tags = {
        "workflow.trigger": trigger,
        "mlflow.source.git.commit": git_commit(root),
        "dvc.experiment": experiment,
        "prefect.flow_run_id": flow_run,
    }
    return {name: value for name, value in tags.items() if value}


def git_commit(root: Path) -> str | None:
    """The commit checked out at `root`, None outside a repository or without git."""
    command = ["git", "-C", str(root), "status", "--porcelain=v2", "--branch", "--untracked-files=no", "--", "."]
    try:
        done = subprocess.run(
            [*command, *_RESULTS],
            capture_output=True,
            text=True,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
        )
    except FileNotFoundError:
        return None
    lines = done.stdout.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid")), None)
    if commit is None or commit == "(initial)":
        return None
    return commit if all(line.startswith("#") for line in lines) else f"{commit}-dirty"


def user() -> str:
    """The user that this process runs for."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no account has this process's user number, as in many containers
        return "unknown"
