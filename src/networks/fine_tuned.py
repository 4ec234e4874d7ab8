"""Networks on top of layers pretrained on ImageNet, the last of which may be fine-tuned.

Book: "Leveraging a pretrained model": feature extraction with data augmentation, then fine-tuning. Shapes: B pictures,
C channels, H height, W width, F features, K outputs.
"""

import copy
import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from src.networks.augmentation import Augmentation
from src.networks.mlp import MLP
from src.networks.parameter_groups import Grouped, ParameterGroup

if TYPE_CHECKING:
    from src.networks.pretrained import Pretrained

# For the first epochs only the head learns, so that its large initial gradients do not spoil the pretrained weights.
# Then the last blocks learn with it, at this share of its rate.
ALONE, RATE = 3, 0.03
# Bytes of the cache for features that frozen layers give for unchanged pictures.
KEPT = 2**28


class FineTuned(Grouped):
    """Pretrained networks side by side, their features joined, normalized, and read by an `MLP` of `units`.

    weights: the file of each pretrained network, by its name. learnt: the number of its last blocks that are
    fine-tuned. options: further arguments of `MLP`. Pictures have to be normalized like ImageNet's. Batch norms of
    pretrained layers keep their statistics, and penalties apply to new layers only. Frozen layers are not part of the
    module's parameters and state.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        weights: Mapping[str, str],
        learnt: int,
        units: Sequence[int],
        augmentation: str = "none",
        **options: Any,
    ) -> None:
        # Other networks do not depend on the place of the weights.
        from src.networks.pretrained import Pretrained

        if inputs != 3:
            raise ValueError(f"pretrained networks need pictures with 3 channels, not {inputs}")
        super().__init__()
        self.augmentation = Augmentation(augmentation)
        pretrained = [Pretrained(network=name, weights=file) for name, file in weights.items()]
        self.frozen = [_frozen(network, learnt) for network in pretrained]
        self.blocks = nn.ModuleList(_last_blocks(network, learnt) for network in pretrained)
        features = sum(network.features for network in pretrained)
        self.normalize = nn.BatchNorm1d(features, affine=False)
        self.dense = MLP(features, outputs, units, **options)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        changed_BCHW = self.augmentation(x_BCHW)
        changes = self.training and self.augmentation.way != "none"
        features = [
            blocks(frozen.of_changed(changed_BCHW) if changes else frozen.of_kept(changed_BCHW)).mean((2, 3))
            for frozen, blocks in zip(self.frozen, self.blocks, strict=True)
        ]
        return self.dense(self.normalize(torch.cat(features, 1)))

    def train(self, mode: bool = True) -> "FineTuned":
        super().train(mode)
        self.blocks.eval()
        return self

    @property
    def apart(self) -> list[ParameterGroup]:
        learnt = list(self.blocks.parameters())
        return [ParameterGroup(learnt, rate=RATE, after=ALONE, penalized=False)] if learnt else []


class Frozen:
    """Layers that do not learn.

    The features of a picture that does not change are computed once. Such pictures are processed one at a time, so that
    no bit of the result depends on the other pictures of a minibatch.
    """

    def __init__(self, layers: nn.Module) -> None:
        self.layers = layers
        self.kept: dict[bytes, Tensor] = {}
        self.room = KEPT

    @torch.no_grad()
    def of_changed(self, x_BCHW: Tensor) -> Tensor:
        return self.layers.to(x_BCHW)(x_BCHW.contiguous(memory_format=torch.channels_last))

    def of_kept(self, x_BCHW: Tensor) -> Tensor:
        return torch.cat([self._of_one(x_1CHW) for x_1CHW in x_BCHW.split(1)])

    def _of_one(self, x_1CHW: Tensor) -> Tensor:
        name = hashlib.blake2b(x_1CHW.cpu().numpy().tobytes(), digest_size=16).digest()
        if name in self.kept:
            return self.kept[name].to(x_1CHW)
        features = self.of_changed(x_1CHW)
        size = features.numel() * features.element_size()
        if size <= self.room:
            self.room -= size
            self.kept[name] = features.cpu()
        return features


@lru_cache(maxsize=8)
def _frozen(pretrained: "Pretrained", learnt: int) -> Frozen:
    """All but the last blocks, shared by every network of this process."""
    layers = pretrained.load().features
    return Frozen(layers[: len(layers) - _entries(layers, learnt)])


def _last_blocks(pretrained: "Pretrained", learnt: int) -> nn.Module:
    """A new copy of the last blocks."""
    layers = pretrained.load().features
    return copy.deepcopy(layers[len(layers) - _entries(layers, learnt) :]).requires_grad_(True)


def _entries(layers: nn.Sequential, learnt: int) -> int:
    """How many of the last layers contain `learnt` blocks; a block is a layer with weights."""
    entries = 0
    for layer in reversed(layers):
        if not learnt:
            break
        learnt -= any(True for _ in layer.parameters())
        entries += 1
    return entries
