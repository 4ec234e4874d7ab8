"""Networks pretrained on ImageNet, without their last layer: pictures in, features out.

Layers have torchvision's names, so that its files of weights fit. Book: "Leveraging a pretrained model".
Shapes: B pictures, C channels, H height, W width, F features.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from src.networks.imagenet import MEAN, SCALE


class Backbone(nn.Module):
    """`layers`, then the mean of each of their F maps over the picture. All parameters are frozen."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.features: nn.Sequential = layers
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Pictures from 0 to 1 to features (B, F)."""
        mean_C11, scale_C11 = (torch.tensor(values).to(x_BCHW)[:, None, None] for values in (MEAN, SCALE))
        normalized_BCHW = ((x_BCHW - mean_C11) / scale_C11).contiguous(memory_format=torch.channels_last)
        return self.features(normalized_BCHW).mean((2, 3))


def mobilenet_v2() -> Backbone:
    """MobileNetV2, 1,280 features. Source: Sandler et al. 2018."""
    # Of each stage: the factor that widens the inputs, the outputs, the blocks, the stride of the first.
    stages = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    layers: list[nn.Module] = [_normalized(3, 32, 3, 2)]
    inputs = 32
    for widen, outputs, blocks, stride in stages:
        for block in range(blocks):
            layers.append(_InvertedResidual(inputs, outputs, stride if block == 0 else 1, widen))
            inputs = outputs
    return Backbone(nn.Sequential(*layers, _normalized(inputs, 1280, 1, 1)))


def squeezenet1_0() -> Backbone:
    """SqueezeNet 1.0, 512 features. Source: Iandola et al. 2016."""
    return Backbone(
        nn.Sequential(
            nn.Conv2d(3, 96, 7, stride=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            *(_Fire(96, 16, 64), _Fire(128, 16, 64), _Fire(128, 32, 128)),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            *(_Fire(256, 32, 128), _Fire(256, 48, 192), _Fire(384, 48, 192), _Fire(384, 64, 256)),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            _Fire(512, 64, 256),
        )
    )


BACKBONES: dict[str, Callable[[], Backbone]] = {"mobilenet_v2": mobilenet_v2, "squeezenet1_0": squeezenet1_0}


def load_backbone(name: str, weights: dict[str, Tensor]) -> Backbone:
    """A backbone with its weights, which may have any precision. Those of the last layer are left out."""
    backbone = BACKBONES[name]()
    kept = {key: value.to(backbone.state_dict()[key].dtype) for key, value in weights.items() if key.startswith("feat")}
    backbone.load_state_dict(kept)
    return backbone


def _normalized(inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU6())


class _InvertedResidual(nn.Module):
    """Widen, convolve each channel, narrow; add the input if it has the same shape."""

    def __init__(self, inputs: int, outputs: int, stride: int, widen: int) -> None:
        super().__init__()
        hidden = inputs * widen
        self.adds = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            *([_normalized(inputs, hidden, 1, 1)] if widen > 1 else []),
            _normalized(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + self.conv(x_BCHW) if self.adds else self.conv(x_BCHW)


class _Fire(nn.Module):
    """Squeeze to `few` channels, then expand to `each` by two convolutions side by side."""

    def __init__(self, inputs: int, few: int, each: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, few, 1)
        self.expand1x1 = nn.Conv2d(few, each, 1)
        self.expand3x3 = nn.Conv2d(few, each, 3, padding=1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        few_BCHW = self.squeeze(x_BCHW).relu()
        return torch.cat([self.expand1x1(few_BCHW), self.expand3x3(few_BCHW)], 1).relu()
