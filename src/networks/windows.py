"""Networks that read windows over a series.

Book: "Deep learning for timeseries". Shapes: B rows, L moments of a window, V inputs of a moment, H hidden units,
T targets of a moment, C outputs that are changes, K outputs.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from src.networks.dropout import Dropout
from src.networks.mlp import MLP
from src.networks.readers import reader_of


class WindowReader(nn.Module):
    """Reads a window's moments into one vector of H numbers, and predicts from that with an `MLP`.

    inputs: L * V, moment after moment; lookback: L. units: H, then the hidden layers of the MLP. reader: `dense` (all
    moments side by side), or one of `src.networks.readers.reader_of` with its options. relative: T, the number of first
    inputs of a moment that are the past of the targets. They are read as differences from the last moment, to which the
    first outputs (one for each of them and each of `steps`) are added. So a series may drift out of its former range.

    Source: Zeng, Chen, Zhang and Xu 2023, "Are transformers effective for time series forecasting?", section 4
    (NLinear).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        lookback: int,
        units: Sequence[int],
        reader: str,
        relative: int = 0,
        steps: int = 1,
        dropout: float = 0.0,
        activation: Literal["relu", "tanh", "gelu"] = "relu",
        **options: Any,
    ) -> None:
        super().__init__()
        self.lookback, self.relative, self.steps = lookback, relative, steps
        width, first = inputs // lookback, units[0]
        self.reader = Dense(inputs, first) if reader == "dense" else reader_of(reader, width, first, **options)
        self.dropout = Dropout(dropout)
        self.rest = MLP(first, outputs, units[1:], dropout, activation)
        # Inputs and targets are standardized separately: this is about the ratio of their scales.
        self.ratio_C = nn.Parameter(torch.ones(relative * steps)) if relative else None

    def forward(self, x_BD: Tensor) -> Tensor:
        x_BLV = x_BD.unflatten(1, (self.lookback, -1))
        if self.ratio_C is None:
            return self._answer(x_BLV)
        past_BLT, others = x_BLV.tensor_split([self.relative], dim=2)
        last_B1T = past_BLT[:, -1:]
        answer_BK = self._answer(torch.cat([past_BLT - last_B1T, others], dim=2))
        since_BC = self.ratio_C * last_B1T[:, 0].repeat(1, self.steps)
        return answer_BK + functional.pad(since_BC, (0, answer_BK.shape[1] - since_BC.shape[1]))

    def _answer(self, x_BLV: Tensor) -> Tensor:
        return self.rest(self.dropout(self.reader(x_BLV, torch.ones_like(x_BLV[:, :, :1]))))


class Dense(nn.Module):
    """All places side by side, and a dense layer."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, units)

    def forward(self, x_BLV: Tensor, real_BL1: Tensor) -> Tensor:
        return torch.relu(self.layer(x_BLV.flatten(1)))
