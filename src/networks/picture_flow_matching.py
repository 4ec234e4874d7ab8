"""Flow matching of pictures: a small U-Net learns the velocity by which noise becomes pictures, of a class if wanted.

Sources: Lipman et al. 2023, "Flow matching for generative modeling"; Ronneberger, Fischer and Brox 2015, "U-Net";
the class as a part of each block's input: Perez et al. 2018, "FiLM". Shapes: B pictures, C channels, H height, W width,
F filters, P features of a patch, h and w patches below and beside each other, E numbers of time and class.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.networks.dropout import Dropout
from src.networks.flow_matching import waves
from src.networks.mlp import ACTIVATIONS
from src.networks.noise import Draws, key_of
from src.networks.pictures import channels_last
from src.networks.pixels import WHITE, centred

# Steps from noise to a picture, each with two evaluations of the velocity (Heun's method).
STEPS = 10
# Pictures of more rows or columns are seen as patches, so that there are at most so many of these in a row.
MOST_PATCHES = 16
# The groups of filters that are normalized together, and numbers that say the time, for each frequency two.
GROUPS, FREQUENCIES = 4, (1, 2, 4, 8)


class Block(nn.Module):
    """Two convolutions with a shortcut; time and class scale and shift what lies between them."""

    def __init__(self, inputs: int, filters: int, context: int, dropout: float, activation: str) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, filters, 3, padding=1)
        self.norm = nn.GroupNorm(min(GROUPS, filters), filters)
        self.moves = nn.Linear(context, 2 * filters)
        self.dropout = Dropout(dropout)
        self.second = nn.Conv2d(filters, filters, 3, padding=1)
        self.way_round = nn.Conv2d(inputs, filters, 1) if inputs != filters else nn.Identity()
        self.act = ACTIVATIONS[activation]()

    def forward(self, z_BFhw: Tensor, context_BE: Tensor) -> Tensor:
        scale, shift = self.moves(context_BE)[:, :, None, None].chunk(2, 1)
        inside = self.act(self.norm(self.first(z_BFhw)) * (1 + scale) + shift)
        summed: Tensor = self.way_round(z_BFhw) + self.second(self.dropout(inside))
        return self.act(summed)


class PictureFlowMatching(nn.Module):
    """Of pictures from 0 to 1, by blocks of `units` filters, each after the first at half the size.

    inputs: C, or a list of C and the inputs of a class, which comes with the picture then; size: H and W; classes: how
    many there are, 0 for none; outputs: 2. `forward` gives the sum of the squared errors of a picture's velocity at a
    random time, and the number of its pixels times channels, (B, 2). It says nothing about how likely a picture is.
    `shares` are those of the classes in the training rows, fitted with the fold.
    """

    shares: Tensor

    def __init__(
        self,
        inputs: int | list[int],
        outputs: int,
        size: Sequence[int],
        units: Sequence[int],
        classes: int = 0,
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
    ) -> None:
        super().__init__()
        channels = inputs[0] if isinstance(inputs, list) else inputs
        self.size, self.classes = (channels, *size), classes
        self.dimensions = channels * size[0] * size[1]
        self.patch = -(-max(size) // MOST_PATCHES)
        step = self.patch * 2 ** (len(units) - 1)
        self.rest = [-side % step for side in size]
        self.noise = Draws(self.dimensions + 1)
        if classes:
            self.register_buffer("shares", torch.full((classes,), 1 / classes))
        context, features = 4 * units[0], channels * self.patch**2
        self.context = nn.Sequential(nn.Linear(2 * len(FREQUENCIES) + classes, context), ACTIVATIONS[activation]())
        self.first = nn.Conv2d(features, units[0], 3, padding=1)
        options = (context, dropout, activation)
        self.down = nn.ModuleList(Block(width, width, *options) for width in units)
        self.halves = nn.ModuleList(nn.Conv2d(wide, narrow, 3, 2, 1) for wide, narrow in pairwise(units))
        self.doubles = nn.ModuleList(nn.Conv2d(narrow, wide, 1) for wide, narrow in pairwise(units))
        self.up = nn.ModuleList(Block(2 * width, width, *options) for width in units[:-1])
        self.last = nn.Conv2d(units[0], features, 3, padding=1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor | Sequence[Tensor]) -> Tensor:
        x_BCHW, class_B = (x[0], x[1][:, 0].long()) if self.classes else (x, None)
        assert isinstance(x_BCHW, Tensor)
        key_B = key_of((WHITE * x_BCHW).round())
        drawn = self.noise(torch.zeros(len(x_BCHW), self.dimensions + 1).to(x_BCHW), key_B)
        noise_BCHW, time_B1 = drawn[:, :-1].reshape(x_BCHW.shape), torch.special.ndtr(drawn[:, -1:])
        picture_BCHW, now = centred(x_BCHW), time_B1[:, :, None, None]
        velocity_BCHW = self.velocity((1 - now) * noise_BCHW + now * picture_BCHW, time_B1, class_B)
        squared_B = (velocity_BCHW - (picture_BCHW - noise_BCHW)).square().flatten(1).sum(1)
        return torch.stack([squared_B, torch.full_like(squared_B, float(self.dimensions))], 1)

    def velocity(self, z_BCHW: Tensor, time_B1: Tensor, class_B: Tensor | None = None) -> Tensor:
        """Where pictures of these classes go at that time, from 0 (noise) to 1, (B, C, H, W)."""
        seen = [waves(time_B1, FREQUENCIES)]
        if class_B is not None:
            seen.append(functional.one_hot(class_B, self.classes).to(z_BCHW.dtype))
        context_BE = self.context(torch.cat(seen, 1))
        padded_BCHW = functional.pad(z_BCHW, (0, self.rest[1], 0, self.rest[0]))
        inside = self.first(channels_last(functional.pixel_unshuffle(padded_BCHW, self.patch)))
        beside = []
        for level, block in enumerate(self.down):
            inside = block(inside, context_BE)
            if level < len(self.halves):
                beside.append(inside)
                inside = self.halves[level](inside)
        for level in reversed(range(len(self.up))):
            larger = functional.interpolate(self.doubles[level](inside), scale_factor=2)
            inside = self.up[level](torch.cat([larger, beside[level]], 1), context_BE)
        velocity_BCHW = functional.pixel_shuffle(self.last(inside), self.patch)
        return velocity_BCHW[:, :, : self.size[1], : self.size[2]]

    def draw(self, count: int, generator: torch.Generator, class_: int | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """Random pictures (count, C, H, W) from 0 to 1; with classes those, too, (count,), as often as in training.

        class_: the class of all.
        """
        class_B = None
        if self.classes:
            class_B = torch.multinomial(self.shares, count, replacement=True, generator=generator)
            class_B = class_B if class_ is None else torch.full_like(class_B, class_)
        z_BCHW, width = torch.randn(count, *self.size, generator=generator), 1 / STEPS
        for step in range(STEPS):
            now_B1, next_B1 = (torch.full((count, 1), (step + end) * width) for end in (0, 1))
            first_BCHW = self.velocity(z_BCHW, now_B1, class_B)
            second_BCHW = self.velocity(z_BCHW + width * first_BCHW, next_B1, class_B)
            z_BCHW = z_BCHW + width * (first_BCHW + second_BCHW) / 2
        x_BCHW = ((z_BCHW.clamp(-1, 1) + 1) / 2 * WHITE).round() / WHITE
        return x_BCHW if class_B is None else (x_BCHW, class_B)
