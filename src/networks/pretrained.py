"""Features of pictures from a network pretrained on ImageNet. Nothing is learnt from the rows at hand.

The weights are torchvision's, in its own cache under its own names, or from a folder named by `DATA_MIRROR`.
Shapes: N pictures, B of them, F features.
"""

import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from src.core.errors import UserError
from src.core.files import atomic_file
from src.core.mirror import VARIABLE, copy_from_mirror, mirror_folder
from src.core.stored import Stored
from src.inputs.pictures import Shape, pixels_of
from src.networks.imagenet import SIDE

if TYPE_CHECKING:
    from src.networks.backbones import Backbone

log = logging.getLogger("workflow")

AT_ONCE = 32


@dataclass(frozen=True)
class Weights:
    """A file of weights: torchvision's address, whose name contains the first digits of its SHA-256, and a stand-in.

    The stand-in is a less precise file with the same layer names, which the folder named by `DATA_MIRROR` may have
    instead.
    """

    features: int
    url: str
    stand_in: str
    stand_in_sha256: str


WEIGHTS = {
    "mobilenet_v2": Weights(
        1280,
        "https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
        "mobilenet_v2_torchvision_keys_fp16.pth",
        "ced242f1856a52f80b8c6bc868fecc87a054bb27af495d041090b24753b7af2c",
    ),
    "squeezenet1_0": Weights(
        512,
        "https://download.pytorch.org/models/squeezenet1_0-b66bff10.pth",
        "squeezenet1_0_torchvision_keys_fp16.pth",
        "238c604d6669426bc8437a15cda3af5bce134cd60f1c62423b21eecf35d20743",
    ),
}


class Pretrained(Stored):
    """A network and the file with its weights."""

    network: str
    weights: str

    @classmethod
    def find(cls, network: str) -> "Pretrained":
        """The network with the first weights available: torchvision's from its cache, the mirror's, or torchvision's
        from the internet.

        Raises UserError if there are none.
        """
        file = WEIGHTS[network]
        published = file.url.rpartition("/")[2]
        stands_in = not _kept(published).exists() and (_kept(file.stand_in).exists() or _copied(file))
        pretrained = cls(network=network, weights=file.stand_in if stands_in else published)
        pretrained.load()
        return pretrained

    @property
    def features(self) -> int:
        return WEIGHTS[self.network].features

    def load(self) -> "Backbone":
        return _load(self.network, self.weights)

    def of_pictures(self, files: Sequence[bytes]) -> NDArray[np.float16]:
        """The features of pictures in files of any format, (N, F), in half precision. Raises Undecodable."""
        import torch

        backbone = self.load()
        parts = [np.empty((0, self.features), dtype=np.float16)]
        for start in range(0, len(files), AT_ONCE):
            pixels_BCHW = pixels_of(files[start : start + AT_ONCE], Shape(3, SIDE, SIDE))
            parts.append(backbone(torch.from_numpy(pixels_BCHW).float().div_(255)).numpy().astype(np.float16))
        return np.concatenate(parts)


@lru_cache(maxsize=2)
def _load(network: str, file: str) -> "Backbone":
    import torch

    from src.networks.backbones import load_backbone

    published = WEIGHTS[network]
    if file == published.stand_in:
        if not _kept(file).exists() and not _copied(published):
            raise UserError(f"{file}: the model needs these weights; put the file into a folder named by {VARIABLE}")
        return load_backbone(network, torch.load(_kept(file), map_location="cpu", weights_only=True))
    try:
        weights = torch.hub.load_state_dict_from_url(
            published.url, map_location="cpu", progress=False, check_hash=True, weights_only=True
        )
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"{published.url}: {error}\nWithout a network, put {file} into {_kept(file).parent}, "
            f"or {published.stand_in} into a folder named by {VARIABLE}"
        ) from None
    return load_backbone(network, weights)


def _kept(file: str) -> Path:
    """The place of a file in torchvision's cache."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / file


def _copied(weights: Weights) -> bool:
    """Whether the mirror has the stand-in, which is then copied into torchvision's cache."""
    mirror = mirror_folder()
    if mirror is None:
        return False
    target = _kept(weights.stand_in)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / weights.stand_in
        source, _ = copy_from_mirror(mirror, weights.stand_in, weights.stand_in_sha256, copy)
        if source is None:
            return False
        with atomic_file(target) as partial:
            shutil.copyfile(copy, partial)
    log.info("%s: from %s", weights.stand_in, source)
    return True
