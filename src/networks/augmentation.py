"""Change pictures at random in training, so that a network never sees the same one twice.

Book: "Using data augmentation": small shifts, rotations and zooms, and mirror images. It applies only in training mode,
on the device, to a minibatch at a time. Shapes: B pictures, C channels, H height, W width.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.networks.dropout import OwnStream

# The largest changes of a picture. SHIFT and ZOOM are shares of its size, TURN is one of a full turn, SHEAR of a row's
# distance from the middle. CONTRAST and SATURATION are relative, BRIGHTNESS is a share of a channel's deviation.
SHIFT, ZOOM, TURN, SHEAR = 0.1, 0.1, 1 / 36, 0.2
CONTRAST, SATURATION, BRIGHTNESS = 0.2, 0.3, 0.3
WAYS = ("none", "move", "mirror", "shear", "colour")


class Augmentation(OwnStream, nn.Module):
    """How pictures change. `none`; `move`: shift, zoom and rotate; `mirror`: also flip half of them left to right;
    `shear`: move, and slant; `colour`: like `mirror`, and change contrast, saturation and brightness.

    Gaps at the border are filled with the nearest pixels. Random numbers are drawn for whole minibatches, like masks of
    dropout. Each channel of the pictures has to be normalized.
    """

    def __init__(self, way: str) -> None:
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"augmentation is {', '.join(WAYS[:-1])} or {WAYS[-1]}, not {way!r}")
        self.way = way
        self.drawn = {"none": 0, "move": 5, "mirror": 5, "shear": 6, "colour": 8}[way]

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if not self.training or self.way == "none":
            return x_BCHW
        rows = max(self.rows, len(x_BCHW))
        drawn_B = torch.rand(rows, self.drawn, generator=self.generator)[self.share][: len(x_BCHW)]
        random_B = 2 * drawn_B.to(x_BCHW) - 1
        grid = functional.affine_grid(self._maps(random_B), list(x_BCHW.shape), align_corners=False)
        moved_BCHW = functional.grid_sample(x_BCHW, grid, padding_mode="border", align_corners=False)
        return _in_other_light(moved_BCHW, random_B[:, 5:]) if self.way == "colour" else moved_BCHW

    def _maps(self, random_B: Tensor) -> Tensor:
        """For each picture the map (2, 3) from its new coordinates to its old ones, both from -1 to 1."""
        turn_B, zoom_B, right_B, down_B, mirror_B = random_B[:, :5].T
        angle_B, by_B = 2 * math.pi * TURN * turn_B, 1 + ZOOM * zoom_B
        cosine_B, sine_B = by_B * angle_B.cos(), by_B * angle_B.sin()
        sign_B = torch.where(mirror_B < 0, -1.0, 1.0) if self.way in ("mirror", "colour") else torch.ones_like(mirror_B)
        sideways_B = SHEAR * random_B[:, 5] if self.way == "shear" else torch.zeros_like(turn_B)
        rows = [
            *(sign_B * cosine_B, sideways_B * cosine_B - sine_B, 2 * SHIFT * right_B),
            *(sign_B * sine_B, sideways_B * sine_B + cosine_B, 2 * SHIFT * down_B),
        ]
        return torch.stack(rows, dim=1).view(-1, 2, 3)


def _in_other_light(x_BCHW: Tensor, random_B3: Tensor) -> Tensor:
    """Each picture with its contrast, saturation and brightness changed at random."""
    contrast_B, saturation_B, brightness_B = random_B3.T[..., None, None, None]
    grey_B1HW, mean_B111 = x_BCHW.mean(1, keepdim=True), x_BCHW.mean((1, 2, 3), keepdim=True)
    coloured_BCHW = grey_B1HW + (1 + SATURATION * saturation_B) * (x_BCHW - grey_B1HW)
    return mean_B111 + (1 + CONTRAST * contrast_B) * (coloured_BCHW - mean_B111) + BRIGHTNESS * brightness_B
