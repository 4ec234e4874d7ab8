"""Dropout whose masks come from a member's own random stream, so that they do not depend on other members."""

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

    A stack draws the masks of all its members and sets `factor`, by which the rows are then multiplied.
    """

    factor: Tensor | None = None

    def forward(self, x_BD: Tensor) -> Tensor:
        if self.factor is not None:
            return x_BD * self.factor
        if self.generator is None or not self.training or self.p == 0:
            return super().forward(x_BD)
        uniform = torch.rand(max(self.rows, len(x_BD)), *x_BD.shape[1:], generator=self.generator)[self.share][
            : len(x_BD)
        ]
        return x_BD * (uniform.to(x_BD.device) >= self.p) / (1 - self.p)
