"""Whatever happens to a file of a saved model is told by name when the model is loaded."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.core.errors import UserError
from src.core.hashes import file_sha256
from src.saved.model_folder import CARD, MANIFEST, DamagedModelError, new_folder
from src.saved.network_model import WEIGHTS, NetworkModel
from src.saved.saved_model import load_model
from src.saved.shallow_model import ESTIMATORS
from tests.saved.test_inference import model_of
from tests.saved.test_shallow_model import asking, fitted
from tests.training.examples import table_of

Damage = Callable[[Path], None]


def changed(**values: Any) -> Damage:
    """Another value for keys of model.json."""

    def damage(folder: Path) -> None:
        card = json.loads((folder / CARD).read_text())
        (folder / CARD).write_text(json.dumps(card | values, indent=2))

    return damage


def one_number(folder: Path) -> None:
    card = json.loads((folder / CARD).read_text())
    card["vectorizer"]["columns"][0]["mean"] += 1e-9
    (folder / CARD).write_text(json.dumps(card, indent=2))


def weights(change: Callable[[dict[str, Any]], None]) -> Damage:
    def damage(folder: Path) -> None:
        with np.load(folder / WEIGHTS) as stored:
            arrays = dict(stored)
        change(arrays)
        np.savez(folder / WEIGHTS, **arrays)

    return damage


def cut(name: str) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:100])


def lost(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def written(name: str, content: str) -> Damage:
    return lambda folder: (folder / name).write_text(content) and None


def first(arrays: dict[str, Any]) -> str:
    return next(iter(arrays))


def set_first(value: float) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[first(arrays)].flat[0] = value

    return change


DAMAGES: dict[str, tuple[str, Damage]] = {
    "another kind of network": (CARD, changed(network={"architecture": "convnet", "units": [4]})),
    "an unknown kind of network": (CARD, changed(network={"architecture": "oracle"})),
    "an unknown kind of model": (CARD, changed(saved="pickle")),
    "one changed number": (CARD, one_number),
    "no JSON": (CARD, cut(CARD)),
    "an unknown key": (CARD, changed(more=1)),
    "a missing weight": (WEIGHTS, weights(lambda arrays: arrays.pop(first(arrays)))),
    "an additional weight": (WEIGHTS, weights(lambda arrays: arrays.update({"0.extra": np.zeros(3)}))),
    "a weight of another shape": (WEIGHTS, weights(lambda arrays: arrays.update({first(arrays): np.zeros(3)}))),
    "a network too many": (WEIGHTS, weights(lambda arrays: arrays.update({"7.body": np.zeros(3)}))),
    "a nameless weight": (WEIGHTS, weights(lambda arrays: arrays.update({"nameless": np.zeros(3)}))),
    "no weights": (WEIGHTS, weights(lambda arrays: arrays.clear())),
    "a weight that is NaN": (WEIGHTS, weights(set_first(np.nan))),
    "an infinite weight": (WEIGHTS, weights(set_first(np.inf))),
    "cut weights": (WEIGHTS, cut(WEIGHTS)),
    "empty weights": (WEIGHTS, written(WEIGHTS, "")),
    "lost weights": (WEIGHTS, lost(WEIGHTS)),
    "a lost card": (CARD, lost(CARD)),
}
OF_SHALLOW: dict[str, tuple[str, Damage]] = {
    "cut estimators": (ESTIMATORS, cut(ESTIMATORS)),
    "empty estimators": (ESTIMATORS, written(ESTIMATORS, "")),
    "lost estimators": (ESTIMATORS, lost(ESTIMATORS)),
    "one changed number": (CARD, one_number),
    "one estimator for two columns": (CARD, changed(table=table_of("multilabel").schema.model_dump(mode="json"))),
}
OF_MANIFEST: dict[str, tuple[str, Damage]] = {
    "lost manifest": (MANIFEST, lost(MANIFEST)),
    "cut manifest": (MANIFEST, cut(MANIFEST)),
    "a manifest of nothing": (MANIFEST, written(MANIFEST, '{"sha256": {}}')),
    "a manifest that is a list": (MANIFEST, written(MANIFEST, "[]")),
    "a manifest of some files": (
        "",
        lambda folder: (folder / MANIFEST).write_text(json.dumps({"sha256": {CARD: file_sha256(folder / CARD)}})),
    ),
    "a manifest that leads outside": (
        "",
        lambda folder: (folder / MANIFEST).write_text(
            json.dumps({"sha256": {of.name: file_sha256(of) for of in folder.iterdir()} | {"../../x": "0"}})
        ),
    ),
    "a file beside the model's": ("evil.py", written("evil.py", "")),
    "a lost folder": ("", shutil.rmtree),
}
WRONG_BUT_WHOLE = {"one changed number"}  # nothing but the checksum can tell


@pytest.fixture(scope="module")
def network() -> NetworkModel:
    return model_of("binary")[0]


@pytest.fixture
def folder(network: NetworkModel, tmp_path: Path) -> Path:
    network.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def shallow_folder(tmp_path: Path) -> Path:
    fitted(asking(table_of("binary"), "binary"), "linear").save(tmp_path / "model")
    return tmp_path / "model"


def assert_told(folder: Path, file: str) -> None:
    with pytest.raises(UserError) as caught:
        load_model(folder)
    told = str(caught.value)
    assert str(folder / file) in told
    assert "`dvc checkout`" in told
    assert "`dvc repro`" in told
    assert "\n" not in told


@pytest.mark.parametrize("name", [*DAMAGES, *OF_MANIFEST])
def test_every_damage_to_a_network_s_files_is_told_with_the_file_and_the_way_out(name: str, folder: Path):
    file, damage = (DAMAGES | OF_MANIFEST)[name]
    damage(folder)
    assert_told(folder, file)


@pytest.mark.parametrize("name", [*OF_SHALLOW, *OF_MANIFEST])
def test_every_damage_to_a_shallow_model_s_files_is_told_with_the_file_and_the_way_out(name: str, shallow_folder: Path):
    file, damage = (OF_SHALLOW | OF_MANIFEST)[name]
    damage(shallow_folder)
    assert_told(shallow_folder, file)


@pytest.mark.parametrize("name", [name for name in DAMAGES if name not in WRONG_BUT_WHOLE and "lost" not in name])
def test_files_that_do_not_fit_each_other_are_told_even_with_a_manifest_of_their_own(name: str, folder: Path):
    """As another version of this program, or a hand, would write them."""
    file, damage = DAMAGES[name]
    damage(folder)
    signed_again(folder)
    assert_told(folder, file)


@pytest.mark.parametrize("name", [name for name in OF_SHALLOW if name not in WRONG_BUT_WHOLE and "lost" not in name])
def test_estimators_that_do_not_fit_the_card_are_told_even_with_a_manifest(name: str, shallow_folder: Path):
    file, damage = OF_SHALLOW[name]
    damage(shallow_folder)
    signed_again(shallow_folder)
    assert_told(shallow_folder, file)


def signed_again(folder: Path) -> None:
    """Replace the folder's manifest with one of the files as they are now."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST}
    with new_folder(folder) as partial:
        for name, content in files.items():
            (partial / name).write_bytes(content)


def test_a_network_with_a_weight_that_is_no_number_is_not_saved(network: NetworkModel, tmp_path: Path):
    broken = [{name: np.full_like(value, np.nan) for name, value in network.committee[0].items()}]
    with pytest.raises(UserError, match="not a finite number"):
        NetworkModel(network.card, broken).save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_damage_is_told_without_the_way_out_too_for_those_who_know_a_better_one(folder: Path):
    lost(WEIGHTS)(folder)
    with pytest.raises(DamagedModelError) as caught:
        load_model(folder)
    assert caught.value.reason == f"{folder / WEIGHTS} is missing"
