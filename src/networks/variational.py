"""Variational autoencoders: the probability of a row as a mean over codes.

Source: Kingma and Welling 2014, "Auto-encoding variational Bayes"; with several draws: Burda, Grosse and Salakhutdinov
2016, "Importance weighted autoencoders". Shapes: B rows, I inputs, C numbers of the code, R draws.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from src.networks.mlp import MLP
from src.networks.noise import DRAWS, Draws, key_of
from src.networks.outcomes import Outcomes, bits_and_dimensions

# The logarithm of a code's variance is kept between these.
LOWEST, HIGHEST = -12.0, 6.0


class Variational(nn.Module):
    """An encoder to the mean and the logarithm of the variance of a normal code, and a decoder to a row's outcomes.

    `forward` gives each row's bits and dimensions, (B, 2). The bits are a bound (the evidence lower bound): with one
    draw of the code, never fewer on average than the exact ones. `final` has the tighter bound of `DRAWS` draws.
    """

    dimensions: int

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code
        self.noise = Draws(code)

    @abstractmethod
    def encoded(self, x: Tensor) -> Tensor:
        """The means and the logarithms of variances of each row's code, (B, 2C)."""

    @abstractmethod
    def log_probability(self, code_BC: Tensor, x: Tensor) -> Tensor:
        """That of each row, given its code, (B,)."""

    @abstractmethod
    def key(self, x: Tensor) -> Tensor:
        """A whole number for each row, see `Draws`."""

    @abstractmethod
    def sample(self, code_BC: Tensor, generator: torch.Generator) -> Tensor:
        """Random rows with these codes."""

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Random rows."""
        return self.sample(torch.randn(count, self.code, generator=generator), generator)

    def encode(self, x: Tensor) -> Tensor:
        """The mean code of each row, (B, C)."""
        return self.encoded(x).chunk(2, 1)[0]

    def forward(self, x: Tensor) -> Tensor:
        mean_BC, log_variance_BC = self._posterior(x)
        code_BC = mean_BC + (log_variance_BC / 2).exp() * self.noise(torch.zeros_like(mean_BC), self.key(x))
        divergence_BC = (mean_BC.square() + log_variance_BC.exp() - 1 - log_variance_BC) / 2
        return bits_and_dimensions(self.log_probability(code_BC, x) - divergence_BC.sum(1), self.dimensions)

    def divergences(self, x: Tensor) -> Tensor:
        """How far each number of the code of each row is from the prior, in nats, (B, C)."""
        mean_BC, log_variance_BC = self._posterior(x)
        return (mean_BC.square() + log_variance_BC.exp() - 1 - log_variance_BC) / 2

    def final(self, x: Tensor) -> Tensor:
        mean_BC, log_variance_BC = self._posterior(x)
        weights = []
        for noise_C in self.noise.points:
            code_BC = mean_BC + (log_variance_BC / 2).exp() * noise_C
            prior_B = -code_BC.square().sum(1) / 2
            posterior_B = -(noise_C.square() + log_variance_BC).sum(1) / 2
            weights.append(self.log_probability(code_BC, x) + prior_B - posterior_B)
        log_B = torch.logsumexp(torch.stack(weights), 0) - math.log(DRAWS)
        return bits_and_dimensions(log_B, self.dimensions)

    def _posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean_BC, log_variance_BC = self.encoded(x).chunk(2, 1)
        return mean_BC, log_variance_BC.clamp(LOWEST, HIGHEST)


class TabularVariational(Variational):
    """Of rows of a table, with dense layers of `units` in the encoder, and in reverse in the decoder.

    inputs: 2D; places: the outcomes of each column (`Outcomes`); outputs: 2, as `forward` gives.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        units: Sequence[int],
        places: Sequence[int],
        code: int,
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
    ) -> None:
        super().__init__(code)
        self.outcomes = Outcomes(places)
        self.dimensions = len(places)
        self.encoder = MLP(self.outcomes.features, 2 * code, units, dropout, activation)
        self.decoder = MLP(code, self.outcomes.outputs, units[::-1], dropout, activation)

    def encoded(self, x_BI: Tensor) -> Tensor:
        return self.encoder(self.outcomes.seen(x_BI))

    def log_probability(self, code_BC: Tensor, x_BI: Tensor) -> Tensor:
        return self.outcomes.log_probability(self.decoder(code_BC), x_BI)

    def key(self, x_BI: Tensor) -> Tensor:
        return key_of(x_BI)

    def sample(self, code_BC: Tensor, generator: torch.Generator) -> Tensor:
        """Random rows with these codes, (B, I)."""
        return self.outcomes.drawn(self.decoder(code_BC), generator)
