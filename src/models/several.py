"""Several heads on one network, with a weighted sum of their losses.

Book: "The Keras functional API": multi-output models. Shapes: B rows, K outputs, T target columns of all heads.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from src.models.head import Head


class HeadSpec(Protocol):
    """One of the targets of a network.

    type: of the problem. columns: of targets. outputs: of the network. weight: of its loss; the main target's is 1.
    """

    @property
    def type(self) -> str: ...

    @property
    def columns(self) -> int: ...

    @property
    def outputs(self) -> int: ...

    @property
    def weight(self) -> float: ...


class SeveralHeads(Head):
    """The main head, which the curves show, and further ones.

    Logits and targets are side by side in the order of `specs`, the main one first. A row in which a further target
    is NaN does not count in that head's loss.
    """

    def __init__(
        self, heads: Sequence[type[Head]], specs: Sequence[HeadSpec], network: nn.Module, *training: Any
    ) -> None:
        super().__init__(network, *training)
        # Not registered as submodules: they have no parameters.
        main = heads[0](nn.Identity(), criterion=self.criterion, label_smoothing=self.label_smoothing)
        self.heads = (main, *(head(nn.Identity()) for head in heads[1:]))
        self.specs = list(specs)

    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        losses_B = self.main_losses(logits_BK, y_BT)
        for head, spec, logits_BH, y_BH in list(self._of_each(logits_BK, y_BT))[1:]:
            known_B = y_BH.isfinite().all(1)
            of_row_B = head.row_losses(logits_BH, y_BH.where(known_B[:, None], 0.0))
            losses_B = losses_B + spec.weight * of_row_B.where(known_B, 0.0)
        return losses_B

    def main_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        main, _, logits_BH, y_BH = next(self._of_each(logits_BK, y_BT))
        return main.row_losses(logits_BH, y_BH)

    def predictions(self, logits_BK: Tensor) -> Tensor:
        parts = logits_BK.split([spec.outputs for spec in self.specs], dim=-1)
        return torch.cat([head.predictions(part) for head, part in zip(self.heads, parts, strict=True)], dim=-1)

    def _of_each(self, logits_BK: Tensor, y_BT: Tensor) -> Iterator[tuple[Head, HeadSpec, Tensor, Tensor]]:
        logits = logits_BK.split([spec.outputs for spec in self.specs], dim=1)
        targets = y_BT.split([spec.columns for spec in self.specs], dim=1)
        return zip(self.heads, self.specs, logits, targets, strict=True)
