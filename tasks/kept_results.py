"""Keep the results of the last run where a step is interrupted.

DVC removes the outputs of a stage before it runs the step, so a step that stops or fails leaves none, and git shows
deleted results until the next run. (`persist: true` would keep them, at the price of DVC's run cache.) So the process
of a step first restores the files of the last run, before it imports a library. When the step is done, it replaces each
atomically. The files come from DVC's cache, or from git where the cache lacks them, as in a new clone.
"""

import hashlib
import subprocess
from pathlib import Path, PurePosixPath

import yaml

from src.core.files import atomic_file
from src.internals.dvc_repository import cache_folder


def put_back(stage: str, root: Path = Path()) -> None:
    """Restore the stage's missing result files that dvc.lock names, where their content is known."""
    missing = [(path, md5) for path, md5 in _locked_files(stage, root) if not (root / path).exists()]
    if not missing:
        return
    cache = cache_folder(root)
    for path, md5 in missing:
        content = _kept(cache / md5[:2] / md5[2:], root, path)
        if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5:
            with atomic_file(root / path) as partial:
                partial.write_bytes(content)


def _locked_files(stage: str, root: Path) -> list[tuple[str, str]]:
    """The paths and checksums of the result files, without folders, that the stage's last complete run wrote."""
    try:
        lock = yaml.load((root / "dvc.lock").read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        outputs = [(output["path"], output["md5"]) for output in lock["stages"][stage]["outs"]]
    # No lock file, a stage that has not run yet, or a damaged lock file, which DVC reports.
    except (FileNotFoundError, yaml.YAMLError, ValueError, RecursionError, KeyError, TypeError):
        return []
    return [(path, md5) for path, md5 in outputs if _is_result(PurePosixPath(path)) and not md5.endswith(".dir")]


def _is_result(path: PurePosixPath) -> bool:
    return path.parts[0] == "results" and ".." not in path.parts


def _kept(cached: Path, root: Path, path: str) -> bytes:
    """The content in DVC's cache, otherwise in git's index; empty where both lack it."""
    if cached.exists():
        return cached.read_bytes()
    try:
        return subprocess.run(["git", "-C", str(root), "show", f":./{path}"], capture_output=True).stdout
    except FileNotFoundError:  # no git
        return b""
