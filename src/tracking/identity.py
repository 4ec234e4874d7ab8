"""What makes two workflow runs the same: hashes of the content they were made from.

Records are found again by these hashes, never by a name or a time, so that recording twice changes nothing.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from src.errors import UserError
from src.files import STEPS, Layout, read_json

# The result files that a step leaves on record, and the steps whose results it reads (as in dvc.yaml).
OUTPUTS: dict[str, tuple[str, ...]] = {
    "validate": ("validation.json", "validation.html"),
    "prepare": ("prepare.json",),
    "baseline": ("baseline.json",),
    "overfit": ("overfit.json", "overfit_curves.csv"),
    "regularize": ("regularize.json", "candidates.csv"),
    "evaluate": ("evaluate.json", "fold_scores.csv", "evaluate_curves.csv"),
    "report": ("report.html", "model_card.md"),
}
READS: dict[str, tuple[str, ...]] = {
    "validate": (),
    "prepare": ("validate",),
    "baseline": ("prepare",),
    "overfit": ("prepare", "baseline"),
    "regularize": ("prepare", "baseline", "overfit"),
    "evaluate": ("prepare", "baseline", "regularize"),
    "report": ("validate", "prepare", "baseline", "overfit", "regularize", "evaluate"),
}
RECORDED = tuple(step for step in STEPS if step in OUTPUTS)


def workflow_key(layout: Layout) -> str:
    """SHA-256 of the resolved problem settings and the raw data's checksum.

    The engine's settings are left out: results do not depend on where trainings run.
    """
    folder = layout.results / "settings"
    settings = sorted(path for path in folder.glob("*.json") if path.stem != "engine")
    if not settings:
        raise UserError(f"{folder} holds no settings: run `python -m tasks.define {layout.problem}` or `dvc repro`")
    return digest(settings, raw_checksum(layout))


def raw_checksum(layout: Layout) -> str:
    manifest = layout.raw / "manifest.json"
    if not manifest.exists():
        raise UserError(f"{manifest} is missing: run `python -m tasks.fetch {layout.problem}` or `dvc repro`")
    return str(read_json(manifest)["sha256"])


def outputs(step: str, layout: Layout) -> list[Path]:
    """The files of `step` that exist."""
    return [path for name in OUTPUTS[step] if (path := layout.results / name).exists()]


def outputs_digest(step: str, layout: Layout) -> str:
    return digest(outputs(step, layout))


def inputs_digest(step: str, layout: Layout) -> str:
    """What `step` read. The prepared tables count by what they are made from, so that no table is read here."""
    shared = layout.expectations if step == "validate" else layout.settings("prepare")
    files = [layout.settings(step), *([shared] if shared.exists() else [])]
    results = [path for upstream in READS[step] for path in outputs(upstream, layout)]
    return digest(files + results, raw_checksum(layout))


def digest(files: Iterable[Path], *texts: str) -> str:
    """SHA-256 over the names and bytes of `files`, in their order, and `texts`."""
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.name}:{file_sha256(path)}\n".encode())
    for text in texts:
        total.update(f"{text}\n".encode())
    return total.hexdigest()


def folder_sha256(folder: Path) -> str:
    """SHA-256 over the relative names and bytes of all files in `folder`."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(f"{path.relative_to(folder).as_posix()}:{file_sha256(path)}\n".encode())
    return total.hexdigest()


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
