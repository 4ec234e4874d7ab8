"""Flows: exact inverses, and volumes that equal those of autograd."""

import math

import pytest
import torch

from src.networks.couplings import Coupling, PictureFlow, TabularFlow
from src.networks.noise import DRAWS

FAMILIES = pytest.mark.parametrize("family", ["nice", "realnvp"])


def flow(family: str, places: list[int]) -> TabularFlow:
    torch.manual_seed(0)
    made = TabularFlow(2 * len(places), 2, [7], places, 4, family, activation="tanh").double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, dtype=torch.float64))
    made.outcomes.spread.fill_(5.0)
    return made.eval()


@FAMILIES
@pytest.mark.parametrize("dimensions", [2, 5])
def test_the_volume_is_that_of_autograd_and_the_inverse_gives_the_row_back(family: str, dimensions: int):
    made = flow(family, [0] * dimensions)
    z = torch.randn(6, dimensions, dtype=torch.float64)
    end, volume = made.through(z)
    torch.testing.assert_close(made.back(end), z)
    for row, expected in zip(z, volume, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda one: made.through(one[None])[0][0], row)
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, expected)


@FAMILIES
def test_a_density_integrates_to_one(family: str):
    made = flow(family, [0, 0])
    side = torch.linspace(-40, 40, 1601, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    with torch.no_grad():
        total = made.log_density(grid).exp().sum() * (80 / 1600) ** 2
    assert float(total) == pytest.approx(1, abs=0.01)


def test_a_coupling_changes_nothing_at_first():
    z = torch.randn(4, 6)
    moved, volume = Coupling(torch.randperm(6), [5], True, 0.0, "relu")(z)
    torch.testing.assert_close(moved, z)
    assert not volume.any()


@FAMILIES
def test_the_probabilities_of_cells_sum_to_one_at_most(family: str):
    """By 64 draws of the noise in each cell; one column has three categories, numbers may be missing."""
    made = flow(family, [0, 3])
    every = torch.tensor(
        [(a, gap, c, 3) for a, gap in [*((cell, 0) for cell in range(-200, 201)), (0, 1)] for c in range(3)],
        dtype=torch.float64,
    )
    with torch.no_grad():
        total = (2.0 ** -made.final(every)[:, 0]).sum()
    assert 0.1 < float(total) < 1.02


@FAMILIES
def test_many_draws_are_the_mean_of_the_probabilities_of_each(family: str):
    made, x = flow(family, [0, 0]), torch.tensor([[3.0, 0, -4, 0], [0, 1, 9, 0]], dtype=torch.float64)
    each = torch.stack([made._log_probability(x, u.expand(2, -1)) for u in made.noise.points])
    expected = (torch.logsumexp(each, 0) - math.log(DRAWS)) / -math.log(2)
    torch.testing.assert_close(made.final(x)[:, 0], expected)


@FAMILIES
def test_codes_give_back_the_rows_that_were_encoded(family: str):
    made, x = flow(family, [0, 3]), torch.tensor([[3.0, 0, 2, 3], [-40, 0, 0, 3]], dtype=torch.float64)
    torch.testing.assert_close(made.sample(made.encode(x), torch.Generator()).double(), x)
    pictured = PictureFlow(1, 2, [4, 4], [8], 2, family).eval()
    pictured.centre.fill_(100)
    pictured.spread.fill_(40)
    x = torch.randint(256, (5, 1, 4, 4)) / 255
    torch.testing.assert_close(pictured.sample(pictured.encode(x), torch.Generator()), x)


@FAMILIES
def test_a_flow_starts_from_the_spread_of_the_training_pictures(family: str):
    """Of pixels that are spread by 40 levels a new flow claims about log2(40) + 2 bits each, and never 8 or more."""
    torch.manual_seed(0)
    made = PictureFlow(1, 2, [4, 4], [8], 2, family).eval()
    made.centre.fill_(100)
    made.spread.fill_(40)
    x = (100 + 40 * torch.randn(200, 1, 4, 4)).round().clamp(0, 255) / 255
    bits = made(x)[:, 0].mean() / 16
    assert float(bits.detach()) == pytest.approx(math.log2(40) + 2.05, abs=0.3)
    drawn = made.draw(500, torch.Generator().manual_seed(0)) * 255
    assert float(drawn.detach().mean()) == pytest.approx(100, abs=8)


def test_samples_of_a_table_have_the_form_of_rows():
    x = flow("realnvp", [0, 3, 0]).draw(300, torch.Generator().manual_seed(0))
    assert set(x[:, 3].tolist()) == {3.0}
    assert set(x[:, 2].tolist()) <= {0.0, 1.0, 2.0}
    assert set(x[:, 1].tolist()) <= {0.0, 1.0}
    assert (x == x.round()).all()
