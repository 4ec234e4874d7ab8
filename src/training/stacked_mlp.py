"""Many MLPs of one depth as one: every layer is a batched matrix product over all members, forward and backward.

The gradients are written out instead of recorded by autograd. That halves the calls, which dominate the cost of a small
network's step. The buffer stores the weights of hidden layers as inputs by units, so that no product of a step has to
transpose its output. Those of the last layer are outputs by inputs, because it may have a single output.
Shapes: M members, P parameters of one member, B rows, N rows, D inputs, H units of a layer, K outputs.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.networks.dropout import Dropout
from src.networks.mlp import MLP
from src.training.stack import RowShape, Stack

aten = torch.ops.aten

# In place if the derivative does not need the input.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "tanh": torch.tanh_,
    "gelu": functional.gelu,
}
# From the gradient of an activation's output to that of its input, in place, given its input z and output h. The
# gradient of a dropped unit is zero, so for ReLU the output after the dropout serves as h, too.
DERIVATIVES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "relu": lambda gradient, z, h: aten.threshold_backward.grad_input(gradient, h, 0, grad_input=gradient),
    "tanh": lambda gradient, z, h: aten.tanh_backward.grad_input(gradient, h, grad_input=gradient),
    "gelu": lambda gradient, z, h: aten.gelu_backward.grad_input(gradient, z, grad_input=gradient),
}
DROPPED_IN_PLACE = {"relu"}
# The most units of a layer evaluated at once on a CPU: more do not fit into a core's cache.
UNITS_AT_ONCE = 2**17


class StackedMLP(Stack):
    """M networks of the same depth. Narrower ones are padded with zeros to the widest, layer by layer.

    This is exact: every activation maps 0 to 0, so a unit without weights gives 0 and learns nothing.
    """

    def __init__(self, networks: Sequence[MLP], device: torch.device, units: Sequence[int] | None = None) -> None:
        shapes_of_M = [[p.shape for p in network.parameters()] for network in networks]
        widest = [max(shape[0] for shape in shapes_M) for shapes_M in zip(*shapes_of_M, strict=True)]
        inputs, outputs = shapes_of_M[0][0][1], widest[-1]
        self.units = list(units or widest[:-2:2])
        widths = [inputs, *self.units, outputs]
        shapes = []
        for narrow, wide in pairwise(widths):
            shapes += [torch.Size([wide, narrow]), torch.Size([wide])]
        super().__init__(networks, shapes, device)
        activation = networks[0].activation
        self.activation = ACTIVATIONS[activation]
        self.derivative = DERIVATIVES[activation]
        self.in_place = activation in DROPPED_IN_PLACE

    @property
    def dropouts(self) -> list[RowShape]:
        return [(width,) for width in self.units]

    def dropouts_of(self, member: int) -> list[RowShape]:
        return [tuple(bias) for bias in self.own_shapes[member][1:-2:2]]

    def dropout_rates(self, network: nn.Module) -> list[float]:
        return [module.p for module in network.modules() if isinstance(module, Dropout)]

    def settle(self, values_MP: Tensor) -> None:
        super().settle(values_MP)
        self.weights = [weight.transpose(1, 2) for weight in self.parameters[::2]]
        self.biases = [bias.unsqueeze(1) for bias in self.parameters[1::2]]

    def views(self, buffer_MP: Tensor) -> list[Tensor]:
        views = super().views(buffer_MP)
        for layer, shape in list(enumerate(self.shapes))[:-2:2]:
            views[layer] = views[layer].view(-1, *reversed(shape)).transpose(1, 2)
        return views

    def forward(self, x_MBD: Tensor, factors: Sequence[Tensor | None], members: Tensor | None = None) -> Tensor:
        assert members is None, "rows of weight zero stand for members that do not take part"
        # The input of each layer, its units before and after the activation, and the factor of its dropout.
        self.taped: list[tuple[Tensor, Tensor, Tensor, Tensor | None]] = []
        h = x_MBD
        for weight_MDH, bias_M1H, factor in zip(self.weights[:-1], self.biases[:-1], factors, strict=True):
            z = _layer(bias_M1H, h, weight_MDH)
            a = self.activation(z)
            self.taped.append((h, z, a, factor))
            h = a if factor is None else a.mul_(factor) if self.in_place else a * factor
        self.last = h
        return _layer(self.biases[-1], h, self.weights[-1])

    def backward(self, gradient_MBK: Tensor) -> None:
        dz = gradient_MBK
        gradients = [torch.bmm(dz.transpose(1, 2), self.last), dz.sum(1)]
        for layer in range(len(self.units) - 1, -1, -1):
            dh = _product(dz, self.weights[layer + 1].transpose(1, 2))
            x, z, a, factor = self.taped.pop()
            dz = self.derivative(dh if factor is None else dh.mul_(factor), z, a)
            gradients = [torch.bmm(x.transpose(1, 2), dz), dz.sum(1), *gradients]
        self.put_gradients(gradients)

    def evaluate(self, x_CND: Tensor, members: slice) -> Tensor:
        first, last, _ = members.indices(len(self.values_MP))
        units = max(x_CND.shape[1] * max(self.units), 1)
        at_once = max(UNITS_AT_ONCE // units, 1) if x_CND.is_cpu else last - first
        x_MND = x_CND.expand(last - first, *x_CND.shape[1:])
        if last - first <= at_once:
            return self._evaluate(x_MND, members)
        parts = [slice(m, min(m + at_once, last)) for m in range(first, last, at_once)]
        return torch.cat([self._evaluate(x, part) for x, part in zip(x_MND.split(at_once), parts, strict=True)])

    def _evaluate(self, x_MND: Tensor, members: slice) -> Tensor:
        weights, biases = ([values[members] for values in parts] for parts in (self.weights, self.biases))
        h = x_MND
        for weight_MDH, bias_M1H in zip(weights[:-1], biases[:-1], strict=True):
            h = self.activation(_layer(bias_M1H, h, weight_MDH))
        return _layer(biases[-1], h, weights[-1])


def _layer(bias_M1H: Tensor, x_MBD: Tensor, weight_MDH: Tensor) -> Tensor:
    if weight_MDH.shape[2] == 1:
        return _product(x_MBD, weight_MDH).add_(bias_M1H)
    return torch.baddbmm(bias_M1H, x_MBD, weight_MDH)


def _product(a_MBD: Tensor, b_MDH: Tensor) -> Tensor:
    """`bmm`, but not for matrices times vectors, which it rounds differently for one member than for several, nor for
    outer products, which it computes slowly."""
    if b_MDH.shape[2] == 1:
        return torch.bmm(b_MDH[:, :, 0].unsqueeze(1), a_MBD.transpose(1, 2)).view(*a_MBD.shape[:2], 1)
    return a_MBD * b_MDH if a_MBD.shape[2] == 1 else torch.bmm(a_MBD, b_MDH)
