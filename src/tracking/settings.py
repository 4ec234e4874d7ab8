"""The settings of a run as MLflow's parameters: resolved, and only for the kinds of input that the problem has.

The steps replace each `auto` of the problem file by stated rules and write the value to their result files. Until then
the setting is not recorded, because MLflow does not let a parameter change.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from src.core.files import Layout, read_json
from src.core.steps import RECORDED
from src.results.data import Prepared
from src.results.evaluate import Evaluate
from src.results.networks import Regularize
from src.results.result import read_records

AUTO = "auto"
# The sections of a problem file about one kind of input, and the type of its columns.
_COLUMNS = {"text": "text", "image": "image", "tokens": "token", "series": "series"}
# Prefixes of the settings that a choice may belong to.
_SECTIONS = ("", *(f"{section}." for section in _COLUMNS))


def step_settings(step: str, layout: Layout) -> dict[str, str]:
    """The settings of one step, resolved by the steps up to it."""
    settings = flat_settings(read_json(layout.settings(step)))
    return resolved(settings, layout, RECORDED[: RECORDED.index(step) + 1])


def workflow_settings(layout: Layout, steps: Collection[str]) -> dict[str, str]:
    """All settings of the problem except the engine's, resolved by `steps`."""
    return resolved(given_settings(layout), layout, steps)


def given_settings(layout: Layout) -> dict[str, str]:
    """All settings of the problem except the engine's, as they identify a workflow run."""
    files = (layout.results / "settings").glob("*.json")
    merged = [flat_settings(read_json(path)) for path in sorted(files) if path.stem != "engine"]
    return {name: value for settings in merged for name, value in settings.items()}


def resolved(settings: Mapping[str, str], layout: Layout, steps: Collection[str]) -> dict[str, str]:
    """`settings` with the values that `steps` chose for `auto`. Settings still open are left out, and so are the
    sections about kinds of input that the problem does not have."""
    settled: dict[str, str] = {}
    absent: set[str] = {*_COLUMNS}
    if "prepare" in steps:
        prepared = Prepared.read(layout.result("prepare"))
        types = {feature.type for feature in prepared.features}
        absent = {section for section, type_ in _COLUMNS.items() if type_ not in types}
        settled |= {f"{section}{choice.setting}": choice.chosen for choice in prepared.choices for section in _SECTIONS}
        protocol = prepared.protocol
        settled |= {"measure": prepared.measure, "protocol": protocol.method, "folds": str(protocol.folds)}
        if protocol.most_repeats is None:
            settled["repeats"] = str(protocol.repeats)
    if "overfit" in steps:
        settled["training.epochs"] = str(_most_epochs(layout))
    if "regularize" in steps:
        search = Regularize.read(layout.result("regularize"))
        settled |= {"search.budget": str(search.candidates), "training.batch_size": str(search.chosen.batch_size)}
    if "evaluate" in steps:
        settled["repeats"] = str(Evaluate.read(layout.result("evaluate")).cross_validation.repeats)
    filled = {name: settled.get(name, value) if value == AUTO else value for name, value in settings.items()}
    return {name: value for name, value in filled.items() if value != AUTO and name.split(".")[0] not in absent}


def _most_epochs(layout: Layout) -> int:
    """How many epochs the networks of the ladder were trained, as `training.epochs` says."""
    return max(int(row["epoch"]) for row in read_records(layout.results / "overfit_curves.csv"))


def flat_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings by dotted names. Lists and free-form mappings become JSON; unset settings are left out."""
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and key != "columns":
            flat |= {f"{key}.{name}": text for name, text in flat_settings(value).items()}
        elif value not in (None, "", [], {}):
            flat[key] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return flat
