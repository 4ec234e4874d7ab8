"""Flows: rows as numbers that layers with an exact inverse map to independent ones.

Sources: Dinh, Krueger and Bengio 2015, "NICE"; Dinh, Sohl-Dickstein and Bengio 2017, "Density estimation using Real
NVP"; discrete values by uniform noise: Theis, van den Oord and Bethge 2016, "A note on the evaluation of generative
models". Shapes: B rows, I inputs, D dimensions, C channels, H height, W width.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.inputs.places import GAP, NUMBER
from src.networks.mlp import MLP
from src.networks.noise import DRAWS, Draws, key_of
from src.networks.outcomes import bits_and_dimensions
from src.networks.pixels import WHITE

# A coupling changes the logarithm of a scale by at most this much.
STEEPEST = 2.0
HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class Coupling(nn.Module):
    """Half of the numbers of a row are moved, with `scales` also stretched, by what the other half says.

    forward gives the new row and the logarithm of the volume by which it is stretched; inverse gives the row back.
    The last layer starts at zero, so that a coupling changes nothing at first.
    """

    seen: Tensor
    moved: Tensor

    def __init__(self, order_D: Tensor, units: Sequence[int], scales: bool, dropout: float, activation: str) -> None:
        super().__init__()
        half = len(order_D) // 2
        self.register_buffer("seen", order_D[:half], persistent=False)
        self.register_buffer("moved", order_D[half:], persistent=False)
        moved = len(order_D) - half
        self.scales = scales
        self.says = MLP(half, (1 + scales) * moved, units, dropout, activation)  # type: ignore[arg-type]
        last = self.says.layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)

    def forward(self, z_BD: Tensor) -> tuple[Tensor, Tensor]:
        shift, log_scale = self._said(z_BD)
        changed = z_BD[:, self.moved] * log_scale.exp() + shift
        return self._with(z_BD, changed), log_scale.sum(1)

    def inverse(self, z_BD: Tensor) -> Tensor:
        shift, log_scale = self._said(z_BD)
        return self._with(z_BD, (z_BD[:, self.moved] - shift) * (-log_scale).exp())

    def _said(self, z_BD: Tensor) -> tuple[Tensor, Tensor]:
        output_BO = self.says(z_BD[:, self.seen])
        if not self.scales:
            return output_BO, torch.zeros_like(output_BO)
        shift, raw = output_BO.chunk(2, 1)
        return shift, STEEPEST * torch.tanh(raw / STEEPEST)

    def _with(self, z_BD: Tensor, changed: Tensor) -> Tensor:
        parts = torch.cat([z_BD[:, self.seen], changed], 1)
        return parts[:, torch.argsort(torch.cat([self.seen, self.moved]))]


class Flow(nn.Module):
    """Couplings from numbers near their spread in the training rows to independent ones.

    Values become continuous by uniform noise in their cell. The density of what comes out is then a bound: on average
    the bits are never fewer than the exact ones. `forward` gives bits and dimensions (B, 2) by one draw of the noise,
    `final` by the mean probability of `DRAWS`. family: `nice` has couplings that only move, then one scale for each
    dimension, and logistic numbers at the end. `realnvp` has couplings that also stretch, and normal numbers.
    """

    def __init__(
        self,
        dimensions: int,
        units: Sequence[int],
        couplings: int,
        family: Literal["nice", "realnvp"],
        dropout: float,
        activation: str,
    ) -> None:
        super().__init__()
        self.dimensions, self.family = dimensions, family
        self.noise = Draws(dimensions, uniform=True)
        generator = torch.Generator().manual_seed(0)
        layers, order_D = [], torch.arange(dimensions)
        for place in range(couplings):
            # Of two couplings with one order, each moves what the other one sees.
            order_D = order_D.flip(0) if place % 2 else torch.randperm(dimensions, generator=generator)
            layers.append(Coupling(order_D, units, family == "realnvp", dropout, activation))
        self.couplings = nn.ModuleList(layers)
        self.log_scale = nn.Parameter(torch.zeros(dimensions))

    @abstractmethod
    def dequantized(self, x: Tensor, uniform_BD: Tensor) -> tuple[Tensor, Tensor]:
        """Standardized continuous numbers (B, D), and what the logarithm of a row's probability has besides their
        density, (B,)."""

    def forward(self, x: Tensor) -> Tensor:
        like_BD = torch.zeros(len(x), self.dimensions, dtype=x.dtype, device=x.device)
        return bits_and_dimensions(self._log_probability(x, self.noise(like_BD, self.key(x))), self.dimensions)

    def final(self, x: Tensor) -> Tensor:
        each = [self._log_probability(x, uniform_D.expand(len(x), -1)) for uniform_D in self.noise.points]
        return bits_and_dimensions(torch.logsumexp(torch.stack(each), 0) - math.log(DRAWS), self.dimensions)

    @abstractmethod
    def key(self, x: Tensor) -> Tensor:
        """A whole number for each row, see `Draws`."""

    @abstractmethod
    def rows(self, z_BD: Tensor) -> Tensor:
        """The rows in whose cells standardized numbers lie; none of them has a gap."""

    def encode(self, x: Tensor) -> Tensor:
        """The independent numbers that the middle of each row's cells goes to, (B, D)."""
        z_BD, _ = self.dequantized(x, torch.full((len(x), self.dimensions), 0.5, dtype=x.dtype, device=x.device))
        return self.through(z_BD)[0]

    def sample(self, code_BD: Tensor, generator: torch.Generator) -> Tensor:
        """The rows that these independent numbers come from; nothing is left to chance."""
        return self.rows(self.back(code_BD))

    def log_density(self, z_BD: Tensor) -> Tensor:
        """That of standardized numbers, (B,)."""
        end_BD, volume_B = self.through(z_BD)
        if self.family == "nice":
            base_BD = functional.logsigmoid(end_BD) + functional.logsigmoid(-end_BD)
        else:
            base_BD = -end_BD.square() / 2 - HALF_LOG_TWO_PI
        return base_BD.sum(1) + volume_B

    def through(self, z_BD: Tensor) -> tuple[Tensor, Tensor]:
        """Independent numbers (B, D), and the logarithm of the volume by which the layers stretch a row, (B,)."""
        volume_B = self.log_scale.sum().expand(len(z_BD))
        for coupling in self.couplings:
            z_BD, stretched_B = coupling(z_BD)
            volume_B = volume_B + stretched_B
        return z_BD * self.log_scale.exp(), volume_B

    def back(self, end_BD: Tensor) -> Tensor:
        """The standardized numbers that independent ones come from."""
        z_BD = end_BD * (-self.log_scale).exp()
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, Coupling)
            z_BD = coupling.inverse(z_BD)
        return z_BD

    def drawn(self, count: int, generator: torch.Generator) -> Tensor:
        """Random standardized numbers (count, D)."""
        if self.family == "realnvp":
            return self.back(torch.randn(count, self.dimensions, generator=generator))
        uniform = torch.rand(count, self.dimensions, generator=generator).clamp(1e-6, 1 - 1e-6)
        return self.back(uniform.logit())

    def _log_probability(self, x: Tensor, uniform_BD: Tensor) -> Tensor:
        z_BD, besides_B = self.dequantized(x, uniform_BD)
        return self.log_density(z_BD) + besides_B


class TabularFlow(Flow):
    """A flow of the rows of a table. places: as of `src.networks.outcomes.Outcomes`; inputs: 2D; outputs: 2.

    A category is a number from its place to the next. A missing number is drawn from a normal distribution, whose
    density is divided out; that it is missing has a probability of its own in each column.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        units: Sequence[int],
        places: Sequence[int],
        couplings: int,
        family: Literal["nice", "realnvp"],
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
    ) -> None:
        super().__init__(len(places), units, couplings, family, dropout, activation)
        self.outcomes = Spread(places)
        self.missing = nn.Parameter(torch.full((len(places),), -3.0))

    def dequantized(self, x_BI: Tensor, uniform_BD: Tensor) -> tuple[Tensor, Tensor]:
        place_BD, outcomes_BD = x_BI[:, 0::2], x_BI[:, 1::2]
        missing_BD = outcomes_BD == GAP
        known_BD = self.outcomes.standardized(place_BD + uniform_BD - 0.5)
        fill_BD = torch.special.ndtri(uniform_BD)
        filled_BD = fill_BD.square() / 2 + HALF_LOG_TWO_PI
        volume_BD = torch.where(missing_BD, filled_BD, -self.outcomes.log_spread)
        flags_BD = torch.where(missing_BD, functional.logsigmoid(self.missing), functional.logsigmoid(-self.missing))
        flags_BD = torch.where(outcomes_BD <= GAP, flags_BD, torch.zeros_like(flags_BD))
        return torch.where(missing_BD, fill_BD, known_BD), (volume_BD + flags_BD).sum(1)

    def key(self, x_BI: Tensor) -> Tensor:
        return key_of(x_BI)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Random rows (count, I)."""
        z_BD = self.drawn(count, generator)
        missing_BD = torch.rand(z_BD.shape, generator=generator) < self.missing.sigmoid()
        return self.outcomes.rows(z_BD, missing_BD)

    def rows(self, z_BD: Tensor) -> Tensor:
        return self.outcomes.rows(z_BD, torch.zeros_like(z_BD, dtype=torch.bool))


class Spread(nn.Module):
    """Where each column lies: numbers by their mean and standard deviation in the training rows (`Kind.constants`),
    categories by those of equally frequent ones."""

    centre: Tensor
    spread: Tensor

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__()
        self.numbers = [d for d, count in enumerate(places) if count == NUMBER]
        self.places = list(places)
        self.register_buffer("centre", torch.zeros(len(self.numbers)))
        self.register_buffer("spread", torch.ones(len(self.numbers)))
        of_categories = [((count - 1) / 2, max((count**2 - 1) / 12, 0.25) ** 0.5) for count in places]
        self.register_buffer("of_categories", torch.tensor(of_categories), persistent=False)

    def _both(self) -> tuple[Tensor, Tensor]:
        centre_D, spread_D = (part.clone() for part in self.of_categories.T)  # type: ignore[union-attr]
        return centre_D.index_copy(0, self._index, self.centre), spread_D.index_copy(0, self._index, self.spread)

    @property
    def _index(self) -> Tensor:
        return torch.tensor(self.numbers, dtype=torch.long, device=self.centre.device)

    @property
    def log_spread(self) -> Tensor:
        return self._both()[1].log()

    def standardized(self, x_BD: Tensor) -> Tensor:
        centre_D, spread_D = self._both()
        return (x_BD - centre_D) / spread_D

    def rows(self, z_BD: Tensor, missing_BD: Tensor) -> Tensor:
        """The inputs (B, 2D) that standardized numbers lie in the cells of."""
        centre_D, spread_D = self._both()
        x_BI = torch.zeros(len(z_BD), 2 * len(self.places))
        cell_BD = (z_BD * spread_D + centre_D).round()
        for d, count in enumerate(self.places):
            missing_B = missing_BD[:, d] & (count == NUMBER)
            cell_B = cell_BD[:, d] if count == NUMBER else cell_BD[:, d].clamp(0, count - 1)
            x_BI[:, 2 * d] = torch.where(missing_B, 0.0, cell_B)
            x_BI[:, 2 * d + 1] = missing_B.float() if count == NUMBER else float(count)
        return x_BI


class PictureFlow(Flow):
    """A flow of the flat pixels of pictures. inputs: C; size: H and W; outputs: 2.

    Each pixel is standardized by its mean and standard deviation in the training pictures (`Kind.constants`).
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: Sequence[int],
        units: Sequence[int],
        couplings: int,
        family: Literal["nice", "realnvp"],
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
    ) -> None:
        dimensions = inputs * size[0] * size[1]
        super().__init__(dimensions, units, couplings, family, dropout, activation)
        self.size = (inputs, *size)
        self.register_buffer("centre", torch.zeros(dimensions))
        self.register_buffer("spread", torch.ones(dimensions))

    def dequantized(self, x_BCHW: Tensor, uniform_BD: Tensor) -> tuple[Tensor, Tensor]:
        level_BD = (WHITE * x_BCHW.flatten(1)).round() + uniform_BD - 0.5
        return (level_BD - self.centre) / self.spread, -self.spread.log().sum().expand(len(level_BD))

    def key(self, x_BCHW: Tensor) -> Tensor:
        return key_of((WHITE * x_BCHW).round())

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Random pictures (count, C, H, W), from 0 to 1."""
        return self.rows(self.drawn(count, generator))

    def rows(self, z_BD: Tensor) -> Tensor:
        level_BD = (z_BD * self.spread + self.centre).round().clamp(0, WHITE)
        return (level_BD / WHITE).view(len(z_BD), *self.size)
