"""Pictures become small numbers, and networks learn from them."""

import io
from base64 import b64decode
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from src.inputs.pictures import Shape, Undecodable, decodes, look, pixels_of
from src.judging.baselines import shallow
from src.kinds.image.encoding import decoded, encode
from src.kinds.image.ladder import ladder
from src.kinds.image.rebuilt import restored
from src.kinds.image.shallow import SHALLOW
from src.kinds.image.shown import shown
from src.kinds.image.vectorizer import ImageVectorizer
from src.kinds.registry import KINDS, kind_of
from src.kinds.views import seen
from src.models.measures import TABLE
from src.networks import build_network
from src.preparation.fold import fit_fold
from src.problem.steps import Code, PrepareSettings
from src.problem.training import Engine, OverfitLadder, Training
from src.results.networks import Candidate
from src.tables.protocols import Split
from src.tables.table import Feature
from src.training.fit import fit
from src.training.inputs import rows_of
from src.training.members import Member
from tests.kinds.pictures import SIZE, bars, bars_frame, file_of, table_of

IMAGE = Feature(name="image", type="image")


def settings(**image: Any) -> PrepareSettings:
    return PrepareSettings.model_validate(
        {
            "data": {"source": "file", "path": "bars.zip"},
            "target": "bar",
            "type": "binary",
            "test": {"share": 0.2},
            "measure": "auto",
            "protocol": "auto",
            "folds": "auto",
            "repeats": "auto",
            "seed": 0,
            "image": image,
        }
    )


def candidate(**changes: Any) -> Candidate:
    network = {
        "architecture": "convnet",
        "units": [8],
        "size": [SIZE, SIZE],
        "dropout": 0.0,
        "augmentation": "none",
    } | changes
    return Candidate(network=network, optimizer="rmsprop", learning_rate=0.01, l1=0.0, l2=0.0, batch_size=32, epochs=6)


@pytest.mark.parametrize(("kind", "channels"), [("PNG", 1), ("PNG", 3), ("BMP", 3), ("PPM", 1), ("PPM", 3)])
def test_a_picture_is_the_same_in_every_lossless_format(kind: str, channels: int):
    pixels_NHWC, _ = bars(3, channels=channels)
    found = pixels_of([file_of(pixels, kind) for pixels in pixels_NHWC], Shape(channels, SIZE, SIZE))
    np.testing.assert_array_equal(found, pixels_NHWC.transpose(0, 3, 1, 2))


def test_pictures_are_decoded_once_and_are_the_same_afterwards():
    pixels_NHWC, _ = bars(5, channels=3)
    frame = pd.DataFrame({"image": pd.Series([file_of(p, "JPEG") for p in pixels_NHWC], dtype=object)})
    features, _ = encode(frame, [IMAGE], settings())
    shape = Shape(3, SIZE, SIZE)
    stored = decoded(frame, features)["image"].tolist()
    assert all(file.startswith(shape.header) for file in stored)
    np.testing.assert_array_equal(pixels_of(stored, shape), pixels_of(frame["image"].tolist(), shape))


def test_a_photograph_taken_sideways_stands_upright():
    pixels_HWC = np.zeros((4, 6, 3), dtype=np.uint8)
    pixels_HWC[:2, :3] = 255
    image, stream, turned = Image.fromarray(pixels_HWC), io.BytesIO(), Image.Exif()
    turned[0x0112] = 6  # the top of the picture is on its right
    image.save(stream, "PNG", exif=turned)
    assert look(stream.getvalue()) == Shape(3, 6, 4)
    found = pixels_of([stream.getvalue()], Shape(3, 6, 4))[0, 0]
    np.testing.assert_array_equal(found, np.rot90(pixels_HWC[..., 0], -1))


@pytest.mark.parametrize("file", [b"", b"no picture", file_of(bars(1)[0][0])[:60]])
def test_what_is_no_picture_is_refused(file: bytes):
    with pytest.raises(Undecodable):
        pixels_of([file], Shape(1, SIZE, SIZE))


def test_no_file_makes_pillow_start_another_program(monkeypatch: pytest.MonkeyPatch):
    def started(*_: Any, **__: Any) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr("subprocess.Popen", started)
    file = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(touch harm) run\n%%EOF\n"
    assert Image.open(io.BytesIO(file)).format == "EPS", "Pillow by itself would take it"
    assert not decodes(file)
    with pytest.raises(Undecodable):
        look(file)
    with pytest.raises(Undecodable):
        pixels_of([file], Shape(1, 9, 9))


@pytest.mark.parametrize(
    ("sizes", "given", "shape"),
    [
        ([(8, 8), (8, 8)], {}, (1, 8, 8)),
        ([(200, 100), (100, 50), (400, 300)], {}, (1, 64, 32)),
        ([(10, 20), (30, 20), (12, 24)], {}, (1, 12, 20)),
        ([(8, 16), (8, 16)], {"size": 32}, (1, 16, 32)),
    ],
)
def test_pictures_keep_their_size_or_get_the_middle_one_within_the_limit(sizes, given, shape):
    files = [file_of(np.zeros((*size, 1), np.uint8)) for size in sizes]
    [feature], [choice] = encode(pd.DataFrame({"image": pd.Series(files, dtype=object)}), [IMAGE], settings(**given))
    assert tuple(feature.encoding[key] for key in ("channels", "height", "width")) == shape
    assert choice.setting == "size of image"


def test_pictures_that_are_rebuilt_have_sides_of_at_most_32_unless_a_size_is_given():
    frame = pd.DataFrame({"image": pd.Series([file_of(np.zeros((80, 40, 1), np.uint8))], dtype=object)})
    for given, sides in (({}, (32, 16)), ({"size": 64}, (64, 32))):
        asked = settings(**given).model_copy(update={"type": "autoencode", "target": None, "code": Code(numbers=2)})
        [feature], _ = encode(frame, [IMAGE], asked)
        assert (feature.encoding["height"], feature.encoding["width"]) == sides


def test_one_picture_in_colours_makes_all_of_them_so():
    files = [file_of(np.zeros((8, 8, channels), np.uint8)) for channels in (1, 3)]
    [feature], _ = encode(pd.DataFrame({"image": pd.Series(files, dtype=object)}), [IMAGE], settings())
    assert feature.encoding["channels"] == 3


def test_channels_have_mean_0_and_standard_deviation_1_over_the_training_rows():
    table = table_of(40, channels=3)
    fold = fit_fold(table, np.arange(30), np.arange(30, 40))
    x_ACHW = rows_of(fold.x_AD, torch.float64).to(torch.device("cpu"))
    assert x_ACHW.shape == (30, 3, SIZE, SIZE)
    torch.testing.assert_close(x_ACHW.mean((0, 2, 3)), torch.zeros(3, dtype=torch.float64), atol=1e-6, rtol=0)
    torch.testing.assert_close(
        x_ACHW.std((0, 2, 3), correction=0), torch.ones(3, dtype=torch.float64), atol=1e-5, rtol=0
    )
    np.testing.assert_allclose(np.asarray(fold.x_AD), x_ACHW.flatten(1), atol=1e-5)


def test_changing_a_held_out_picture_changes_nothing_that_was_fitted():
    table = table_of(40)
    training, validation = np.arange(30), np.arange(30, 40)
    before = fit_fold(table, training, validation)
    table.frame.at[35, "image"] = file_of(np.full((20, 20, 3), 250, np.uint8))
    after = fit_fold(table, training, validation)
    assert before.vectorizer.model_dump_json() == after.vectorizer.model_dump_json()
    np.testing.assert_array_equal(before.x_AD.pixels_NCHW, after.x_AD.pixels_NCHW)
    assert (before.x_VD.pixels_NCHW != after.x_VD.pixels_NCHW).any(axis=(1, 2, 3)).tolist() == [
        row == 35 for row in validation
    ]


def test_json_gives_the_vectorizer_back():
    fitted = ImageVectorizer.fit(bars_frame(9), table_of(9).schema.features)
    assert ImageVectorizer.model_validate_json(fitted.model_dump_json()) == fitted


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (64, 48), (5, 3)])
def test_every_rung_of_the_ladder_sees_more_and_has_more_parameters(size: tuple[int, int]):
    encoding = {"channels": 3, "height": size[0], "width": size[1], "rows": 100}
    found = ladder([IMAGE.model_copy(update={"encoding": encoding})], OverfitLadder(), Training())
    networks = [build_network(network, 3, 4) for network in found]
    assert [network.architecture for network in found] == ["dense_on_pictures", *["convnet"] * 5]
    counts = [sum(p.numel() for p in network.parameters()) for network in networks[2:]]
    assert counts == sorted(set(counts))
    for network in networks:
        assert network(torch.rand(2, 3, *size)).shape == (2, 4)


def test_with_very_many_pictures_the_ladder_ends_before_a_network_that_takes_hours():
    def rungs(rows: int, **given: float) -> list[str]:
        encoding = {"channels": 1, "height": 28, "width": 28, "rows": rows} | given
        found = ladder([IMAGE.model_copy(update={"encoding": encoding})], OverfitLadder(), Training())
        return [network.text for network in found]

    assert rungs(60_000) == ["32", "8-16", "16-32-64"]
    assert rungs(600) == ["32", "8-16", "16-32-64", "32-64-128", "32-64-128 double", "64-128-256 residual"]
    assert rungs(10**9) == rungs(60_000)
    assert rungs(60_000, operations=1e13) == rungs(600)


@pytest.mark.parametrize("block", ["separable", "inception", "xception"])
def test_the_ladder_is_of_the_blocks_that_are_named(block: str):
    encoding = {"channels": 3, "height": 16, "width": 16, "rows": 100, "network": block}
    found = ladder([IMAGE.model_copy(update={"encoding": encoding})], OverfitLadder(), Training())
    assert {network.block for network in found[2:]} == {block}
    assert build_network(found[2], 3, 4)(torch.rand(2, 3, 16, 16)).shape == (2, 4)


@pytest.mark.parametrize("name", SHALLOW["classifier"])
def test_shallow_models_learn_from_pixels(name: str):
    table = table_of(300)
    p_VK = shallow(name, table, Split(0, 0, np.arange(240), np.arange(240, 300)), 0)
    assert TABLE["accuracy"].value(table.y_NT[240:], p_VK, table.w_N[240:]) > 0.75


@pytest.mark.parametrize("name", ["linear", "strongly_regularized_linear"])
def test_a_linear_model_is_held_back_alike_by_few_pictures_and_by_all_of_them_twice(name: str):
    table = table_of(120)
    rows, held_out = np.arange(80), np.arange(80, 120)
    once, twice = (shallow(name, table, Split(0, 0, of, held_out), 0) for of in (rows, np.tile(rows, 2)))
    np.testing.assert_allclose(once, twice, atol=1e-3)


def large_pictures(**encoding: Any) -> tuple[ImageVectorizer, pd.DataFrame]:
    rng = np.random.default_rng(0)
    pixels_NHWC = rng.integers(0, 255, (20, 70, 50, 3), dtype=np.uint8)
    frame = pd.DataFrame({"image": pd.Series([file_of(p) for p in pixels_NHWC], dtype=object)})
    encoding = {"channels": 3, "height": 70, "width": 50, "rows": 20, **encoding}
    return ImageVectorizer.fit(frame, [IMAGE.model_copy(update={"encoding": encoding})]), frame


def test_large_pictures_are_made_small_for_shallow_models():
    vectorizer, frame = large_pictures()
    inputs = vectorizer.transform(frame)
    assert seen(inputs, SHALLOW["regressor"]["linear"].view).shape == (20, 3 * 17 * 12)


def test_every_pixel_of_large_pictures_is_rebuilt_and_given_back_in_its_own_size():
    vectorizer, frame = large_pictures(unit=True)
    x_ND = seen(vectorizer.transform(frame), KINDS["image"].flat["rebuild"])
    given = restored(vectorizer, x_ND.astype(float))["image"]
    head = "data:image/png;base64,"
    for uri, file in zip(given, frame["image"], strict=True):
        pixels, expected = (np.asarray(Image.open(io.BytesIO(f))) for f in (b64decode(uri.removeprefix(head)), file))
        np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("changes", [{"architecture": "dense_on_pictures"}, {"kernel": 5, "normalize": False}, {}])
def test_a_small_network_learns_which_bars_lie_and_a_training_that_pauses_comes_out_the_same(changes: dict[str, Any]):
    table = table_of(400)
    split = Split(0, 0, np.arange(320), np.arange(320, 400))
    member = Member.of_split(candidate(**changes, augmentation="move"), split, 0)
    engine, measure = Engine(workers=1), TABLE["accuracy"]
    [trained] = fit([member], table, measure, engine, "bars")
    assert trained.history.training_loss[-1] < 0.7 * trained.history.training_loss[0]
    assert trained.history.validation[-1] > 0.8
    paused = fit([member], table, measure, engine, "bars", until=2)
    [again] = fit([member], table, measure, engine, "bars", resumed=paused)
    np.testing.assert_array_equal(trained.predictions, again.predictions)


def test_a_mistake_is_shown_as_a_picture_that_is_in_the_page_itself():
    table = table_of(3)
    texts = shown(table.frame, table.schema.features)
    assert all(text.startswith("data:image/png;base64,") for text in texts)


def test_a_column_of_pictures_makes_the_problem_one_of_pictures():
    assert kind_of([IMAGE]) is KINDS["image"]


@pytest.mark.parametrize(
    ("pixels", "kind", "expected"),
    [
        (np.array([[0, 257, 65535]], np.uint16), "PNG", [0, 1, 255]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), "TIFF", [0, 128, 255]),
    ],
)
def test_pixels_of_sixteen_bits_and_floats_are_scaled_by_their_range(pixels, kind: str, expected: list[int]):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    assert pixels_of([stream.getvalue()], Shape(1, 1, 3))[0, 0, 0].tolist() == expected


@pytest.mark.parametrize("pixels", [np.array([[0.0, 7.0]], np.float32), np.array([[-1, 70_000]], np.int32)])
def test_pixels_of_an_unknown_range_are_refused(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "TIFF")
    assert not decodes(stream.getvalue())
    with pytest.raises(Undecodable, match="pixels are not from 0"):
        pixels_of([stream.getvalue()], Shape(1, 1, 2))
