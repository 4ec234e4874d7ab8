"""Many networks as one: the interface between the stacked backend and a stack, whatever its layers are.

Shapes: M members, P parameters of one member (rounded up to whole vector registers), B rows of a minibatch, N rows,
D inputs, K outputs.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

# Numbers in the widest vector step of the CPU kernels: two registers of 16 float32.
REGISTER = 32

RowShape = tuple[int, ...]


class Stack(ABC):
    """The parameters of M networks in one buffer `values_MP` and their gradients in `gradients_MP`.

    Parameters are views into the buffers, so that one operation updates every member. `shapes`: of the parameters in
    the stack. A narrower network's own parameters fill a corner of them; the rest is zero.
    """

    # Whether minibatches may be padded with rows of weight zero. Not if every row counts in some statistic.
    pads_rows = True

    def __init__(self, networks: Sequence[nn.Module], shapes: Sequence[torch.Size], device: torch.device) -> None:
        parameters = [dict(network.named_parameters()) for network in networks]
        self.names = list(parameters[0])
        self.own_shapes = [[p.shape for p in named.values()] for named in parameters]
        self.shapes = list(shapes)
        numbers = sum(shape.numel() for shape in self.shapes)
        first = next(iter(parameters[0].values()))
        # Vectorized loops use other instructions for the last numbers of a buffer, which may round differently. Without
        # whole registers a member's last bit could depend on the number of members before it.
        whole = numbers + -numbers % REGISTER
        self.values_MP = torch.zeros(len(networks), whole, dtype=first.dtype)
        for m, named in enumerate(parameters):
            self.write(self.values_MP, m, [p.detach() for p in named.values()])
        penalized = torch.zeros(1, whole, dtype=first.dtype)
        for view in self.views(penalized):
            view.fill_(float(view.ndim > 2))
        self.penalized_P = penalized[0].to(device)
        self.settle(self.values_MP.to(device))

    def settle(self, values_MP: Tensor) -> None:
        """Use these parameters. The views of them stay valid until members leave."""
        self.values_MP = values_MP
        self.gradients_MP = torch.zeros_like(values_MP)
        self.parameters = self.views(self.values_MP)
        self.rest = self.gradients_MP[:, sum(shape.numel() for shape in self.shapes) :].clone()

    @property
    @abstractmethod
    def dropouts(self) -> list[RowShape]:
        """The shape of a row at every dropout, in the order in which the masks are drawn."""

    @property
    def adds(self) -> list[bool]:
        """For each dropout in the same order, whether it is noise, which is added."""
        return [False] * len(self.dropouts)

    @abstractmethod
    def dropouts_of(self, member: int) -> list[RowShape]:
        """The same for one member, which may be narrower."""

    @abstractmethod
    def dropout_rates(self, network: nn.Module) -> list[float]:
        """The probabilities of a network's dropouts in the same order."""

    @abstractmethod
    def forward(self, x_MBD: Tensor, factors: Sequence[Tensor | None], members: Tensor | None = None) -> Tensor:
        """Logits_MBK in training. `factors`: for each dropout the factor of its rows, or None.

        members: those that take part, if not all do.
        """

    @abstractmethod
    def backward(self, gradient_MBK: Tensor) -> None:
        """Compute `gradients_MP` of the members in the last `forward` from the gradient of its logits."""

    @abstractmethod
    def evaluate(self, x_CND: Tensor, members: slice) -> Tensor:
        """Logits_MNK of some members without dropout, on common rows (C is 1) or, if rows may be padded, each on its
        own."""

    def put_gradients(self, gradients: Sequence[Tensor], members: Tensor | None = None) -> None:
        """Copy the parameters' gradients (M, ...), each laid out as in the buffer, into `gradients_MP`."""
        parts = [gradient.flatten(1) for gradient in gradients]
        if members is None:
            torch.cat([*parts, self.rest], dim=1, out=self.gradients_MP)
        else:
            self.gradients_MP[members] = torch.cat([*parts, self.rest[members]], dim=1)

    def keep(self, members: Tensor) -> None:
        """Leave only these members in the stack."""
        self.own_shapes = [self.own_shapes[m] for m in members.tolist()]
        self.settle(self.values_MP[members])

    def state(self, member: int) -> dict[str, Tensor]:
        """The state of one member's network, as if it were alone."""
        return dict(zip(self.names, self.read(self.values_MP, member), strict=True))

    def views(self, buffer_MP: Tensor) -> list[Tensor]:
        """The parameters (M, ...) in a buffer."""
        sizes = [shape.numel() for shape in self.shapes]
        parts = buffer_MP.detach()[:, : sum(sizes)].split(sizes, dim=1)
        return [part.view(-1, *shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def read(self, buffer_MP: Tensor, member: int) -> list[Tensor]:
        """Copies of one member's own parameters in a buffer."""
        views = self.views(buffer_MP[member : member + 1])
        pairs = zip(views, self.own_shapes[member], strict=True)
        return [view[0][_corner(shape)].clone(memory_format=torch.contiguous_format) for view, shape in pairs]

    def write(self, buffer_MP: Tensor, member: int, parameters: Sequence[Tensor]) -> None:
        """Copy one member's own parameters into a buffer."""
        for view, p in zip(self.views(buffer_MP[member : member + 1]), parameters, strict=True):
            view[0][_corner(p.shape)] = p.to(view)


def _corner(shape: torch.Size) -> tuple[slice, ...]:
    return tuple(slice(size) for size in shape)
