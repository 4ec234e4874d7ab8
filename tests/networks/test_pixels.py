"""Networks of pixels: what a pixel may see, and probabilities that sum to one."""

import pytest
import torch

from src.networks.pixels import COMPONENTS, MaskedConvolution, PictureVariational, PixelCNN, log_levels


def pictures(count: int, channels: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, 6, 5), generator=generator).float() / 255


def networks(channels: int = 1) -> list[torch.nn.Module]:
    torch.manual_seed(0)
    shared = {"size": [6, 5], "activation": "tanh"}
    return [
        PixelCNN(channels, 2, units=[4, 4], **shared).eval(),
        PictureVariational(channels, 2, units=[3, 4], code=2, **shared).eval(),
    ]


def drawn(network: torch.nn.Module, first: int | torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """So many pictures, or pictures with these codes."""
    return network.draw(first, generator) if isinstance(first, int) else network.sample(first, generator)


def test_the_levels_of_a_pixel_sum_to_one():
    outputs = torch.randn(1, 3 * COMPONENTS, 1, 1).expand(256, -1, -1, -1)
    every = (torch.arange(256) / 255).view(256, 1, 1, 1)
    assert float(log_levels(outputs, every).double().exp().sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_probability_of_a_pixel_does_not_depend_on_later_ones(channels: int):
    """So that the probabilities of all pictures sum to one: each pixel's do, given those before it."""
    cnn, vae = networks(channels)
    x = pictures(1, channels)
    code = torch.zeros(1, 2)
    outputs = [
        lambda x: cnn.layers(2 * x - 1),
        lambda x: vae._outputs(vae.decoder(code), x),
    ]
    for row, column in [(0, 0), (2, 3), (5, 4)]:
        changed = x.clone()
        flat = changed.flatten(2)
        flat[:, :, row * 5 + column :] = 1 - flat[:, :, row * 5 + column :]
        for of in outputs:
            before, after = (of(each)[:, :, row, column] for each in (x, changed))
            torch.testing.assert_close(before, after)
    following = x.clone()
    following[:, :, 2, 2] = 1 - following[:, :, 2, 2]
    assert not torch.equal(outputs[0](x)[:, :, 2, 3], outputs[0](following)[:, :, 2, 3])


def test_a_masked_convolution_sees_the_middle_only_if_asked():
    for itself in (False, True):
        mask = MaskedConvolution(1, 1, 3, itself).mask
        assert mask.tolist() == [[1, 1, 1], [1, float(itself), 0], [0, 0, 0]]


@pytest.mark.parametrize("place", [0, 1], ids=["pixel_cnn", "variational"])
def test_samples_are_pictures_and_the_same_for_the_same_seed(place: int):
    network = networks()[place]
    first = torch.zeros(3, 2) if place else 3
    with torch.no_grad():
        one, two = (drawn(network, first, torch.Generator().manual_seed(1)) for _ in range(2))
    assert one.shape == (3, 1, 6, 5)
    assert one.equal(two)
    assert torch.equal((one * 255).round() / 255, one)
    assert network(one).isfinite().all()


@pytest.mark.parametrize("place", [0, 1], ids=["pixel_cnn", "variational"])
def test_what_is_said_of_a_pixel_while_drawing_is_what_is_said_of_the_whole_picture(place: int, monkeypatch):
    network, x = networks()[place], pictures(2)
    code = torch.zeros(2, 2)
    with torch.no_grad():
        whole = network._outputs(network.decoder(code), x) if place else network.layers(2 * x - 1)
    asked = []

    def known(outputs_BO: torch.Tensor, channels: int, generator: torch.Generator) -> torch.Tensor:
        row, column = divmod(len(asked), 5)
        asked.append((outputs_BO, whole[:, :, row, column]))
        return x[:, :, row, column]

    monkeypatch.setattr("src.networks.pixels.drawn_levels", known)
    with torch.no_grad():
        drawn(network, code if place else 2, torch.Generator())
    assert len(asked) == 30
    for part, expected in asked:
        torch.testing.assert_close(part, expected)


def test_drawing_sees_as_far_as_the_convolutions_reach(monkeypatch):
    torch.manual_seed(0)
    network = PixelCNN(1, 2, size=[14, 12], units=[4, 4, 4], activation="tanh").eval()
    x = torch.rand(2, 1, 14, 12, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = network.layers(2 * x - 1)
        asked = []

        def known(outputs_BO: torch.Tensor, channels: int, generator: torch.Generator) -> torch.Tensor:
            row, column = divmod(len(asked), 12)
            asked.append(outputs_BO)
            return x[:, :, row, column]

        monkeypatch.setattr("src.networks.pixels.drawn_levels", known)
        network.draw(2, torch.Generator())
    torch.testing.assert_close(torch.stack(asked, -1), whole.flatten(2))
