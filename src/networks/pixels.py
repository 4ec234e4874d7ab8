"""Networks that give pictures a probability, pixel by pixel.

Sources: van den Oord, Kalchbrenner and Kavukcuoglu 2016, "Pixel recurrent neural networks" (masked convolutions);
Salimans et al. 2017, "PixelCNN++" (logistic mixtures); Gulrajani et al. 2017, "PixelVAE" (a code besides).
Shapes: B pictures, C channels, H height, W width, R components, O outputs of a pixel, F filters.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.networks.dropout import Dropout
from src.networks.mlp import ACTIVATIONS
from src.networks.noise import key_of
from src.networks.outcomes import NARROWEST, bits_and_dimensions, drawn_logistic
from src.networks.variational import Variational

# The largest level of a byte, half the distance of two levels where they lie from -1 to 1, and logistic components.
WHITE, HALF, COMPONENTS = 255, 1 / 255, 4


class MaskedConvolution(nn.Conv2d):
    """A convolution that sees only pixels before the middle one, in reading order; `itself`: and the middle one."""

    mask: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, itself: bool) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        mask = torch.ones(kernel, kernel)
        mask[kernel // 2, kernel // 2 + itself :] = 0
        mask[kernel // 2 + 1 :] = 0
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return functional.conv2d(x_BCHW, self.weight * self.mask, self.bias, padding=self.padding)


def centred(x_BCHW: Tensor) -> Tensor:
    """Pixels from 0 to 1 as numbers from -1 to 1."""
    return 2 * x_BCHW - 1


def log_levels(outputs_BOHW: Tensor, x_BCHW: Tensor) -> Tensor:
    """The logarithm of the probability of each picture, (B,), given mixtures of logistic distributions of each pixel.

    A level has what lies between its edges, black all below and white all above, so that 256 levels sum to one.
    """
    channels = x_BCHW.shape[1]
    outputs = outputs_BOHW.unflatten(1, (channels, 3 * COMPONENTS)).movedim(2, -1)
    weight, middle, scale = outputs.unflatten(-1, (3, -1)).unbind(-2)
    log_scale = scale.clamp(min=NARROWEST)
    z = centred(x_BCHW).unsqueeze(-1)
    away, reach = (z - middle) * (-log_scale).exp(), HALF * (-log_scale).exp()
    below, above = functional.logsigmoid(away + reach), functional.logsigmoid(reach - away)
    inside = below + above + torch.log(-torch.expm1(-2 * reach).clamp(max=-1e-30))
    level = (WHITE * x_BCHW).round().unsqueeze(-1)
    log_each = torch.where(level == 0, below, torch.where(level == WHITE, above, inside))
    return torch.logsumexp(weight.log_softmax(-1) + log_each, -1).flatten(1).sum(1)


def drawn_levels(outputs_BO: Tensor, channels: int, generator: torch.Generator) -> Tensor:
    """A random pixel (B, C), from 0 to 1, for the outputs of one pixel."""
    z_BC = drawn_logistic(outputs_BO.unflatten(1, (channels, 3 * COMPONENTS)), generator)
    return ((z_BC.clamp(-1, 1) + 1) / 2 * WHITE).round() / WHITE


class PixelCNN(nn.Module):
    """Masked convolutions: each pixel given all before it. units: the filters of each layer; inputs: C; size: H and W.

    `forward` gives each picture's bits and its pixels times channels, (B, 2). The channels of a pixel are independent,
    given the pixels before it.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: Sequence[int],
        units: Sequence[int],
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
    ) -> None:
        super().__init__()
        self.dimensions, self.size = inputs * size[0] * size[1], (inputs, *size)
        self.reach = 3 + len(units) - 1  # pixels, in rows and columns
        act = ACTIVATIONS[activation]
        self.layers = nn.Sequential(MaskedConvolution(inputs, units[0], 7, itself=False), act())
        for before, filters in pairwise(units):
            self.layers += nn.Sequential(MaskedConvolution(before, filters, 3, itself=True), act())
        self.layers += nn.Sequential(
            Dropout(dropout),
            nn.Conv2d(units[-1], 2 * units[-1], 1),
            act(),
            nn.Conv2d(2 * units[-1], 3 * COMPONENTS * inputs, 1),
        )
        spread_out(self.layers[-1], inputs)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return bits_and_dimensions(log_levels(self.layers(centred(x_BCHW)), x_BCHW), self.dimensions)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Random pictures (count, C, H, W), pixel by pixel."""
        x_BCHW = torch.zeros(count, *self.size)
        for row in range(self.size[1]):
            first = max(row - self.reach, 0)
            for column in range(self.size[2]):
                left = max(column - self.reach, 0)
                seen_BCHW = x_BCHW[:, :, first : row + 1, left : column + self.reach + 1]
                outputs_BO = self.layers(centred(seen_BCHW))[:, :, -1, column - left]
                x_BCHW[:, :, row, column] = drawn_levels(outputs_BO, self.size[0], generator)
        return x_BCHW


class PictureVariational(Variational):
    """Convolutions that halve the picture, a normal code, and convolutions that double it again.

    The decoder gives each pixel a mixture of logistic distributions. It sees the code, and the neighbours of the pixel
    that the shallow model sees: those to the left and above. units: filters; inputs: C; size: H and W; outputs: 2.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: Sequence[int],
        units: Sequence[int],
        code: int,
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
    ) -> None:
        super().__init__(code)
        self.dimensions, self.size = inputs * size[0] * size[1], (inputs, *size)
        act, sizes = ACTIVATIONS[activation], [tuple(size)]
        for _ in units:
            sizes.append(tuple(-(-side // 2) for side in sizes[-1]))
        numbers = units[-1] * sizes[-1][0] * sizes[-1][1]
        self.encoder = nn.Sequential()
        for before, filters in zip([inputs, *units], units, strict=False):
            self.encoder += nn.Sequential(nn.Conv2d(before, filters, 3, stride=2, padding=1), act())
        self.encoder += nn.Sequential(nn.Flatten(), Dropout(dropout), nn.Linear(numbers, 2 * code))
        self.decoder = nn.Sequential(
            nn.Linear(code, numbers), act(), Dropout(dropout), nn.Unflatten(1, (units[-1], *sizes[-1]))
        )
        widths = [*units[::-1], units[0]]
        for place, side in enumerate(sizes[-2::-1]):
            self.decoder += nn.Sequential(
                nn.Upsample(side), nn.Conv2d(widths[place], widths[place + 1], 3, padding=1), act()
            )
        self.neighbours = nn.Sequential(MaskedConvolution(inputs, 2 * units[0], 3, itself=False), act())
        self.pixels = nn.Sequential(
            nn.Conv2d(3 * units[0], 2 * units[0], 1), act(), nn.Conv2d(2 * units[0], 3 * COMPONENTS * inputs, 1)
        )
        spread_out(self.pixels[-1], inputs)

    def encoded(self, x_BCHW: Tensor) -> Tensor:
        moments_B: Tensor = self.encoder(centred(x_BCHW))
        return moments_B

    def log_probability(self, code_BC: Tensor, x_BCHW: Tensor) -> Tensor:
        return log_levels(self._outputs(self.decoder(code_BC), x_BCHW), x_BCHW)

    def key(self, x_BCHW: Tensor) -> Tensor:
        return key_of((WHITE * x_BCHW).round())

    def sample(self, code_BC: Tensor, generator: torch.Generator) -> Tensor:
        """Random pictures (B, C, H, W) with these codes, pixel by pixel."""
        decoded_BFHW = self.decoder(code_BC)
        x_BCHW = torch.zeros(len(code_BC), *self.size).to(code_BC)
        for row in range(self.size[1]):
            rows = slice(max(row - 1, 0), row + 1)
            for column in range(self.size[2]):
                columns = slice(max(column - 1, 0), column + 2)
                outputs = self._outputs(decoded_BFHW[:, :, rows, columns], x_BCHW[:, :, rows, columns])
                pixel_BO = outputs[:, :, -1, column - columns.start]
                x_BCHW[:, :, row, column] = drawn_levels(pixel_BO, self.size[0], generator)
        return x_BCHW

    def _outputs(self, decoded_BFHW: Tensor, x_BCHW: Tensor) -> Tensor:
        outputs: Tensor = self.pixels(torch.cat([decoded_BFHW, self.neighbours(centred(x_BCHW))], 1))
        return outputs


def spread_out(layer: nn.Module, channels: int) -> None:
    """Let the components of each pixel's mixture start in different places, from black to white, and narrower."""
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    with torch.no_grad():
        bias = layer.bias.view(channels, 3, COMPONENTS)
        bias[:, 1] = torch.linspace(-1, 1, COMPONENTS)
        bias[:, 2] = math.log(0.2)
