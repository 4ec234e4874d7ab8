"""Many MLPs of one depth as one: every layer a batched matrix product over all members, forward and back.

The gradients are written out instead of recorded by autograd, with the same operations in the same order: half the
calls, and of a small network's step the calls are the cost. Shapes: M members, P parameters of one member, B rows, N
rows, D inputs, H units of a layer, K outputs.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from src.networks.dropout import Dropout
from src.networks.mlp import ACTIVATIONS, MLP
from src.networks.stack import RowShape, Stack

aten = torch.ops.aten

# Gradient of an activation from the gradient of its output, its input and its output.
DERIVATIVES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "relu": lambda gradient, z, h: aten.threshold_backward(gradient, h, 0),
    "tanh": lambda gradient, z, h: aten.tanh_backward(gradient, h),
    "gelu": lambda gradient, z, h: aten.gelu_backward(gradient, z),
}


class StackedMLP(Stack):
    """M networks of the same depth. Narrower ones are filled up with zeros to the widest, layer by layer.

    That is exact: every activation maps 0 to 0, so that a unit without weights answers 0 and learns nothing.
    """

    def __init__(
        self, networks: Sequence[MLP], activation: str, device: torch.device, units: Sequence[int] | None = None
    ) -> None:
        own = [[p.shape for p in network.parameters()] for network in networks]
        widest = [max(shape[0] for shape in of) for of in zip(*own, strict=True)]
        inputs, outputs = own[0][0][1], widest[-1]
        self.units = list(units or widest[:-2:2])
        widths = [inputs, *self.units, outputs]
        shapes = []
        for narrow, wide in pairwise(widths):
            shapes += [torch.Size([wide, narrow]), torch.Size([wide])]
        super().__init__(networks, shapes, device)
        self.activation = ACTIVATIONS[activation]()
        self.derivative = DERIVATIVES[activation]

    @property
    def dropouts(self) -> list[RowShape]:
        return [(width,) for width in self.units]

    def dropouts_of(self, member: int) -> list[RowShape]:
        return [tuple(bias) for bias in self.own_shapes[member][1:-2:2]]

    def dropout_rates(self, network: nn.Module) -> list[float]:
        return [module.p for module in network.modules() if isinstance(module, Dropout)]

    def forward(self, x_MBD: Tensor, factors: Sequence[Tensor | None], members: Tensor | None = None) -> Tensor:
        assert members is None, "rows of weight zero stand for members that do not take part"
        self.taped: list[tuple[Tensor, Tensor, Tensor, Tensor | None]] = []
        h = x_MBD
        for layer, factor in enumerate([*factors, None]):
            weight_MHD, bias_MH = self.parameters[2 * layer], self.parameters[2 * layer + 1]
            z = torch.baddbmm(bias_MH.unsqueeze(1), h, weight_MHD.transpose(1, 2))
            if layer == len(self.units):
                self.last = h, weight_MHD
                return z
            a = self.activation(z)
            self.taped.append((h, z, a, factor))
            h = a if factor is None else a * factor
        raise AssertionError("a network ends with its logits")

    def backward(self, gradient_MBK: Tensor) -> None:
        h, weight_MHD = self.last
        dz = gradient_MBK
        for layer in range(len(self.units), -1, -1):
            self.gradients[2 * layer].copy_(torch.bmm(h.transpose(1, 2), dz).transpose(1, 2))
            self.gradients[2 * layer + 1].copy_(dz.sum(1))
            if layer == 0:
                break
            dh = torch.bmm(dz, weight_MHD)
            h, z, a, factor = self.taped.pop()
            dz = self.derivative(dh if factor is None else dh * factor, z, a)
            weight_MHD = self.parameters[2 * layer - 2]

    def evaluate(self, x_ND: Tensor, members: slice) -> Tensor:
        h: Tensor = x_ND
        parameters = [of[members] for of in self.parameters]
        for layer in range(0, len(parameters), 2):
            weight_MHD, bias_MH = parameters[layer], parameters[layer + 1]
            h = torch.matmul(h, weight_MHD.transpose(1, 2)) + bias_MH.unsqueeze(1)
            h = self.activation(h) if layer + 2 < len(parameters) else h
        return h
