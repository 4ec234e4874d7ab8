"""Dropout whose masks come from a stream of its own, so that they do not depend on what else is trained beside it."""

import torch
from torch import Tensor, nn


class OwnStream:
    """What draws random numbers in training from the member's own `generator`.

    Always drawing for the `rows` of whole minibatches keeps the streams of backends in step when the last minibatch is
    short; minibatches of whole sentences may be longer. Where several processes share a minibatch, `own` are the rows
    of it that this one has.
    """

    generator: torch.Generator | None = None
    rows: int = 0
    own: slice = slice(None)


class Dropout(OwnStream, nn.Dropout):
    """`nn.Dropout`; with a generator set, masks for `rows` rows are drawn from it and the first B are used.

    A stack draws the masks of all its members itself and sets `factor`, by which the rows are then multiplied.
    """

    factor: Tensor | None = None

    def forward(self, x_BD: Tensor) -> Tensor:
        if self.factor is not None:
            return x_BD * self.factor
        if self.generator is None or not self.training or self.p == 0:
            return super().forward(x_BD)
        uniform = torch.rand(max(self.rows, len(x_BD)), *x_BD.shape[1:], generator=self.generator)[self.own][
            : len(x_BD)
        ]
        return x_BD * (uniform.to(x_BD.device) >= self.p) / (1 - self.p)
