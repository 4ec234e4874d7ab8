"""Weights of pretrained networks for the tests: drawn at random, found in a mirror."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from src.core.mirror import VARIABLE
from src.networks import pretrained
from src.networks.backbones import BACKBONES
from src.networks.pretrained import WEIGHTS


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A mirror with a file of weights for each network, and an empty folder where torchvision keeps its own."""
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mirror"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    pretrained._load.cache_clear()
    torch.manual_seed(0)
    files = {}
    for network, of in WEIGHTS.items():
        file = files[network] = tmp_path / "mirror" / f"{network}-{tmp_path.name}.pth"
        torch.save({name: value.half() for name, value in BACKBONES[network]().state_dict().items()}, file)
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        monkeypatch.setitem(WEIGHTS, network, replace(of, stand_in=file.name, stand_in_sha256=sha256))
    return files
