"""The graph of the nine steps: what each of them reads and makes.

`dvc.yaml`, the record in MLflow and the process that steps are forked from follow this table. `tests/test_dvc.py`
checks dvc.yaml, `Layout` and the imports against it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

RAW, PREPARED, RESULTS = "data/raw/{problem}", "data/prepared/{problem}", "results/{problem}"
# A step reads it in place of the code in `src/kinds`, of which each problem uses a part. See `src.kinds.source`.
KINDS = f"{PREPARED}/kinds.json"


@dataclass(frozen=True)
class Step:
    """What a step reads and makes: files and folders below the repository's root, the same for every `{problem}`.

    recorded: the results that MLflow keeps. by_folder: DVC runs the step again when anything changes in a folder of
    `src` that it imports from; otherwise only when a module that it imports changes. later: modules that it imports in
    every run, but only while it runs.
    """

    reads: tuple[str, ...]
    makes: tuple[str, ...]
    recorded: tuple[str, ...] = ()
    by_folder: bool = False
    later: tuple[str, ...] = ()


_AFTER_DEFINE: dict[str, Step] = {
    "fetch": Step(
        reads=(f"{RESULTS}/settings/fetch.json", f"{RESULTS}/local_files.json"),
        makes=(RAW,),
    ),
    "validate": Step(
        reads=(f"{RESULTS}/settings/validate.json", RAW, "data/expectations"),
        makes=(f"{RESULTS}/validation.json", f"{RESULTS}/validation.html"),
        recorded=(f"{RESULTS}/validation.json", f"{RESULTS}/validation.html"),
        later=("great_expectations",),
    ),
    "prepare": Step(
        reads=(f"{RESULTS}/settings/prepare.json", RAW, f"{RESULTS}/validation.json"),
        makes=(f"{PREPARED}/train", f"{PREPARED}/test", f"{PREPARED}/folds.npz", KINDS, f"{RESULTS}/prepare.json"),
        recorded=(f"{RESULTS}/prepare.json",),
    ),
    "baseline": Step(
        reads=(
            f"{RESULTS}/settings/baseline.json",
            f"{PREPARED}/train",
            f"{PREPARED}/folds.npz",
            KINDS,
            f"{RESULTS}/prepare.json",
        ),
        makes=(f"{RESULTS}/baseline.json",),
        recorded=(f"{RESULTS}/baseline.json",),
        by_folder=True,
        later=("sklearn.ensemble", "sklearn.linear_model"),
    ),
    "overfit": Step(
        reads=(
            f"{RESULTS}/settings/overfit.json",
            f"{PREPARED}/train",
            f"{PREPARED}/folds.npz",
            KINDS,
            f"{RESULTS}/prepare.json",
            f"{RESULTS}/baseline.json",
        ),
        makes=(f"{RESULTS}/overfit.json", f"{RESULTS}/overfit_curves.csv"),
        recorded=(f"{RESULTS}/overfit.json", f"{RESULTS}/overfit_curves.csv"),
        by_folder=True,
        later=("pytorch_lightning",),
    ),
    "regularize": Step(
        reads=(
            f"{RESULTS}/settings/regularize.json",
            f"{PREPARED}/train",
            f"{PREPARED}/folds.npz",
            KINDS,
            f"{RESULTS}/prepare.json",
            f"{RESULTS}/baseline.json",
            f"{RESULTS}/overfit.json",
        ),
        makes=(f"{RESULTS}/regularize.json", f"{RESULTS}/candidates.csv"),
        recorded=(f"{RESULTS}/regularize.json", f"{RESULTS}/candidates.csv"),
        by_folder=True,
        later=("pytorch_lightning",),
    ),
    "evaluate": Step(
        reads=(
            f"{RESULTS}/settings/evaluate.json",
            f"{PREPARED}/train",
            f"{PREPARED}/folds.npz",
            KINDS,
            f"{PREPARED}/test",
            f"{RESULTS}/prepare.json",
            f"{RESULTS}/baseline.json",
            f"{RESULTS}/overfit.json",
            f"{RESULTS}/regularize.json",
        ),
        makes=(
            f"{RESULTS}/evaluate.json",
            f"{RESULTS}/fold_scores.csv",
            f"{RESULTS}/evaluate_curves.csv",
            f"{RESULTS}/predictions.parquet",
            f"{RESULTS}/model",
            f"{RESULTS}/alternative",
        ),
        recorded=(f"{RESULTS}/evaluate.json", f"{RESULTS}/fold_scores.csv", f"{RESULTS}/evaluate_curves.csv"),
        by_folder=True,
        later=("pytorch_lightning", "mlflow.pyfunc", "sklearn.ensemble", "sklearn.linear_model"),
    ),
    "report": Step(
        reads=(
            f"{RESULTS}/settings/report.json",
            f"{RESULTS}/validation.json",
            f"{RESULTS}/prepare.json",
            f"{RESULTS}/baseline.json",
            f"{RESULTS}/overfit.json",
            f"{RESULTS}/overfit_curves.csv",
            f"{RESULTS}/regularize.json",
            f"{RESULTS}/candidates.csv",
            f"{RESULTS}/evaluate.json",
            f"{RESULTS}/predictions.parquet",
            f"{RESULTS}/fold_scores.csv",
            f"{RESULTS}/evaluate_curves.csv",
        ),
        makes=(f"{RESULTS}/report.html", f"{RESULTS}/model_card.md", f"{RESULTS}/figures", f"{RESULTS}/metrics.json"),
        recorded=(f"{RESULTS}/report.html", f"{RESULTS}/model_card.md"),
        by_folder=True,
        later=("src.report.page", "src.report.evidence"),
    ),
}
GRAPH: dict[str, Step] = {
    "define": Step(
        reads=("params.yaml", "problems/{problem}.yaml", "data/local"),
        makes=(
            *(f"{RESULTS}/settings/{name}.json" for name in (*_AFTER_DEFINE, "engine")),
            f"{RESULTS}/local_files.json",
        ),
    ),
    **_AFTER_DEFINE,
}
STEPS = tuple(GRAPH)
_MAKERS = {path: name for name, step in GRAPH.items() for path in step.makes}
_MADE = [
    (re.compile(r"(?:^|/)" + re.escape(path).replace(re.escape("{problem}"), "([^/]+)") + "(?:/|$)"), name)
    for path, name in _MAKERS.items()
]
# The steps whose results MLflow keeps.
RECORDED = tuple(name for name, step in GRAPH.items() if step.recorded)


def recorded_steps_read_by(step: str) -> tuple[str, ...]:
    """The recorded steps that make something `step` reads, in their order."""
    makers = {_MAKERS.get(path) for path in GRAPH[step].reads}
    return tuple(name for name in RECORDED if name in makers)


def maker(path: Path) -> tuple[str, str] | None:
    """The step and the problem whose output `path` is or lies in; None for any other path."""
    for pattern, step in _MADE:
        match = pattern.search(path.as_posix())
        if match is not None:
            return step, match[1]
    return None
