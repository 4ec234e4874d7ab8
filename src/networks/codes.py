"""What the numbers of a code may be: any, bits, or a few that are not zero; and the cluster that a code lies in.

Shapes: B rows, C numbers of the code, G clusters, K numbers that are said of a row.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from src.inputs.clusters import BEFORE, CLUSTER
from src.networks.mixture_prior import MixturePrior

Sparsity = Literal["largest", "kl", "l1"]
# The penalty of a code that learns to be sparse, as a share of the rows' error.
WEIGHT = 1.0


class Code(nn.Module):
    """The last step of an encoder.

    bits: each number is rounded to 0 or 1. The gradient is that of the sigmoid before it was rounded (straight
    through). Sources: Salakhutdinov and Hinton 2009, "Semantic hashing"; Bengio, Léonard and Courville 2013,
    "Estimating or propagating gradients through stochastic neurons".

    active: so many numbers of a row, the largest, may be other than 0; 0: all may. sparsity: how the network learns
    that. `largest`: it sees the others as 0 in training, too. Or no number is cut off in training, and a penalty makes
    most of them small. `kl`: numbers from 0 to 1, whose mean over a minibatch should be active / C. `l1`: their sum,
    as a multiple of their root mean square, so that smaller codes gain nothing. Sources: Makhzani and Frey 2014,
    "k-sparse autoencoders"; Ng 2011, "Sparse autoencoder" (Kullback-Leibler divergence); Hoyer 2004, "Non-negative
    matrix factorization with sparseness constraints".

    clusters: instead of its code, a row is told its cluster, that with the nearest of so many centres. Centres and the
    variance around them come from k-means once the network has learnt (`src.training.centres`). The probabilities of
    clusters are those of `src.models.clusters.KMeansClusters`. Then C is `clusters` + 3, as many as there are answers.
    mixture: codes are random and come from a mixture instead, one part of it for each cluster.
    """

    centres: Tensor
    variance: Tensor

    def __init__(
        self,
        bits: bool = False,
        active: int = 0,
        sparsity: Sparsity = "largest",
        clusters: int = 0,
        mixture: bool = False,
    ) -> None:
        super().__init__()
        self.bits, self.active, self.sparsity, self.clusters = bits, active, sparsity, clusters
        self.prior = MixturePrior(clusters, BEFORE + clusters - 1) if mixture else None
        if clusters and not mixture:
            self.register_buffer("centres", torch.zeros(clusters, BEFORE + clusters - 1))
            self.register_buffer("variance", torch.ones(()))

    def forward(self, z_BC: Tensor) -> Tensor:
        if self.bits:
            soft_BC = torch.sigmoid(z_BC)
            return soft_BC + ((z_BC > 0).to(z_BC.dtype) - soft_BC).detach()
        if self.prior is not None:
            return self.prior.drawn(z_BC)
        if not self.active:
            return z_BC
        code_BC = torch.sigmoid(z_BC) if self.sparsity == "kl" else torch.relu(z_BC)
        if self.training and self.sparsity != "largest":
            return code_BC
        least_B1 = code_BC.topk(self.active, dim=-1).values[..., -1:]
        return code_BC * (code_BC >= least_B1)

    def charged(self, answers_BK: Tensor, numbers: int) -> Tensor:
        """Errors and codes (B, 1 + C); in training the errors with the penalty of the codes.

        With clusters, what `src.inputs.clusters` says, (B, 4 + G), which is as wide. numbers: how many of a row are
        rebuilt. Under a mixture the loss has the gradient of minus the evidence lower bound, in the unit of the errors.
        The variance of what is rebuilt is their mean; the bound is multiplied by twice that and divided by `numbers`.
        """
        if self.training and self.prior is not None:
            error_B1, code_BC = answers_BK[:, :1], answers_BK[:, 1:]
            nats_B1 = self.prior.divergences(code_BC).unsqueeze(1)
            return torch.cat([error_B1 + 2 * error_B1.detach().mean() / numbers * nats_B1, code_BC], 1)
        if self.clusters:
            return self._in_clusters(answers_BK)
        if not self.training or not self.active or self.sparsity == "largest":
            return answers_BK
        error_B1, code_BC = answers_BK[:, :1], answers_BK[:, 1:]
        penalty = _divergence(code_BC, self.active) if self.sparsity == "kl" else _relative_sum(code_BC)
        return torch.cat([error_B1 + WEIGHT * error_B1.detach().mean() * penalty, code_BC], 1)

    def _in_clusters(self, answers_BK: Tensor) -> Tensor:
        error_B1, code_BC = answers_BK[:, :1], answers_BK[:, 1:]
        if self.prior is not None:
            p_BG = self.prior.probabilities(code_BC)
            cluster_B1 = p_BG.argmax(1, keepdim=True).to(p_BG.dtype) + 1
        else:
            away_BG = (code_BC.unsqueeze(1) - self.centres).square().sum(2)
            p_BG = torch.softmax(away_BG / (-2 * self.variance), 1)
            cluster_B1 = away_BG.argmin(1, keepdim=True).to(p_BG.dtype) + 1
        no_halves = torch.zeros_like(answers_BK[:, CLUSTER + 1 : BEFORE])
        return torch.cat([error_B1, cluster_B1, no_halves, p_BG], 1)


def _divergence(code_BC: Tensor, active: int) -> Tensor:
    """The mean divergence of the numbers' means from the share that is to be active."""
    wanted = active / code_BC.shape[1]
    mean_C = code_BC.mean(0).clamp(1e-4, 1 - 1e-4)
    return (wanted * (wanted / mean_C).log() + (1 - wanted) * ((1 - wanted) / (1 - mean_C)).log()).mean()


def _relative_sum(code_BC: Tensor) -> Tensor:
    return code_BC.mean() / (code_BC.square().mean() + 1e-12).sqrt()
