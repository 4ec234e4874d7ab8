"""A step that is interrupted leaves the results that were there before.

DVC removes the outputs of a stage before it runs the step, and a step that is stopped or fails then leaves none: git
shows deleted results until the next run. (`persist: true` would keep them, at the price of DVC's run cache.) So the
first thing that a step's process does, before it imports a library, is to put the files of the last run back; the step
replaces each in one go when it is done. They come from DVC's cache, or from git where that has none, as in a new clone.
"""

import hashlib
import subprocess
from pathlib import Path, PurePosixPath

import yaml

from src.core.files import atomic_file


def put_back(stage: str, root: Path = Path()) -> None:
    """Write the result files of the stage that dvc.lock names and that are not there, where their content is known."""
    missing = [(path, md5) for path, md5 in _locked_files(stage, root) if not (root / path).exists()]
    if not missing:
        return
    cache = _cache(root)
    for path, md5 in missing:
        content = _kept(cache / md5[:2] / md5[2:], root, path)
        if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5:
            with atomic_file(root / path) as partial:
                partial.write_bytes(content)


def _locked_files(stage: str, root: Path) -> list[tuple[str, str]]:
    """The paths and checksums of the result files, without folders, that the stage's last finished run made."""
    try:
        lock = yaml.load((root / "dvc.lock").read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        outputs = [(output["path"], output["md5"]) for output in lock["stages"][stage]["outs"]]
    # No lock file, a stage that has not run yet, or a file that is damaged, which DVC tells.
    except (FileNotFoundError, yaml.YAMLError, ValueError, RecursionError, KeyError, TypeError):
        return []
    return [(path, md5) for path, md5 in outputs if _is_result(PurePosixPath(path)) and not md5.endswith(".dir")]


def _is_result(path: PurePosixPath) -> bool:
    return path.parts[0] == "results" and ".." not in path.parts


def _cache(root: Path) -> Path:
    from dvc.config import Config

    folder = root.absolute() / ".dvc"
    return Path(Config(str(folder), validate=False)["cache"].get("dir") or folder / "cache") / "files" / "md5"


def _kept(cached: Path, root: Path, path: str) -> bytes:
    """The file as DVC's cache has it, otherwise as git has it staged; empty where neither does."""
    if cached.exists():
        return cached.read_bytes()
    try:
        return subprocess.run(["git", "-C", str(root), "show", f":./{path}"], capture_output=True).stdout
    except FileNotFoundError:  # no git
        return b""
