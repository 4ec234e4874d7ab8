"""Networks for pictures.

Book: "Introduction to deep learning for computer vision". Shapes: B pictures, C channels, H height, W width, D numbers
of a picture, K outputs.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from src.networks.augmentation import Augmentation
from src.networks.dropout import Dropout
from src.networks.mlp import ACTIVATIONS, MLP

# The output of the convolutions is averaged to at most so many rows and columns.
LARGEST_MAP = 7


class DenseOnPictures(nn.Module):
    """An `MLP` of `units` on the flat pixels of a picture, which ignores their neighbourhood.

    inputs: C; size: H and W. options: further arguments of `MLP`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: Sequence[int],
        units: Sequence[int],
        augmentation: str = "none",
        **options: Any,
    ) -> None:
        super().__init__()
        self.augmentation = Augmentation(augmentation)
        self.layers = MLP(inputs * size[0] * size[1], outputs, units, **options)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.layers(self.augmentation(x_BCHW).flatten(1))


@dataclass(frozen=True)
class Layers:
    """How the layers of a block are made."""

    kernel: int
    normalize: bool
    activation: str

    def convolution(self, inputs: int, filters: int, kernel: int | None = None, groups: int = 1) -> nn.Module:
        width = kernel or self.kernel
        return nn.Conv2d(inputs, filters, width, padding=width // 2, groups=groups, bias=not self.normalize)

    def ending(self, filters: int, halves: bool) -> list[nn.Module]:
        """Layers after a convolution. They halve the picture before they normalize it: a quarter of the work, which on
        a CPU takes longer than the convolution."""
        return [*([nn.MaxPool2d(2)] if halves else []), *([nn.BatchNorm2d(filters)] if self.normalize else [])]


def _plain(layers: Layers, inputs: int, filters: int, halves: bool) -> Iterator[nn.Module]:
    """One convolution."""
    yield layers.convolution(inputs, filters)
    yield from layers.ending(filters, halves)


def _double(layers: Layers, inputs: int, filters: int, halves: bool) -> Iterator[nn.Module]:
    """Two convolutions, as in VGG (Simonyan and Zisserman 2015)."""
    yield from _plain(layers, inputs, filters, halves=False)
    yield ACTIVATIONS[layers.activation]()
    yield from _plain(layers, filters, filters, halves)


def _separable(layers: Layers, inputs: int, filters: int, halves: bool) -> Iterator[nn.Module]:
    """Convolve each channel separately, then mix the channels at each pixel (Chollet 2017, "Xception")."""
    yield layers.convolution(inputs, inputs, groups=inputs)
    yield layers.convolution(inputs, filters, kernel=1)
    yield from layers.ending(filters, halves)


def _residual(layers: Layers, inputs: int, filters: int, halves: bool) -> Iterator[nn.Module]:
    """Two convolutions with a shortcut (He et al. 2016)."""
    yield Sum(_in_order(_double(layers, inputs, filters, halves)), _way_round(layers, inputs, filters, halves))


def _xception(layers: Layers, inputs: int, filters: int, halves: bool) -> Iterator[nn.Module]:
    """Two separable convolutions with a shortcut (Chollet 2017, "Xception")."""
    first = [*_separable(layers, inputs, filters, halves=False), ACTIVATIONS[layers.activation]()]
    second = _separable(layers, filters, filters, halves)
    yield Sum(_in_order([*first, *second]), _way_round(layers, inputs, filters, halves))


def _inception(layers: Layers, inputs: int, filters: int, halves: bool) -> Iterator[nn.Module]:
    """Four branches side by side, with different fields of view or a maximum of pixels.

    They have the same shares of the filters (at least 4) as in GoogLeNet's first module (Szegedy et al. 2015).
    """
    activation = ACTIVATIONS[layers.activation]
    few, fewer = max(3 * filters // 8, 1), max(filters // 16, 1)
    one, five, pooled = (max(filters // share, 1) for share in (4, 8, 8))
    three = filters - one - five - pooled
    ways = [
        [layers.convolution(inputs, few, 1), activation(), layers.convolution(few, three)],
        [layers.convolution(inputs, fewer, 1), activation(), layers.convolution(fewer, five, layers.kernel + 2)],
        [nn.MaxPool2d(3, stride=1, padding=1), layers.convolution(inputs, pooled, 1)],
        [layers.convolution(inputs, one, 1)],
    ]
    yield Joined([nn.Sequential(*way) for way in ways])
    yield from layers.ending(filters, halves)


def _in_order(layers: Iterable[nn.Module]) -> nn.Module:
    return nn.Sequential(*layers)


def _way_round(layers: Layers, inputs: int, filters: int, halves: bool) -> nn.Module:
    return nn.Sequential(layers.convolution(inputs, filters, kernel=1), *layers.ending(filters, halves))


class Sum(nn.Module):
    """The sum of a branch and its shortcut."""

    def __init__(self, way: nn.Module, way_round: nn.Module) -> None:
        super().__init__()
        self.way, self.way_round = way, way_round

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.way(x_BCHW) + self.way_round(x_BCHW)


class Joined(nn.Module):
    """The channels of several branches, concatenated."""

    def __init__(self, ways: Iterable[nn.Module]) -> None:
        super().__init__()
        self.ways = nn.ModuleList(ways)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return torch.cat([way(x_BCHW) for way in self.ways], 1)


BLOCKS: dict[str, Callable[[Layers, int, int, bool], Iterator[nn.Module]]] = {
    "plain": _plain,
    "double": _double,
    "separable": _separable,
    "residual": _residual,
    "xception": _xception,
    "inception": _inception,
}


class Convnet(nn.Module):
    """Blocks of `units` filters, each halving the picture, then dropout and a linear layer.

    inputs: C; size: H and W. block: one of `BLOCKS`. kernel: the width of a filter in pixels. normalize: batch
    normalization after each convolution (Ioffe and Szegedy 2015).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: Sequence[int],
        units: Sequence[int],
        block: str = "plain",
        kernel: int = 3,
        normalize: bool = True,
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
        augmentation: str = "none",
    ) -> None:
        super().__init__()
        self.augmentation = Augmentation(augmentation)
        height, width = size
        blocks: list[nn.Module] = []
        for filters in units:
            halves = min(height, width) > 1
            blocks += [*BLOCKS[block](Layers(kernel, normalize, activation), inputs, filters, halves)]
            blocks.append(ACTIVATIONS[activation]())
            inputs = filters
            height, width = (height // 2, width // 2) if halves else (height, width)
        if max(height, width) > LARGEST_MAP:
            height, width = min(height, LARGEST_MAP), min(width, LARGEST_MAP)
            blocks.append(nn.AdaptiveAvgPool2d((height, width)))
        self.blocks = nn.Sequential(*blocks)
        self.dropout = Dropout(dropout)
        self.last = nn.Linear(inputs * height * width, outputs)
        initialize(self)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """What the filters of the last block find at each place, (B, filters, height, width)."""
        features_BCHW: Tensor = self.blocks(channels_last(self.augmentation(x_BCHW)))
        return features_BCHW

    def answer(self, features_BCHW: Tensor) -> Tensor:
        """The output that follows from these features, (B, K)."""
        return self.last(self.dropout(features_BCHW.flatten(1)))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.answer(self.features(x_BCHW))


def channels_last(x_BCHW: Tensor) -> Tensor:
    """The same pictures in a memory layout in which convolutions are twice as fast on a CPU.

    `contiguous(memory_format=torch.channels_last)` does not change pictures of one channel, whose layout counts as
    both; convolutions then use the slow one.
    """
    _, channels, height, width = x_BCHW.shape
    x_BHWC = x_BCHW.permute(0, 2, 3, 1).contiguous()
    return x_BHWC.as_strided(x_BCHW.shape, (channels * height * width, 1, width * channels, channels))


def initialize(network: nn.Module) -> None:
    """Weights uniform with variance 2 / fan-in (He et al. 2015), biases zero."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
