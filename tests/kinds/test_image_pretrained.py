"""What a network trained by others sees in pictures is learnt from, and is found once for all."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from src.core.errors import UserError
from src.core.mirror import VARIABLE
from src.kinds.image.encoding import decoded, encode
from src.kinds.image.ladder import ladder, options
from src.kinds.image.shown import shown
from src.kinds.image.vectorizer import ImageVectorizer
from src.networks import pretrained
from src.networks.backbones import BACKBONES
from src.networks.pretrained import WEIGHTS, Pretrained
from src.problem.training import OverfitLadder, Training
from src.tables.table import Feature
from tests.kinds.pictures import bars, bars_frame, file_of
from tests.kinds.test_image import IMAGE, settings

NETWORK = "squeezenet1_0"


def encoded(frame: pd.DataFrame) -> list[Feature]:
    features, _ = encode(frame, [IMAGE], settings(pretrained=NETWORK))
    return features


def test_stored_pictures_carry_their_features_and_raw_ones_get_the_same(weights: dict[str, Path]):
    pixels_NHWC, _ = bars(5, channels=3)
    frame = pd.DataFrame({"image": pd.Series([file_of(p, "JPEG") for p in pixels_NHWC], dtype=object)})
    features = encoded(frame)
    stored = decoded(frame, features)
    fitted = ImageVectorizer.fit(stored, features)
    x_NF = fitted.transform(stored)
    assert x_NF.shape == (5, WEIGHTS[NETWORK].features)
    np.testing.assert_allclose(x_NF.mean(0), 0, atol=1e-3)
    weights[NETWORK].unlink()  # what is stored needs no network any more, and a copy of the weights was kept
    np.testing.assert_array_equal(ImageVectorizer.model_validate_json(fitted.model_dump_json()).transform(stored), x_NF)
    pretrained._load.cache_clear()
    np.testing.assert_array_equal(fitted.transform(frame), x_NF)
    assert shown(stored, features).tolist() == shown(frame, features).tolist()


def test_the_features_of_several_networks_are_joined(weights: dict[str, Path]):
    frame = bars_frame(3, channels=3)
    both = encode(frame, [IMAGE], settings(pretrained=["mobilenet_v2", NETWORK]))[0]
    x_NF = ImageVectorizer.fit(frame, both).transform(decoded(frame, both))
    assert x_NF.shape == (3, 1280 + 512)
    alone = encoded(frame)
    np.testing.assert_array_equal(x_NF[:, 1280:], ImageVectorizer.fit(frame, alone).transform(frame))


def test_changing_a_held_out_picture_changes_nothing_that_was_fitted(weights: dict[str, Path]):
    frame = bars_frame(6)
    features = encoded(frame)
    before = ImageVectorizer.fit(decoded(frame, features).iloc[:4], features)
    frame.at[5, "image"] = file_of(np.full((20, 20, 3), 250, np.uint8))
    after = ImageVectorizer.fit(decoded(frame, features).iloc[:4], features)
    assert before == after


def test_features_need_dense_networks_and_no_augmentation(weights: dict[str, Path]):
    features = encoded(bars_frame(3))
    assert {network.architecture for network in ladder(features, OverfitLadder(), Training())} == {"mlp"}
    assert options(features) == {}


def test_weights_that_cannot_be_had_are_named_with_the_way_out(
    weights: dict[str, Path], monkeypatch: pytest.MonkeyPatch
):
    def unreachable(url: str, **_: object) -> None:
        raise OSError("no route to host")

    weights[NETWORK].unlink()
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", unreachable)
    with pytest.raises(UserError, match=r"squeezenet1_0-b66bff10.pth: no route to host\nWithout a network, put"):
        Pretrained.find(NETWORK)


@pytest.mark.parametrize(("name", "parameters"), [("mobilenet_v2", 2_223_872), ("squeezenet1_0", 735_424)])
def test_a_backbone_has_the_published_number_of_parameters_and_its_features(name: str, parameters: int):
    backbone = BACKBONES[name]()
    assert sum(p.numel() for p in backbone.parameters()) == parameters
    assert backbone(torch.rand(2, 3, 64, 64)).shape == (2, WEIGHTS[name].features)


@pytest.mark.slow
@pytest.mark.parametrize("name", WEIGHTS)
def test_the_published_weights_tell_cats_from_dogs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from sklearn.linear_model import LogisticRegression

    folder = Path(os.environ.get(VARIABLE, "nowhere"))
    photographs = next(folder.rglob("dogs-vs-cats_train_subset.zip"), None)
    if photographs is None:
        pytest.skip("needs data files: name a folder that has them in DATA_MIRROR")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    pretrained._load.cache_clear()
    with zipfile.ZipFile(photographs) as archive:
        files = [archive.read(f"train/{animal}.{i}.jpg") for i in range(40) for animal in ("cat", "dog")]
    x_NF, is_dog_N = Pretrained.find(name).of_pictures(files).astype(np.float32), np.tile([0, 1], 40)
    model = LogisticRegression(C=0.01, max_iter=1000).fit(x_NF[:40], is_dog_N[:40])
    assert model.score(x_NF[40:], is_dog_N[40:]) >= 0.85
