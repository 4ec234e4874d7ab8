"""Networks on top of layers that others have trained on ImageNet, the last of which may learn on.

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
    from src.networks.weights import Pretrained

# The head learns alone for so many epochs, so that its first, large gradients do not spoil what was learnt before; then
# the last blocks learn with it, at this share of its rate.
ALONE, RATE = 3, 0.03
# What frozen layers find in so many bytes of pictures that do not change is kept.
KEPT = 2**28


class FineTuned(Grouped):
    """Pretrained networks side by side, their features joined, normalized, and read by an `MLP` of `units`.

    weights: the file of each pretrained network, by its name. learnt: how many of its last blocks learn on. of_layers:
    what else an `MLP` can be given. Pictures come normalized as ImageNet's. Batch norms of pretrained layers keep the
    statistics that they have, and penalties are for new layers alone. Frozen layers are no part of the module's
    parameters and state.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        weights: Mapping[str, str],
        learnt: int,
        units: Sequence[int],
        augmentation: str = "none",
        **of_layers: Any,
    ) -> None:
        # Where weights are kept is no matter of the networks that do without.
        from src.networks.weights import Pretrained

        if inputs != 3:
            raise ValueError(f"pretrained networks see pictures of 3 channels, not of {inputs}")
        super().__init__()
        self.augmentation = Augmentation(augmentation)
        pretrained = [Pretrained(network=network, weights=file) for network, file in weights.items()]
        self.frozen = [_frozen(one, learnt) for one in pretrained]
        self.blocks = nn.ModuleList(_last_blocks(one, learnt) for one in pretrained)
        features = sum(one.features for one in pretrained)
        self.normalize = nn.BatchNorm1d(features, affine=False)
        self.dense = MLP(features, outputs, units, **of_layers)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        changed_BCHW = self.augmentation(x_BCHW)
        changes = self.training and self.augmentation.way != "none"
        found = [
            blocks(frozen.of_changed(changed_BCHW) if changes else frozen.of_kept(changed_BCHW)).mean((2, 3))
            for frozen, blocks in zip(self.frozen, self.blocks, strict=True)
        ]
        return self.dense(self.normalize(torch.cat(found, 1)))

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

    What they find in a picture that does not change is found once. Such pictures are looked at one by one, so that the
    bits of it do not depend on which others it was first seen with.
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
        found = self.of_changed(x_1CHW)
        size = found.numel() * found.element_size()
        if size <= self.room:
            self.room -= size
            self.kept[name] = found.cpu()
        return found


@lru_cache(maxsize=8)
def _frozen(pretrained: "Pretrained", learnt: int) -> Frozen:
    """All but the last blocks, the same for every network of this process."""
    layers = pretrained.load().features
    return Frozen(layers[: len(layers) - _entries(layers, learnt)])


def _last_blocks(pretrained: "Pretrained", learnt: int) -> nn.Module:
    """A network's own copy of the last blocks."""
    layers = pretrained.load().features
    return copy.deepcopy(layers[len(layers) - _entries(layers, learnt) :]).requires_grad_(True)


def _entries(layers: nn.Sequential, learnt: int) -> int:
    """How many of the last layers hold so many blocks; a block is what has weights."""
    entries = 0
    for layer in reversed(layers):
        if not learnt:
            break
        learnt -= any(True for _ in layer.parameters())
        entries += 1
    return entries
