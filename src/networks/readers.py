"""Layers that turn a sequence into one vector.

Book: "Deep learning for timeseries" and "Deep learning for text": convolutions, recurrent layers, stacked, in both
directions and with recurrent dropout, and the Transformer encoder.
Shapes: B sequences, L places, E numbers of a place, H units.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.networks.dropout import Dropout

# Places that a convolution sees at once, and that a pool combines.
KERNEL, POOL = 5, 3
# The most heads of attention, and the score that hides a place.
MOST_HEADS, OUT_OF_SIGHT = 4, -1e9
RECURRENT: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Mean(nn.Module):
    """The mean over the places, and a dense layer."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, units)

    def forward(self, x_BLE: Tensor, real_BL1: Tensor) -> Tensor:
        return torch.relu(self.layer((x_BLE * real_BL1).sum(1) / real_BL1.sum(1).clamp(min=1)))


class Convolution(nn.Module):
    """The largest value of each feature over all places."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.layer = nn.Conv1d(inputs, units, KERNEL, padding=KERNEL // 2)

    def forward(self, x_BLE: Tensor, real_BL1: Tensor) -> Tensor:
        h_BLH = torch.relu(self.layer((x_BLE * real_BL1).transpose(1, 2)).transpose(1, 2))
        return (h_BLH * real_BL1).amax(1)


class Recurrent(nn.Module):
    """The state after the last real place; of both directions, side by side.

    units: H, of both directions together. layers: how many are stacked. recurrent_dropout: of the state between places,
    with one mask for a whole sequence. Source: Gal and Ghahramani 2016, "A theoretically grounded application of
    dropout in recurrent neural networks".
    """

    def __init__(
        self,
        layer: str,
        inputs: int,
        units: int,
        layers: int = 1,
        bidirectional: bool = False,
        recurrent_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if bidirectional and units % 2:
            raise ValueError(f"two directions share the units of a layer: {units} is odd")
        self.bidirectional = bidirectional
        size = units // 2 if bidirectional else units
        widths = [inputs, *[units] * (layers - 1)]

        def one_direction() -> nn.ModuleList:
            if recurrent_dropout:
                return nn.ModuleList(Masked(layer, width, size, recurrent_dropout) for width in widths)
            return nn.ModuleList(RECURRENT[layer](width, size, batch_first=True) for width in widths)

        self.onward = one_direction()
        self.back = one_direction() if bidirectional else nn.ModuleList()

    def forward(self, x_BLE: Tensor, real_BL1: Tensor) -> Tensor:
        h_BLH = self.states(x_BLE, real_BL1)
        half = h_BLH.shape[2] // 2
        if not self.bidirectional:
            return _last(h_BLH, real_BL1)
        return torch.cat([_last(h_BLH[:, :, :half], real_BL1), h_BLH[:, 0, half:] * real_BL1[:, 0]], dim=1)

    def states(self, x_BLE: Tensor, real_BL1: Tensor) -> Tensor:
        """The states at all places, (B, L, H)."""
        h_BLH = x_BLE
        turned_BL1 = _turned(real_BL1)
        for number, layer in enumerate(self.onward):
            onward_BLH = layer(h_BLH)[0]
            if self.bidirectional:
                back_BLH = self.back[number](h_BLH.take_along_dim(turned_BL1, 1))[0]
                onward_BLH = torch.cat([onward_BLH, back_BLH.take_along_dim(turned_BL1, 1)], dim=2)
            h_BLH = onward_BLH
        return h_BLH


class Masked(nn.Module):
    """A recurrent layer with dropout of its state, the same units at all places of a sequence."""

    def __init__(self, layer: str, inputs: int, units: int, dropout: float) -> None:
        super().__init__()
        self.step, gates = STEPS[layer]
        self.of_input, self.of_state = nn.Linear(inputs, gates * units), nn.Linear(units, gates * units)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(units**-0.5), units**-0.5)  # like torch's own layers
        self.units = units
        self.dropout = Dropout(dropout)

    def forward(self, x_BLE: Tensor) -> tuple[Tensor, None]:
        gates_BLG = self.of_input(x_BLE)
        h_BH = gates_BLG.new_zeros(len(x_BLE), self.units)
        mask_BH = self.dropout(torch.ones_like(h_BH))
        c_BH, states = h_BH, []
        for gates_BG in gates_BLG.unbind(1):
            h_BH, c_BH = self.step(gates_BG, self.of_state(h_BH * mask_BH), h_BH, c_BH)
            states.append(h_BH)
        return torch.stack(states, dim=1), None


def _rnn_step(gates_BG: Tensor, own_BG: Tensor, h_BH: Tensor, c_BH: Tensor) -> tuple[Tensor, Tensor]:
    return torch.tanh(gates_BG + own_BG), c_BH


def _gru_step(gates_BG: Tensor, own_BG: Tensor, h_BH: Tensor, c_BH: Tensor) -> tuple[Tensor, Tensor]:
    reset, update, new = gates_BG.chunk(3, -1)
    own_reset, own_update, own_new = own_BG.chunk(3, -1)
    candidate_BH = torch.tanh(new + torch.sigmoid(reset + own_reset) * own_new)
    return torch.lerp(candidate_BH, h_BH, torch.sigmoid(update + own_update)), c_BH


def _lstm_step(gates_BG: Tensor, own_BG: Tensor, h_BH: Tensor, c_BH: Tensor) -> tuple[Tensor, Tensor]:
    take, keep, new, show = (gates_BG + own_BG).chunk(4, -1)
    c_BH = torch.sigmoid(keep) * c_BH + torch.sigmoid(take) * torch.tanh(new)
    return torch.sigmoid(show) * torch.tanh(c_BH), c_BH


# The step of each recurrent layer, and its number of gates of H units.
STEPS = {"rnn": (_rnn_step, 1), "gru": (_gru_step, 3), "lstm": (_lstm_step, 4)}


class ConvolutionRecurrent(nn.Module):
    """A convolution, a pool that combines three places, and a recurrent layer over the result."""

    def __init__(self, inputs: int, units: int, recurrent: Recurrent) -> None:
        super().__init__()
        self.layer = nn.Conv1d(inputs, units, KERNEL, padding=KERNEL // 2)
        self.recurrent = recurrent

    def forward(self, x_BLE: Tensor, real_BL1: Tensor) -> Tensor:
        h_BLH = torch.relu(self.layer((x_BLE * real_BL1).transpose(1, 2)).transpose(1, 2)) * real_BL1
        return self.recurrent(_pooled(h_BLH), _pooled(real_BL1))


def _pooled(h_BLH: Tensor) -> Tensor:
    return functional.max_pool1d(h_BLH.transpose(1, 2), POOL, ceil_mode=True).transpose(1, 2)


class Transformer(nn.Module):
    """An encoder block on top of a projection with positions, and the largest value of each feature over all places.

    Source: Vaswani et al. 2017, "Attention is all you need"; the positions are its sines and cosines.
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.heads = math.gcd(units, MOST_HEADS)
        self.project = nn.Linear(inputs, units)
        self.attend, self.join = nn.Linear(units, 3 * units), nn.Linear(units, units)
        self.widen, self.narrow = nn.Linear(units, 2 * units), nn.Linear(2 * units, units)
        self.norms = nn.ModuleList(nn.LayerNorm(units) for _ in range(2))

    def forward(self, x_BLE: Tensor, real_BL1: Tensor) -> Tensor:
        h_BLH = self.project(x_BLE)
        h_BLH = h_BLH + _positions(h_BLH)
        h_BLH = self.norms[0](h_BLH + self.join(self._attended(h_BLH, real_BL1)))
        h_BLH = self.norms[1](h_BLH + self.narrow(torch.relu(self.widen(h_BLH))))
        largest_BH = torch.where(real_BL1 > 0, h_BLH, -torch.inf).amax(1)
        return torch.where(real_BL1.sum(1) > 0, largest_BH, 0)

    def _attended(self, h_BLH: Tensor, real_BL1: Tensor) -> Tensor:
        """Multi-head attention: for every place the mean of all values, weighted by its query and their keys."""
        parts = self.attend(h_BLH).unflatten(2, (3, self.heads, -1)).unbind(2)
        queries, keys, values = (part.transpose(1, 2) for part in parts)
        scores = queries @ keys.transpose(2, 3) / queries.shape[-1] ** 0.5
        # If no place is real, all places have the same weight and the result is not used.
        scores = scores + (1 - real_BL1.transpose(1, 2))[:, None] * OUT_OF_SIGHT
        return (scores.softmax(-1) @ values).transpose(1, 2).flatten(2)


def _positions(h_BLH: Tensor) -> Tensor:
    places, units = h_BLH.shape[1:]
    pairs = torch.arange(0, units, 2, device=h_BLH.device, dtype=h_BLH.dtype)
    angle = torch.arange(places, device=h_BLH.device, dtype=h_BLH.dtype)[:, None] / 10_000 ** (pairs / units)
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)[:, :units]


def reader_of(
    reader: str,
    inputs: int,
    units: int,
    layers: int = 1,
    bidirectional: bool = False,
    recurrent_dropout: float = 0.0,
) -> nn.Module:
    """A layer from (B, L, E) and a mask of real places (B, L, 1) to (B, H). Other places never change a result.

    reader: `embedding` (the mean), `convolution`, `rnn`, `gru`, `lstm`, `convolution_gru` or `transformer`. Only
    recurrent layers have the other options.
    """
    if reader == "embedding":
        return Mean(inputs, units)
    if reader == "convolution":
        return Convolution(inputs, units)
    if reader == "transformer":
        return Transformer(inputs, units)
    options = (layers, bidirectional, recurrent_dropout)
    if reader == "convolution_gru":
        return ConvolutionRecurrent(inputs, units, Recurrent("gru", units, units, *options))
    return Recurrent(reader, inputs, units, *options)


def _last(h_BLH: Tensor, real_BL1: Tensor) -> Tensor:
    """The states at the last real places; zeros if there is none."""
    ends_BL1 = real_BL1 - functional.pad(real_BL1, (0, 0, 0, 1))[:, 1:]
    return (h_BLH * ends_BL1).sum(1)


def _turned(real_BL1: Tensor) -> Tensor:
    """For each place its source when the real places are reversed; the others stay in place."""
    place_L1 = torch.arange(real_BL1.shape[1], device=real_BL1.device)[:, None]
    length_B11 = real_BL1.sum(1, keepdim=True).long()
    return torch.where(place_L1 < length_B11, length_B11 - 1 - place_L1, place_L1)
