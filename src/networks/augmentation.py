"""Pictures changed at random while a network learns, so that it never sees the same one twice.

Book: "Using data augmentation": small shifts, rotations and zooms, and mirror images. Only in training mode, on the
device, a minibatch at a time. Shapes: B pictures, C channels, H height, W width.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.networks.dropout import OwnStream

# How far a picture is changed at most: shares of its size, of its size, and of a full turn.
SHIFT, ZOOM, TURN = 0.1, 0.1, 1 / 36


class Augmentation(OwnStream, nn.Module):
    """How pictures change: `none`; `move`: shift, zoom and rotation; `mirror`: also left and right exchanged for half.

    Gaps at the border are filled with the nearest pixels. A minibatch is drawn whole, as masks of dropout are.
    """

    def __init__(self, way: str) -> None:
        super().__init__()
        if way not in ("none", "move", "mirror"):
            raise ValueError(f"augmentation is none, move or mirror, not {way!r}")
        self.way = way

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if not self.training or self.way == "none":
            return x_BCHW
        rows = max(self.rows, len(x_BCHW))
        uniform_B5 = torch.rand(rows, 5, generator=self.generator)[self.own][: len(x_BCHW)]
        grid = functional.affine_grid(self._maps(uniform_B5).to(x_BCHW), list(x_BCHW.shape), align_corners=False)
        return functional.grid_sample(x_BCHW, grid, padding_mode="border", align_corners=False)

    def _maps(self, uniform_B5: Tensor) -> Tensor:
        """For each picture the map (2, 3) from its new coordinates to its old ones, both from -1 to 1."""
        turn_B, zoom_B, right_B, down_B, mirror_B = (2 * uniform_B5 - 1).T
        angle_B, by_B = 2 * math.pi * TURN * turn_B, 1 + ZOOM * zoom_B
        cosine_B, sine_B = by_B * angle_B.cos(), by_B * angle_B.sin()
        sign_B = torch.where(mirror_B < 0, -1.0, 1.0) if self.way == "mirror" else torch.ones_like(mirror_B)
        rows = [sign_B * cosine_B, -sine_B, 2 * SHIFT * right_B, sign_B * sine_B, cosine_B, 2 * SHIFT * down_B]
        return torch.stack(rows, dim=1).view(-1, 2, 3)
