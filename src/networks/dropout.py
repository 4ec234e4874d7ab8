"""Dropout and noise that come from a member's own random stream, so that they do not depend on other members."""

import torch
from torch import Tensor, nn


class OwnStream:
    """A module that draws random numbers in training from the member's own `generator`.

    It always draws for the `rows` of a whole minibatch, which keeps the streams of the backends in step when the last
    minibatch is short. Minibatches of whole sentences may be longer. `share`: the rows of a minibatch that this process
    has, if several processes share it.
    """

    generator: torch.Generator | None = None
    rows: int = 0
    share: slice = slice(None)


class Dropout(OwnStream, nn.Dropout):
    """`nn.Dropout`, but with a generator it draws masks for `rows` rows from that and uses the first B.

    A stack draws the masks of all its members and sets `factor`, by which the rows are then multiplied; `neutral`
    changes nothing. adds: whether the factor is added instead.
    """

    factor: Tensor | None = None
    adds = False
    neutral = torch.ones(())

    def forward(self, x_BD: Tensor) -> Tensor:
        if self.factor is not None:
            return x_BD * self.factor
        if self.generator is None or not self.training or self.p == 0:
            return super().forward(x_BD)
        return x_BD * (self._uniform(x_BD) >= self.p) / (1 - self.p)

    def _uniform(self, x_BD: Tensor) -> Tensor:
        """Random numbers between 0 and 1 for each number of the rows."""
        rows = max(self.rows, len(x_BD))
        drawn = torch.rand(rows, *x_BD.shape[1:], generator=self.generator)[self.share][: len(x_BD)]
        return drawn.to(x_BD.device)


class Noise(Dropout):
    """Adds normal numbers of standard deviation `p` in training, drawn and stacked as masks of a dropout are.

    Source: Vincent et al. 2010, "Stacked denoising autoencoders", section 3.3.
    """

    adds = True
    neutral = torch.zeros(())

    def forward(self, x_BD: Tensor) -> Tensor:
        if self.factor is not None:
            return x_BD + self.factor
        if not self.training or self.p == 0:
            return x_BD
        return x_BD + normal(self._uniform(x_BD)).to(x_BD.dtype) * self.p


def normal(uniform: Tensor) -> Tensor:
    """Normal numbers from those between 0 and 1, which may be 0."""
    return (2 * uniform - 1).clamp(-1 + 1e-6, 1 - 1e-6).erfinv() * 2**0.5
