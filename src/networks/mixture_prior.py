"""A mixture of normal distributions as what codes come from, in a variational autoencoder.

Sources: Jiang et al. 2017, "Variational deep embedding" (the prior, its bound, and how a row is dealt out to clusters);
Ghosh et al. 2020, "From variational to deterministic autoencoders" (codes of all rows are spread alike); Rybkin,
Daniilidis and Levine 2021, "Simple and effective VAE training with calibrated decoders" (the variance of what is
rebuilt is that of the minibatch). Shapes: B rows, C numbers of a code, G clusters.
"""

import math

import torch
from torch import Tensor, nn

from src.networks.dropout import Noise


class MixturePrior(nn.Module):
    """The code of a row is normal around what the encoder says, with the same spread for all rows.

    It comes from one of the clusters, each with a share of the rows, and a mean and a variance of each number.
    """

    def __init__(self, clusters: int, numbers: int) -> None:
        super().__init__()
        self.noise = Noise(1.0)
        self.log_spread = nn.Parameter(torch.full((numbers,), -1.0))
        self.share = nn.Parameter(torch.zeros(clusters))
        self.centre = nn.Parameter(torch.randn(clusters, numbers))
        self.log_variance = nn.Parameter(torch.zeros(clusters, numbers))

    def drawn(self, mean_BC: Tensor) -> Tensor:
        """A random code of each row in training, and the mean afterwards."""
        return mean_BC + self.log_spread.exp() * self.noise(torch.zeros_like(mean_BC))

    def joint(self, code_BC: Tensor) -> Tensor:
        """The logarithm of each cluster's share times the density that it gives the code, (B, G)."""
        away_BGC = (code_BC.unsqueeze(1) - self.centre).square() * (-self.log_variance).exp()
        log_BG = -(away_BGC + self.log_variance + math.log(2 * math.pi)).sum(2) / 2
        return self.share.log_softmax(0) + log_BG

    def divergences(self, code_BC: Tensor) -> Tensor:
        """How far a row's codes are from the mixture, in nats, by one random code of it, (B,)."""
        entropy = (self.log_spread + (1 + math.log(2 * math.pi)) / 2).sum()
        return -entropy - torch.logsumexp(self.joint(code_BC), 1)

    def probabilities(self, mean_BC: Tensor) -> Tensor:
        """Of each cluster for rows with these mean codes, (B, G): those for which the bound is largest."""
        spread_GC = (2 * self.log_spread - self.log_variance).exp()
        return torch.softmax(self.joint(mean_BC) - spread_GC.sum(1) / 2, 1)
