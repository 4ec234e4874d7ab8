"""Many networks of any one architecture as one, by `torch.func.vmap` over their stacked parameters and buffers.

This is slower than layers written for stacks, and serves all others: convolutions, recurrent layers, embeddings, norms.
Shapes: M members, B rows, N rows, K outputs.
"""

import warnings
from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap

from src.networks.dropout import Dropout
from src.training.stack import RowShape, Stack


class StackedModules(Stack):
    """M networks of one architecture, which may differ in their dropout rates.

    sample: some rows of input, which show the shapes at the dropouts.
    """

    # Every row of a minibatch counts in the statistics of a batch norm.
    pads_rows = False

    def __init__(self, networks: Sequence[nn.Module], sample: Tensor, device: torch.device) -> None:
        super().__init__(networks, [p.shape for p in networks[0].parameters()], device)
        self.training_form = deepcopy(networks[0]).to(device)
        self.evaluation_form = deepcopy(self.training_form).eval()
        self.dropout_names, self.row_shapes = _dropouts_of(networks[0], sample.to(self.values_MP.dtype).cpu())
        modules = [self.training_form.get_submodule(name) for name in self.dropout_names]
        self.dropout_modules = [module for module in modules if isinstance(module, Dropout)]
        states = [dict(network.named_buffers()) for network in networks]
        self.buffers = {name: torch.stack([state[name] for state in states]).to(device) for name in states[0]}
        self.in_parts = False
        try:
            self.evaluate(sample.to(self.values_MP)[None], slice(0, 1))
        except RuntimeError as error:
            if "Batching rule not implemented" not in str(error):
                raise
            self.in_parts = True

    @property
    def dropouts(self) -> list[RowShape]:
        return self.row_shapes

    @property
    def adds(self) -> list[bool]:
        return [module.adds for module in self.dropout_modules]

    def dropouts_of(self, member: int) -> list[RowShape]:
        return self.row_shapes

    def dropout_rates(self, network: nn.Module) -> list[float]:
        modules = (network.get_submodule(name) for name in self.dropout_names)
        return [module.p for module in modules if isinstance(module, Dropout)]

    def forward(self, x_MBD: Tensor, factors: Sequence[Tensor | None], members: Tensor | None = None) -> Tensor:
        self.members = members
        values_MP = self.values_MP if members is None else self.values_MP[members]
        self.leaves = [view.requires_grad_() for view in self.views(values_MP)]
        buffers = self.buffers if members is None else {name: b[members] for name, b in self.buffers.items()}
        drawn = {place: factor for place, factor in enumerate(factors) if factor is not None}

        def member(leaves: list[Tensor], state: dict[str, Tensor], x_BD: Tensor, masks: dict[int, Tensor]) -> Tensor:
            for place, module in enumerate(self.dropout_modules):
                module.factor = masks.get(place, module.neutral)
            return self._call(self.training_form, leaves, state, x_BD)

        with torch.enable_grad():
            self.logits_MBK = vmap(member)(self.leaves, buffers, x_MBD, drawn)
        if members is not None:
            for name, buffer in buffers.items():
                self.buffers[name][members] = buffer
        return self.logits_MBK.detach()

    def backward(self, gradient_MBK: Tensor) -> None:
        gradients = torch.autograd.grad(self.logits_MBK, self.leaves, gradient_MBK, allow_unused=True)
        pairs = zip(gradients, self.leaves, strict=True)
        filled = [torch.zeros_like(leaf) if gradient is None else gradient for gradient, leaf in pairs]
        self.put_gradients(filled, self.members)
        del self.logits_MBK, self.leaves

    def evaluate(self, x_CND: Tensor, members: slice) -> Tensor:
        def member(leaves: list[Tensor], state: dict[str, Tensor], x_BD: Tensor) -> Tensor:
            return self._call(self.evaluation_form, leaves, state, x_BD)

        buffers = {name: buffer[members] for name, buffer in self.buffers.items()}
        with torch.no_grad():
            return vmap(member, in_dims=(0, 0, None))(self.views(self.values_MP[members]), buffers, x_CND[0])

    def _call(self, form: nn.Module, leaves: list[Tensor], buffers: dict[str, Tensor], x_BD: Tensor) -> Tensor:
        def call(*leaves: Tensor) -> Tensor:
            return functional_call(form, dict(zip(self.names, leaves, strict=True)) | buffers, (x_BD,))

        if not self.in_parts:
            return call(*leaves)
        # A recurrent layer is a single operation that vmap does not know. Autograd splits it into operations that vmap
        # does know, unless the CPU's own library (MKL-DNN) runs it as a whole.
        with warnings.catch_warnings(action="ignore"), torch.backends.mkldnn.flags(enabled=False):
            return vjp(call, *leaves)[0]

    def keep(self, members: Tensor) -> None:
        super().keep(members)
        self.buffers = {name: buffer[members] for name, buffer in self.buffers.items()}

    def state(self, member: int) -> dict[str, Tensor]:
        state = super().state(member) | {name: buffer[member].clone() for name, buffer in self.buffers.items()}
        return {name: state[name] for name in self.training_form.state_dict()}


def _dropouts_of(network: nn.Module, sample: Tensor) -> tuple[list[str], list[RowShape]]:
    """The names of a network's dropouts in the order of a forward pass, and the shape of a row at each."""
    names: list[str] = []
    shapes: list[RowShape] = []

    def note(name: str, inputs: tuple[Tensor, ...]) -> None:
        names.append(name)
        shapes.append(tuple(inputs[0].shape[1:]))

    network = deepcopy(network).cpu().eval()
    for name, module in network.named_modules():
        if isinstance(module, Dropout):
            module.register_forward_pre_hook(lambda _, inputs, name=name: note(name, inputs))
    with torch.no_grad():
        network(sample)
    return names, shapes
