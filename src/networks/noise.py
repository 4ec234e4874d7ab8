"""Random draws inside a network: fresh ones in training, always the same for the same row afterwards.

Shapes: B rows, R draws, any further shape of a row's numbers.
"""

import torch
from torch import Tensor

from src.networks.dropout import Noise, normal

# Draws of each row when a network is finished.
DRAWS = 64


class Draws(Noise):
    """Standard normal numbers, or `uniform` ones from 0 to 1, of a given shape for each row.

    In training they come from the member's own stream, as masks of dropout do. Otherwise they are `DRAWS` fixed points,
    spread evenly (scrambled Sobol numbers, Owen 1998), and the values of a row choose one of them. So an answer depends
    on the row alone.
    """

    points: Tensor

    def __init__(self, *shape: int, uniform: bool = False) -> None:
        super().__init__(1.0)
        self.shape, self.uniform = shape, uniform
        count = int(torch.Size(shape).numel())
        if count <= torch.quasirandom.SobolEngine.MAXDIM:
            points = torch.quasirandom.SobolEngine(count, scramble=True, seed=0).draw(DRAWS)
        else:
            points = torch.rand(DRAWS, count, generator=torch.Generator().manual_seed(0))
        self.register_buffer("points", self._from(normal(points).view(DRAWS, *shape)), persistent=False)

    def forward(self, like: Tensor, key_B: Tensor | None = None) -> Tensor:
        """Numbers like `like` (B, ...). key_B: a whole number for each row, which chooses them outside of training."""
        if self.factor is not None:
            return self._from(self.factor.expand(like.shape).to(like.dtype))
        if not self.training:
            assert key_B is not None
            return self.points[key_B.long() % DRAWS]
        return self._from(normal(self._uniform(like)).to(like.dtype))

    def _from(self, normal_numbers: Tensor) -> Tensor:
        return torch.special.ndtr(normal_numbers) if self.uniform else normal_numbers


def key_of(x: Tensor) -> Tensor:
    """A whole number for each row, (B,), from the whole numbers x (B, ...) that it consists of."""
    flat = x.flatten(1).double()
    weight = torch.arange(flat.shape[1], dtype=torch.float64, device=x.device) % 61 + 1
    return (flat * weight).sum(1).abs()
