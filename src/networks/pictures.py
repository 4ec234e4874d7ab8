"""Networks that see pictures.

Book: "Introduction to deep learning for computer vision". Shapes: B pictures, C channels, H height, W width, D numbers
of a picture, K outputs.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from src.networks.augmentation import Augmentation
from src.networks.dropout import Dropout
from src.networks.mlp import ACTIVATIONS, MLP

# What is left of a picture after the convolutions is averaged to at most so many rows and columns.
LARGEST_MAP = 7


class DenseOnPictures(nn.Module):
    """Sees a picture as a row of numbers, whose neighbourhood means nothing to it: an `MLP` of `units`.

    inputs: C; size: H and W.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: Sequence[int],
        units: Sequence[int],
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
        augmentation: str = "none",
    ) -> None:
        super().__init__()
        self.augmentation = Augmentation(augmentation)
        self.layers = MLP(inputs * size[0] * size[1], outputs, units, dropout, activation)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.layers(self.augmentation(x_BCHW).flatten(1))


class Convnet(nn.Module):
    """Convolutions of `units` filters, each halving the picture, then dropout and a linear layer.

    inputs: C; size: H and W. kernel: pixels that a filter is wide. normalize: batch normalization after each
    convolution (Ioffe and Szegedy 2015). The picture is halved before it is normalized and activated: a quarter of the
    work, which on a CPU takes longer than the convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: Sequence[int],
        units: Sequence[int],
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
            blocks.append(nn.Conv2d(inputs, filters, kernel, padding=kernel // 2, bias=not normalize))
            if min(height, width) > 1:
                blocks.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
            blocks += [nn.BatchNorm2d(filters)] if normalize else []
            blocks.append(ACTIVATIONS[activation]())
            inputs = filters
        if max(height, width) > LARGEST_MAP:
            height, width = min(height, LARGEST_MAP), min(width, LARGEST_MAP)
            blocks.append(nn.AdaptiveAvgPool2d((height, width)))
        self.blocks = nn.Sequential(*blocks)
        self.dropout = Dropout(dropout)
        self.last = nn.Linear(inputs * height * width, outputs)
        initialize(self)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        x_BCHW = channels_last(self.augmentation(x_BCHW))
        return self.last(self.dropout(self.blocks(x_BCHW).flatten(1)))


def channels_last(x_BCHW: Tensor) -> Tensor:
    """The same pictures, laid out so that convolutions are twice as fast on a CPU.

    `contiguous(memory_format=torch.channels_last)` leaves pictures of one channel as they are, whose layout is both at
    once, and then convolutions take the slow one.
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
