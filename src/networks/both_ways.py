"""Bidirectional recurrent layers for sequences of any length, without padding.

Shapes: B items of all sequences, S sequences, L places of the longest, E numbers of an item, H units of both directions
together, 2 directions, G gates of a direction's units.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from src.networks.readers import STEPS


@dataclass(frozen=True)
class Packing:
    """How to read concatenated sequences, B items in all, from both ends and in parallel, without padding.

    order_2B: from either end, the items place by place, at each place the longest sequence first. back_2B: the inverse.
    sizes: how many sequences have each place. first_S, last_S: where each sequence begins and ends.
    """

    order_2B: Tensor
    back_2B: Tensor
    sizes: list[int]
    first_S: Tensor
    last_S: Tensor

    @classmethod
    def of(cls, lengths_S: Tensor) -> "Packing":
        """The packing of sequences with these lengths, none of them 0."""
        count, last_S = len(lengths_S), lengths_S.cumsum(0) - 1
        first_S = last_S + 1 - lengths_S
        rank_S = lengths_S.argsort(descending=True, stable=True).argsort()
        sequence_B = torch.arange(count).repeat_interleave(lengths_S)
        item_B = torch.arange(len(sequence_B))
        place_2B = torch.stack([item_B - first_S[sequence_B], last_S[sequence_B] - item_B])
        order_2B = (place_2B * count + rank_S[sequence_B]).argsort()
        return cls(order_2B, order_2B.argsort(), place_2B[0].bincount().tolist(), first_S, last_S)

    def to(self, device: torch.device) -> "Packing":
        order_2B, back_2B = self.order_2B.to(device), self.back_2B.to(device)
        return Packing(order_2B, back_2B, self.sizes, self.first_S.to(device), self.last_S.to(device))


class BothWays(nn.Module):
    """Bidirectional recurrent layers with H units each, half of them in each direction.

    They equal torch's own and take two thirds of their time on a CPU: both directions make each step together, and the
    gradients of packed sequences are not padded at each place.
    """

    def __init__(self, layer: str, inputs: int, units: int, layers: int = 1) -> None:
        super().__init__()
        if units % 2:
            raise ValueError(f"two directions share the units of a layer: {units} is odd")
        self.units = units // 2
        self.step, gates = STEPS[layer]
        widths, size = [inputs, *[units] * (layers - 1)], gates * self.units

        def drawn(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape).uniform_(-(self.units**-0.5), self.units**-0.5))  # as torch's own

        self.of_input = nn.ParameterList(drawn(2, width, size) for width in widths)
        self.of_state = nn.ParameterList(drawn(2, self.units, size) for _ in widths)
        self.biases = nn.ParameterList(drawn(2, 2, 1, size) for _ in widths)

    def forward(self, x_BE: Tensor, packing: Packing) -> Tensor:
        """The states at all places, (B, H)."""
        for of_input, of_state, (bias_21G, own_bias_21G) in zip(self.of_input, self.of_state, self.biases, strict=True):
            gates_2BG = torch.baddbmm(bias_21G, x_BE[packing.order_2B], of_input)
            onward_BH, back_BH = self.states(gates_2BG, of_state, own_bias_21G, packing)
            x_BE = torch.cat([onward_BH[packing.back_2B[0]], back_BH[packing.back_2B[1]]], dim=1)
        return x_BE

    def states(self, gates_2BG: Tensor, of_state: Tensor, bias_21G: Tensor, packing: Packing) -> Tensor:
        """The states of a layer, (2, B, H / 2), in the order of the packing. gates_2BG: the inputs' part."""
        h_2SH = c_2SH = gates_2BG.new_zeros(2, packing.sizes[0], self.units)
        states = []
        for gates_2SG in gates_2BG.split(packing.sizes, dim=1):
            count = gates_2SG.shape[1]
            own_2SG = torch.baddbmm(bias_21G, h_2SH[:, :count], of_state)
            h_2SH, c_2SH = self.step(gates_2SG, own_2SG, h_2SH[:, :count], c_2SH[:, :count])
            states.append(h_2SH)
        return torch.cat(states, dim=1)

    def ends(self, x_BE: Tensor, packing: Packing) -> Tensor:
        """The state of each direction where it ends, (S, H)."""
        onward_BH, back_BH = self(x_BE, packing).chunk(2, 1)
        return torch.cat([onward_BH[packing.last_S], back_BH[packing.first_S]], dim=1)
