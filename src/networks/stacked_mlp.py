"""Many MLPs of one shape as one: every layer a batched matrix product over all members.

Shapes: M members, P parameters of one member (rounded up to whole vector registers), B rows, N rows, D inputs, H units
of a layer, K outputs.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from src.networks.mlp import ACTIVATIONS, MLP

# Numbers in the widest vector step of the CPU kernels: two registers of 16 float32.
REGISTER = 32


class StackedMLP:
    """The parameters of M MLPs in one buffer `values_MP`, their gradients in `gradients_MP`, and the layers on them.

    Layers are views into the buffers, so that one operation updates every member.
    """

    def __init__(self, networks: Sequence[MLP], activation: str, device: torch.device) -> None:
        first = list(networks[0].named_parameters())
        self.names = [name for name, _ in first]
        self.shapes = [p.shape for _, p in first]
        self.activation = ACTIVATIONS[activation]()
        flat = [torch.cat([p.detach().ravel() for p in network.parameters()]) for network in networks]
        self.values_MP = torch.stack([_whole_registers(values) for values in flat]).to(device)
        penalized = torch.cat([torch.full((p.numel(),), float(p.ndim > 1)) for _, p in first])
        self.penalized_P = _whole_registers(penalized).to(self.values_MP)
        self.bind()

    def bind(self) -> None:
        """Make the layers' parameters and gradients views of the buffers (Lightning may have dropped gradients)."""
        self.gradients_MP = torch.zeros_like(self.values_MP)
        self.leaves = self._views(self.values_MP)
        for leaf, gradient in zip(self.leaves, self._views(self.gradients_MP), strict=True):
            leaf.requires_grad_()
            leaf.grad = gradient

    def logits(self, x_MBD: Tensor, masks: Sequence[Tensor | None]) -> Tensor:
        """Logits_MBK; `masks` holds a factor (M, B, H) for each hidden layer's units, or None without dropout."""
        h = x_MBD
        layers = list(zip(self.leaves[::2], self.leaves[1::2], strict=True))
        for (weight_MHD, bias_MH), mask in zip(layers, [*masks, None], strict=True):
            h = torch.baddbmm(bias_MH.unsqueeze(1), h, weight_MHD.transpose(1, 2))
            if weight_MHD is not layers[-1][0]:
                h = self.activation(h)
                h = h if mask is None else h * mask
        return h

    @torch.no_grad()
    def evaluate(self, x_ND: Tensor, members: Tensor) -> Tensor:
        """Logits of some members on the same rows, (len(members), N, K), without dropout."""
        h: Tensor = x_ND
        parameters = self._views(self.values_MP[members])
        for layer in range(0, len(parameters), 2):
            weight_MHD, bias_MH = parameters[layer], parameters[layer + 1]
            h = torch.matmul(h, weight_MHD.transpose(1, 2)) + bias_MH.unsqueeze(1)
            h = self.activation(h) if layer + 2 < len(parameters) else h
        return h

    def state(self, member: int) -> dict[str, Tensor]:
        """The parameters of one member by the names they have in a plain MLP."""
        views = self._views(self.values_MP[member : member + 1])
        return {name: view[0].detach().clone() for name, view in zip(self.names, views, strict=True)}

    def _views(self, buffer_MP: Tensor) -> list[Tensor]:
        sizes = [shape.numel() for shape in self.shapes]
        parts = buffer_MP.detach()[:, : sum(sizes)].split(sizes, dim=1)
        return [part.view(-1, *shape) for part, shape in zip(parts, self.shapes, strict=True)]


def _whole_registers(values_P: Tensor) -> Tensor:
    """Pad with zeros to a multiple of `REGISTER` numbers.

    Vectorized loops treat the numbers left over at the end of a buffer by other instructions, which may round
    differently: without the padding, a member's last bit could depend on how many members stand before it.
    """
    return torch.nn.functional.pad(values_P, (0, -len(values_P) % REGISTER))
