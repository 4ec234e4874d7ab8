"""The outcomes of a table's columns inside a network: what it sees of them, and the probability that it gives them.

Shapes: B rows, I inputs (`src.inputs.places`), D columns, F features, O outputs, R components of a number.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.inputs.places import GAP, NUMBER

# Standardized numbers beyond this many standard deviations count as this one when they are seen.
CLIP = 6.0
# Logistic components of each number, and the smallest logarithm of their scale, in standard deviations.
COMPONENTS, NARROWEST = 3, -7.0
# The outputs of a number: for each component a weight, a middle and a scale; and whether the number is missing.
OF_A_NUMBER = 3 * COMPONENTS + 1


class Outcomes(nn.Module):
    """What lies in each column: 0 for numbers in cells, C for C categories.

    `centre` and `spread` are the mean and the standard deviation of each column of numbers in the training rows, in
    cells. They are fitted with the fold, see `Kind.constants`.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__()
        self.numbers = [d for d, count in enumerate(places) if count == NUMBER]
        self.categories = [(d, count) for d, count in enumerate(places) if count != NUMBER]
        self.dimensions = len(places)
        self.register_buffer("centre", torch.zeros(len(self.numbers)))
        self.register_buffer("spread", torch.ones(len(self.numbers)))
        self.features = 2 * len(self.numbers) + sum(count for _, count in self.categories)
        self.outputs = OF_A_NUMBER * len(self.numbers) + sum(count for _, count in self.categories)

    def seen(self, x_BI: Tensor) -> Tensor:
        """Standardized numbers, flags of those that are missing, and one-hot categories, (B, F)."""
        place_BD, missing_BD = self._split(x_BI)
        z_BD = ((place_BD[:, self.numbers] - self.centre) / self.spread).clamp(-CLIP, CLIP)
        parts = [z_BD * (1 - missing_BD), missing_BD]
        for d, count in self.categories:
            one_hot = place_BD[:, d : d + 1] == torch.arange(count, device=x_BI.device)
            parts.append(one_hot.to(x_BI.dtype))
        return torch.cat(parts, 1)

    def log_probability(self, logits_BO: Tensor, x_BI: Tensor) -> Tensor:
        """The natural logarithm of the probability of each row, (B,).

        A number is a mixture of logistic distributions, each of which gives a cell what lies between its edges, as in
        Salimans et al. 2017, "PixelCNN++", but on an endless line of cells. So all probabilities sum to one.
        """
        place_BD, missing_BD = self._split(x_BI)
        numbers = len(self.numbers)
        of_numbers, of_categories = logits_BO[:, : numbers * OF_A_NUMBER], logits_BO[:, numbers * OF_A_NUMBER :]
        outputs_BDO = of_numbers.unflatten(1, (numbers, OF_A_NUMBER))
        z_BD = (place_BD[:, self.numbers] - self.centre) / self.spread
        inside_BD = log_cells(outputs_BDO[..., :-1], z_BD, 0.5 / self.spread)
        gap_BD = outputs_BDO[..., -1]
        known_BD = functional.logsigmoid(-gap_BD) + inside_BD
        log_B = torch.where(missing_BD > 0, functional.logsigmoid(gap_BD), known_BD).sum(1)
        start = 0
        for d, count in self.categories:
            log_BC = of_categories[:, start : start + count].log_softmax(1)
            log_B = log_B + log_BC.gather(1, place_BD[:, d : d + 1].long())[:, 0]
            start += count
        return log_B

    def drawn(self, logits_BO: Tensor, generator: torch.Generator) -> Tensor:
        """Random rows (B, I) with these probabilities."""
        numbers, rows = len(self.numbers), len(logits_BO)
        x_BI = torch.zeros(rows, 2 * self.dimensions, dtype=logits_BO.dtype)
        outputs_BDO = logits_BO[:, : numbers * OF_A_NUMBER].unflatten(1, (numbers, OF_A_NUMBER))
        z_BD = drawn_logistic(outputs_BDO[..., :-1], generator)
        cell_BD = (z_BD * self.spread + self.centre).round()
        missing_BD = torch.rand(cell_BD.shape, generator=generator).to(cell_BD) < outputs_BDO[..., -1].sigmoid()
        places = torch.tensor(self.numbers, dtype=torch.long)
        x_BI[:, 2 * places] = torch.where(missing_BD, 0.0, cell_BD)
        x_BI[:, 2 * places + 1] = torch.where(missing_BD, float(GAP), float(NUMBER)).to(x_BI)
        start = numbers * OF_A_NUMBER
        for d, count in self.categories:
            p_BC = logits_BO[:, start : start + count].softmax(1)
            x_BI[:, 2 * d] = torch.multinomial(p_BC, 1, generator=generator)[:, 0].to(x_BI)
            x_BI[:, 2 * d + 1] = float(count)
            start += count
        return x_BI

    def _split(self, x_BI: Tensor) -> tuple[Tensor, Tensor]:
        """The places of all columns, and which of the numbers are missing."""
        return x_BI[:, 0::2], (x_BI[:, 1::2][:, self.numbers] == GAP).to(x_BI.dtype)


def log_cells(outputs: Tensor, z: Tensor, half: Tensor) -> Tensor:
    """The logarithm of what mixtures of logistic distributions give cells from z - half to z + half.

    outputs (..., 3R): weights, middles, logarithms of scales. With a and b the edges in units of the scale,
    sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)), which is exact in single precision.
    """
    weight, middle, scale = outputs.unflatten(-1, (3, -1)).unbind(-2)
    log_scale = scale.clamp(min=NARROWEST)
    away = (z.unsqueeze(-1) - middle) * (-log_scale).exp()
    reach = half.unsqueeze(-1) * (-log_scale).exp()
    inside = (
        functional.logsigmoid(away + reach)
        + functional.logsigmoid(reach - away)
        + torch.log(-torch.expm1(-2 * reach).clamp(max=-1e-30))
    )
    return torch.logsumexp(weight.log_softmax(-1) + inside, -1)


def drawn_logistic(outputs: Tensor, generator: torch.Generator) -> Tensor:
    """A random number from each mixture of logistic distributions; outputs as in `log_cells`."""
    weight, middle, scale = outputs.unflatten(-1, (3, -1)).unbind(-2)
    uniform = torch.rand((2, *weight.shape[:-1]), generator=generator).to(weight).clamp(1e-6, 1 - 1e-6)
    chosen = (weight.softmax(-1).cumsum(-1) < uniform[0].unsqueeze(-1)).sum(-1, keepdim=True)
    chosen = chosen.clamp(max=weight.shape[-1] - 1)
    one = [part.gather(-1, chosen)[..., 0] for part in (middle, scale.clamp(min=NARROWEST))]
    return one[0] + one[1].exp() * (uniform[1].log() - (-uniform[1]).log1p())


def bits_and_dimensions(log_probability_B: Tensor, dimensions: int) -> Tensor:
    """What a head of a density reads, (B, 2)."""
    bits_B = log_probability_B / -math.log(2)
    return torch.stack([bits_B, torch.full_like(bits_B, float(dimensions))], 1)
