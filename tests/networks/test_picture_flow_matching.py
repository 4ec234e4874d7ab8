"""Flow matching of pictures: its loss by its definition, sizes and patches, and pictures of a class."""

import pytest
import torch

from src.networks.picture_flow_matching import PictureFlowMatching


def network(
    size: tuple[int, int] = (7, 6), classes: int = 3, dtype: torch.dtype = torch.float64
) -> PictureFlowMatching:
    torch.manual_seed(0)
    made = PictureFlowMatching([1, 2] if classes else 1, 2, size, [4, 8], classes).to(dtype)
    for parameter in made.last.parameters():
        torch.nn.init.normal_(parameter)
    return made


def pictures(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x_BCHW = torch.randint(256, (count, 1, 7, 6), generator=generator).double() / 255
    return x_BCHW, torch.stack([torch.arange(count).double() % 3, torch.full((count,), 3.0).double()], 1)


def test_the_loss_is_the_squared_error_of_the_velocity_on_the_straight_line():
    made = network().eval()
    x_BCHW, place_B2 = pictures(5)
    drawn = made.noise(torch.zeros(5, 43).double(), torch.arange(5))
    made.noise.factor = drawn  # the same numbers as if a stack had drawn them
    sums_B, numbers_B = made((x_BCHW, place_B2)).T
    noise_BCHW, time_B1 = drawn[:, :42].view(5, 1, 7, 6), torch.distributions.Normal(0, 1).cdf(drawn[:, 42:])
    time = time_B1.view(5, 1, 1, 1)
    line_BCHW = noise_BCHW + time * (2 * x_BCHW - 1 - noise_BCHW)
    theirs = made.velocity(line_BCHW, time_B1, place_B2[:, 0].long()) - (2 * x_BCHW - 1 - noise_BCHW)
    torch.testing.assert_close(sums_B, (theirs**2).sum((1, 2, 3)))
    assert numbers_B.tolist() == [42] * 5


def test_a_picture_s_loss_depends_on_the_picture_and_its_class_alone():
    made = network().eval()
    x_BCHW, place_B2 = pictures(9)
    together = made((x_BCHW, place_B2))
    torch.testing.assert_close(together[4:6], made((x_BCHW[4:6], place_B2[4:6])))
    assert (together != made((x_BCHW, place_B2.flip(0)))).any()


def test_draws_depend_on_the_seed_and_have_the_wanted_class():
    made = network(dtype=torch.float32).eval()
    made.shares.copy_(torch.tensor([0.0, 0.9, 0.1]))
    with torch.no_grad():
        one, same, other = (made.draw(40, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
        all_second = made.draw(4, torch.Generator().manual_seed(1), 2)[1]
    assert torch.equal(one[0], same[0])
    assert not torch.equal(one[0], other[0])
    assert one[0].shape == (40, 1, 7, 6)
    assert set(one[1].tolist()) == {1, 2}
    assert one[1].float().mean() < 1.5
    assert all_second.tolist() == [2] * 4
    levels = 255 * one[0]
    torch.testing.assert_close(levels, levels.round().clamp(0, 255))


@pytest.mark.parametrize(("size", "patch"), [((8, 8), 1), ((28, 28), 2), ((17, 33), 3)])
def test_large_pictures_are_seen_as_patches(size: tuple[int, int], patch: int):
    made = network(size, classes=0, dtype=torch.float32).eval()
    assert made.patch == patch
    with torch.no_grad():
        assert made.draw(2, torch.Generator().manual_seed(0)).shape == (2, 1, *size)
        assert made(torch.zeros(2, 1, *size)).shape == (2, 2)
