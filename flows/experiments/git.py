"""Git commands without hooks: DVC's hooks would check out data, and a user's may do anything."""

import os
import subprocess
from pathlib import Path

from src.core.errors import UserError

# Git sets these when it calls a program itself; they would point at the wrong repository.
_PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
_NOBODY = ("-c", "user.name=Universal workflow", "-c", "user.email=workflow@localhost")


def run(root: Path, *arguments: str) -> str:
    """What git prints, without the final line break. Raises UserError with git's own message when it fails."""
    return run_raw(root, *arguments).decode(errors="surrogateescape").rstrip("\n")


def run_raw(root: Path, *arguments: str) -> bytes:
    environment = {name: value for name, value in os.environ.items() if name not in _PLACES}
    command = ["git", "-C", str(root), "-c", f"core.hooksPath={os.devnull}", *arguments]
    try:
        result = subprocess.run(command, capture_output=True, env=environment, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise UserError("runs with settings of their own need git, which is not installed") from None
    if result.returncode != 0:
        reason = result.stderr.decode(errors="replace").strip() or f"exit code {result.returncode}"
        raise UserError(f"git {' '.join(arguments)}: {reason}")
    return result.stdout


def identity(root: Path) -> tuple[str, ...]:
    """Options that name an author where the user has configured none."""
    try:
        run(root, "var", "GIT_COMMITTER_IDENT")
    except UserError:
        return _NOBODY
    return ()


def last_commit(root: Path) -> str:
    """The commit that is checked out at `root`. Raises UserError where there is none."""
    try:
        return run(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except UserError:
        raise UserError(
            f"{root.absolute()} is not a git repository with a commit: a run with settings of its own starts from the "
            "last commit. Make one with `git init`, `git add --all` and `git commit`, or run without overrides"
        ) from None


def uncommitted(root: Path) -> list[str]:
    """The files that differ from the last commit, staged or not, and those that git does not track.

    Leaves out the counts of sealed test openings: every run, wherever it happens, adds to them in this repository.
    """
    options = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal")
    entries = iter(run(root, *options, "--", ":/", ":(top,exclude)data/openings").split("\0"))
    return [entry[3:] for entry in entries if entry]
