"""Flow matching: its loss by its definition, and that it learns to draw rows like those it saw."""

import pytest
import torch

from src.networks.flow_matching import TabularFlowMatching


def rows(count: int, seed: int = 0) -> torch.Tensor:
    """Two numbers that depend on each other, the second with gaps, and a category that depends on the first."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(count, generator=generator).sign() * 20 + 4 * torch.randn(count, generator=generator)
    second = -first + 4 * torch.randn(count, generator=generator)
    missing = torch.rand(count, generator=generator) < 0.2
    columns = [first.round(), torch.zeros(count), torch.where(missing, 0, second.round()), missing.float()]
    return torch.stack([*columns, (first > 0).float(), torch.full((count,), 2.0)], 1)


def network(dtype: torch.dtype = torch.float64) -> TabularFlowMatching:
    torch.manual_seed(0)
    made = TabularFlowMatching(6, 2, [48], [0, 0, 2]).to(dtype)
    made.outcomes.centre.copy_(torch.zeros(2))
    made.outcomes.spread.copy_(torch.full((2,), 20.0))
    return made


def test_the_loss_is_the_squared_error_of_the_velocity_on_the_straight_line():
    made = network().eval()
    x_BI = rows(5).double()
    seen_BF = made.outcomes.seen(x_BI)
    drawn = made.noise(torch.zeros(5, 7).double(), torch.arange(5))
    made.noise.factor = drawn  # the same numbers as if a stack had drawn them
    sums_B, features_B = made(x_BI).T
    noise_BF, time_B1 = drawn[:, :6], torch.distributions.Normal(0, 1).cdf(drawn[:, 6:])
    with torch.enable_grad():
        time_B1 = time_B1.requires_grad_()
        line_BF = noise_BF + time_B1 * (seen_BF - noise_BF)
        slopes = [torch.autograd.grad(line_BF[:, f].sum(), time_B1, retain_graph=True)[0] for f in range(6)]
    theirs_BF = (made.velocity(line_BF, time_B1) - torch.cat(slopes, 1)) ** 2
    torch.testing.assert_close(sums_B, theirs_BF.sum(1))
    assert features_B.tolist() == [6] * 5


def test_a_row_s_loss_depends_on_the_row_alone_and_draws_on_the_seed():
    made = network().eval()
    x_BI = rows(9).double()
    torch.testing.assert_close(made(x_BI)[4:6], made(x_BI[4:6]))
    single = network(torch.float32)
    one, same, other = (single.draw(6, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.slow
def test_it_learns_how_columns_hang_together():
    made = network(torch.float32)
    x_BI = rows(512)
    optimizer = torch.optim.Adam(made.parameters(), 0.01)
    for step in range(600):
        for module in (made.noise,):
            module.generator, module.rows = torch.Generator().manual_seed(step), 512
        sums_B, features_B = made(x_BI).T
        optimizer.zero_grad()
        (sums_B / features_B).mean().backward()
        optimizer.step()
    with torch.no_grad():
        drawn = made.eval().draw(1_000, torch.Generator().manual_seed(0))
    known = drawn[:, 3] == 0
    assert known.float().mean() == pytest.approx(0.8, abs=0.07)
    assert torch.corrcoef(drawn[known][:, [0, 2]].T)[0, 1] < -0.9
    assert ((drawn[:, 0] > 0) == (drawn[:, 4] == 1)).float().mean() > 0.93
    assert drawn[:, 0].abs().mean() == pytest.approx(20, abs=2.5)
