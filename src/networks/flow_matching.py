"""Flow matching: a network learns the velocity by which noise becomes rows.

Sources: Lipman et al. 2023, "Flow matching for generative modeling"; Liu, Gong and Liu 2023, "Flow straight and fast".
Shapes: B rows, I inputs, F features.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from src.inputs.places import GAP, NUMBER
from src.networks.mlp import MLP
from src.networks.noise import Draws, key_of
from src.networks.outcomes import Outcomes

# Steps from noise to a row, each with two evaluations of the velocity (Heun's method).
STEPS = 20
# Frequencies by which the network sees the time.
FREQUENCIES = (1, 2, 4)


class TabularFlowMatching(nn.Module):
    """Of rows of a table, with dense layers of `units`.

    inputs: 2D; places: the outcomes of each column (`Outcomes`); outputs: 2. `forward` gives the sum of the squared
    errors of a row's velocity at a random time, and the number of its features, (B, 2). A row is seen as standardized
    numbers, flags of missing ones, and one-hot categories. It says nothing about how likely a row is.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        units: Sequence[int],
        places: Sequence[int],
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
    ) -> None:
        super().__init__()
        self.outcomes = Outcomes(places)
        features = self.outcomes.features
        self.noise = Draws(features + 1)
        self.says = MLP(features + 2 * len(FREQUENCIES), features, units, dropout, activation)

    def forward(self, x_BI: Tensor) -> Tensor:
        row_BF = self.outcomes.seen(x_BI)
        drawn = self.noise(torch.zeros(len(x_BI), row_BF.shape[1] + 1).to(row_BF), key_of(x_BI))
        noise_BF, time_B1 = drawn[:, :-1], torch.special.ndtr(drawn[:, -1:])
        error_BF = self.velocity((1 - time_B1) * noise_BF + time_B1 * row_BF, time_B1) - (row_BF - noise_BF)
        return torch.stack([error_BF.square().sum(1), torch.full_like(error_BF[:, 0], row_BF.shape[1])], 1)

    def velocity(self, z_BF: Tensor, time_B1: Tensor) -> Tensor:
        """Where a row goes at that time, from 0 (noise) to 1, (B, F)."""
        return self.says(torch.cat([z_BF, waves(time_B1, FREQUENCIES)], 1))

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Random rows (count, I)."""
        z_BF, width = torch.randn(count, self.outcomes.features, generator=generator), 1 / STEPS
        for step in range(STEPS):
            now_B1, next_B1 = (torch.full((count, 1), (step + end) * width) for end in (0, 1))
            first_BF = self.velocity(z_BF, now_B1)
            second_BF = self.velocity(z_BF + width * first_BF, next_B1)
            z_BF = z_BF + width * (first_BF + second_BF) / 2
        return self._rows(z_BF)

    def _rows(self, z_BF: Tensor) -> Tensor:
        """The inputs (B, I) that are nearest to what the network sees of rows."""
        outcomes, numbers = self.outcomes, len(self.outcomes.numbers)
        x_BI = torch.zeros(len(z_BF), 2 * outcomes.dimensions)
        places = torch.tensor(outcomes.numbers, dtype=torch.long)
        missing_BD = z_BF[:, numbers : 2 * numbers] > 0.5
        cell_BD = (z_BF[:, :numbers] * outcomes.spread + outcomes.centre).round()
        x_BI[:, 2 * places] = torch.where(missing_BD, 0.0, cell_BD)
        x_BI[:, 2 * places + 1] = torch.where(missing_BD, float(GAP), float(NUMBER))
        start = 2 * numbers
        for d, count in outcomes.categories:
            x_BI[:, 2 * d] = z_BF[:, start : start + count].argmax(1).to(x_BI)
            x_BI[:, 2 * d + 1] = float(count)
            start += count
        return x_BI


def waves(time_B1: Tensor, frequencies: Sequence[int]) -> Tensor:
    """The time, from 0 to 1, as a sine and a cosine of each frequency, side by side."""
    angles = [torch.pi * frequency * time_B1 for frequency in frequencies]
    return torch.cat([wave(angle_B1) for angle_B1 in angles for wave in (torch.sin, torch.cos)], 1)
