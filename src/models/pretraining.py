"""What a network can learn from rows without a target: to rebuild them, to tell them apart, or to say much of them.

Shapes: B rows, D numbers of a row, K outputs; C, H, W: channels, height and width of pictures or of features.
"""

from abc import abstractmethod
from collections.abc import Callable

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from src.networks.augmentation import Augmentation
from src.networks.pictures import Convnet

# The share of the inputs that is blanked out, or comes from other rows.
BLANKED, EXCHANGED = 0.5, 0.4
# What rows are told apart by: so many numbers, whose cosines are divided by the temperature.
PROJECTED, TEMPERATURE = 64, 0.2
LEARNING_RATE = 1e-3

# The network with so many outputs.
Build = Callable[[int], nn.Module]


class Pretraining(LightningModule):
    """A network that learns from inputs alone; only its layers before the last are of use afterwards."""

    network: nn.Module
    ended: Callable[[int], None] = staticmethod(lambda epochs: None)  # is told the number of epochs after each

    @abstractmethod
    def loss(self, x: Tensor) -> Tensor:
        """The mean loss of a minibatch (B, ...)."""

    def training_step(self, x: Tensor, batch_idx: int) -> Tensor:
        return self.loss(x)

    def on_train_epoch_end(self) -> None:
        self.ended(self.current_epoch + 1)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), LEARNING_RATE)


class Rebuilding(Pretraining):
    """Rebuild every row from what is left of it when a share of its numbers is blanked out.

    Source: Vincent et al. 2010, "Stacked denoising autoencoders".
    """

    def __init__(self, build: Build, size: torch.Size, blanked: float) -> None:
        super().__init__()
        self.network, self.blanked = build(size.numel()), blanked

    def loss(self, x: Tensor) -> Tensor:
        kept = torch.rand(x.shape, device=x.device) >= self.blanked
        return functional.mse_loss(self.network(x * kept), x.flatten(1))


class Contrasting(Pretraining):
    """Tell two views of one row from those of all other rows in the minibatch.

    Views of a picture are moved, mirrored and slanted; those of other rows have numbers of other rows. Sources: Chen et
    al. 2020, "A simple framework for contrastive learning of visual representations" (loss and projection); Bahri et
    al. 2022, "SCARF: Self-supervised contrastive learning using random feature corruption" (views of tables).
    """

    def __init__(self, build: Build, size: torch.Size) -> None:
        super().__init__()
        self.network = build(PROJECTED)
        self.project = nn.Sequential(nn.ReLU(), nn.Linear(PROJECTED, PROJECTED))
        pictured = nn.Sequential(Augmentation("colour" if size[0] == 3 else "mirror"), Augmentation("shear"))
        self.view = pictured if len(size) == 3 else exchanged

    def loss(self, x: Tensor) -> Tensor:
        views = torch.cat([self.view(x), self.view(x)])
        return contrast(functional.normalize(self.project(self.network(views))))


def exchanged(x_BD: Tensor) -> Tensor:
    """Rows in which a share of the numbers is that of other rows, each drawn independently."""
    other_BD = torch.randint(len(x_BD), x_BD.shape, device=x_BD.device)
    kept_BD = torch.rand(x_BD.shape, device=x_BD.device) >= EXCHANGED
    return torch.where(kept_BD, x_BD, x_BD.gather(0, other_BD))


def contrast(z_BK: Tensor) -> Tensor:
    """The cross-entropy of finding each row's other view, B / 2 rows away, among all B - 1 others by its cosine."""
    half = len(z_BK) // 2
    logits_BB = (z_BK @ z_BK.T / TEMPERATURE).fill_diagonal_(-torch.inf)
    return functional.cross_entropy(logits_BB, torch.arange(2 * half, device=z_BK.device).roll(half))


class Informing(Pretraining):
    """Say as much as possible of a row: the mutual information of the output with what it was made from.

    Global: with the whole row, or of pictures with all that the last block finds. Local, where a network has blocks of
    convolutions: with what the last block finds at each place, a mean over the places. Both count alike. A pair is
    scored by the product of two projections. Of the source's three terms the one is left out that makes outputs follow
    a prior. Source: Hjelm et al. 2019, "Learning deep representations by mutual information estimation and
    maximization" (Deep InfoMax), section 3 and the encode-and-dot-product architecture of its appendix.
    """

    def __init__(self, build: Build, size: torch.Size) -> None:
        super().__init__()
        self.network = build(PROJECTED)
        self.summary = nn.Sequential(nn.ReLU(), nn.Linear(PROJECTED, PROJECTED))
        self.places: nn.Module | None = None
        if isinstance(self.network, Convnet):
            with torch.no_grad():
                size = self.network.eval().features(torch.zeros(1, *size)).shape[1:]
            self.network.train()
            self.places = nn.Conv2d(size[0], PROJECTED, 1)
        self.whole = nn.Sequential(
            nn.Flatten(), nn.Linear(size.numel(), PROJECTED), nn.ReLU(), nn.Linear(PROJECTED, PROJECTED)
        )

    def loss(self, x: Tensor) -> Tensor:
        if self.places is None:
            return -information(self.whole(x), self.summary(self.network(x)))
        assert isinstance(self.network, Convnet)
        features_BCHW = self.network.features(x)
        summary_BK = self.summary(self.network.answer(features_BCHW))
        place_PBK = self.places(features_BCHW).flatten(2).permute(2, 0, 1)
        return -information(self.whole(features_BCHW), summary_BK) - information(place_PBK, summary_BK)


def information(x: Tensor, y_BK: Tensor) -> Tensor:
    """How well the products of x (..., B, K) and y tell pairs of one row from pairs of two rows, averaged.

    It is the Jensen-Shannon estimate of the mutual information up to a constant: 0 if all pairs are told for sure, and
    -2 log 2 if all products are 0. Sources: Nowozin, Cseke and Tomioka 2016, "f-GAN"; equation 4 of Hjelm et al. 2019.
    """
    score = x @ y_BK.T
    rows = len(y_BK)
    same = torch.eye(rows, dtype=torch.bool, device=score.device)
    others = functional.softplus(score).masked_fill(same, 0).sum((-2, -1)) / (rows * (rows - 1))
    return (-functional.softplus(-score.diagonal(dim1=-2, dim2=-1)).mean(-1) - others).mean()


METHODS: dict[str, Callable[[Build, torch.Size], Pretraining]] = {
    "reconstruct": lambda build, size: Rebuilding(build, size, 0.0),
    "denoise": lambda build, size: Rebuilding(build, size, BLANKED),
    "contrast": Contrasting,
    "infomax": Informing,
}
