"""Networks that see pictures, and the changes that pictures undergo while they learn."""

import pytest
import torch
from torch import nn

from src.networks import augmentation as of_augmentation
from src.networks import build_network
from src.networks.augmentation import Augmentation
from src.networks.pictures import BLOCKS, Layers, channels_last

PICTURES = torch.rand(6, 2, 9, 7, generator=torch.Generator().manual_seed(0))


def augmentation(way: str, seed: int = 3, rows: int = 6) -> Augmentation:
    layer = Augmentation(way)
    layer.generator, layer.rows = torch.Generator().manual_seed(seed), rows
    return layer


@pytest.mark.parametrize("way", ["move", "mirror", "shear", "colour"])
def test_pictures_change_in_training_only_and_by_the_stream_of_their_own(way: str):
    layer = augmentation(way)
    first, second = layer(PICTURES), layer(PICTURES)
    assert (first != PICTURES).any(dim=(1, 2, 3)).all()
    assert (first != second).any(dim=(1, 2, 3)).all()
    assert torch.equal(augmentation(way)(PICTURES), first)
    assert not torch.equal(augmentation(way, seed=4)(PICTURES), first)
    assert torch.equal(layer.eval()(PICTURES), PICTURES)


def test_without_augmentation_pictures_stay_and_nothing_is_drawn():
    layer = augmentation("none")
    before = layer.generator.get_state()
    assert torch.equal(layer(PICTURES), PICTURES)
    assert torch.equal(layer.generator.get_state(), before)


def test_a_short_minibatch_leaves_the_stream_where_a_whole_one_does():
    whole, short = augmentation("mirror"), augmentation("mirror")
    torch.testing.assert_close(short(PICTURES[:2]), whole(PICTURES)[:2])
    assert torch.equal(short(PICTURES), whole(PICTURES))


def test_half_of_the_pictures_are_mirrored_and_none_moved_where_nothing_else_is_asked(monkeypatch: pytest.MonkeyPatch):
    for name in ("SHIFT", "ZOOM", "TURN"):
        monkeypatch.setattr(of_augmentation, name, 0.0)
    pictures = PICTURES.repeat(50, 1, 1, 1)
    changed = augmentation("mirror", rows=300)(pictures)
    as_it_was = (changed - pictures).abs().amax((1, 2, 3)) < 1e-5
    mirrored = (changed - pictures.flip(3)).abs().amax((1, 2, 3)) < 1e-5
    assert (as_it_was | mirrored).all()
    assert 100 < mirrored.sum() < 200
    assert torch.allclose(augmentation("move", rows=300)(pictures), pictures, atol=1e-5)


def test_a_shift_moves_by_its_share_of_the_size(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(of_augmentation, "ZOOM", 0.0)
    monkeypatch.setattr(of_augmentation, "TURN", 0.0)
    place = torch.arange(40.0).expand(200, 1, 40, 40)
    moved = augmentation("move", rows=200)(place)[:, 0, 20, 20] - 20
    assert 3.6 < moved.abs().max() <= 0.1 * 40 + 1e-3
    assert abs(moved.mean()) < 0.6


def test_shear_pushes_rows_sideways_the_more_the_farther_they_are_from_the_middle(monkeypatch: pytest.MonkeyPatch):
    for name in ("SHIFT", "ZOOM", "TURN"):
        monkeypatch.setattr(of_augmentation, name, 0.0)
    place = torch.arange(40.0).expand(200, 1, 40, 40)
    moved = augmentation("shear", rows=200)(place)[:, 0, :, 20] - 20
    assert moved[:, 19:21].abs().max() < 0.2
    torch.testing.assert_close(moved[:, 5], -moved[:, 34], atol=1e-3, rtol=0)
    assert 2.5 < moved[:, 5].abs().max() <= 0.2 * 15


def test_colours_change_alike_everywhere_in_a_picture(monkeypatch: pytest.MonkeyPatch):
    for name in ("SHIFT", "ZOOM", "TURN"):
        monkeypatch.setattr(of_augmentation, name, 0.0)
    plain = torch.tensor([1.0, -1.0, 0.3]).view(1, 3, 1, 1).expand(100, 3, 4, 4)
    changed = augmentation("colour", rows=100)(plain)
    torch.testing.assert_close(changed, changed[:, :, :1, :1].expand_as(changed))
    assert 0.2 < (changed.mean((1, 2, 3)) - 0.1).abs().max() <= 0.3
    spread = (changed[:, 0, 0, 0] - changed[:, 1, 0, 0]) / 2
    assert 0.8 * 0.7 <= spread.min() < 0.8
    assert 1.2 < spread.max() <= 1.2 * 1.3


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="'flip'"):
        Augmentation("flip")


@pytest.mark.parametrize("kind", ["dense_on_pictures", "convnet"])
def test_a_network_that_is_done_learning_answers_as_if_it_had_no_augmentation(kind: str):
    answers = []
    for way in ("none", "mirror"):
        torch.manual_seed(0)
        network = {"architecture": kind, "units": [4], "size": [9, 7], "augmentation": way}
        answers.append(build_network(network, 2, 3).eval()(PICTURES))
    assert torch.equal(*answers)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_the_layout_for_convolutions_changes_no_number(channels: int):
    pictures = torch.rand(4, channels, 5, 6)
    laid_out = channels_last(pictures)
    assert torch.equal(laid_out, pictures)
    assert laid_out.stride() == (channels * 30, 1, 6 * channels, channels)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("normalize", [True, False])
def test_every_block_halves_the_picture_and_has_its_filters(block: str, normalize: bool):
    layers = Layers(3, normalize, "relu")
    for halves, size in ((True, (4, 3)), (False, (9, 7))):
        found = nn.Sequential(*BLOCKS[block](layers, 2, 5, halves))(PICTURES)
        assert found.shape == (6, 5, *size)


def test_a_residual_block_whose_convolutions_give_nothing_is_its_way_round():
    [block] = BLOCKS["residual"](Layers(3, False, "relu"), 2, 5, True)
    for p in block.way.parameters():
        nn.init.zeros_(p)
    assert torch.equal(block(PICTURES), block.way_round(PICTURES))


def test_a_separable_convolution_has_a_fraction_of_the_weights():
    layers = Layers(3, False, "relu")
    plain, separable = (
        sum(p.numel() for p in nn.Sequential(*BLOCKS[block](layers, 16, 32, True)).parameters() if p.ndim > 1)
        for block in ("plain", "separable")
    )
    assert (plain, separable) == (9 * 16 * 32, 9 * 16 + 16 * 32)
