"""Heads that give probabilities of classes or labels. Shapes: B rows, K classes or labels."""

import torch
from torch import Tensor
from torch.nn import functional

from src.models.head import Head


def _smoothed(certain: Tensor, share: float, classes: int) -> Tensor:
    """Probabilities of classes, a `share` of which is dealt out evenly (Szegedy et al. 2016)."""
    return certain * (1 - share) + share / classes if share else certain


class BinaryClassification(Head):
    """One logit: sigmoid and binary cross-entropy; y_B1 is 0 or 1."""

    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        target_BK = self.targets(y_BT, logits_BK.shape[1])
        return functional.binary_cross_entropy_with_logits(logits_BK, target_BK, reduction="none").mean(1)

    def predictions(self, logits_BK: Tensor) -> Tensor:
        return torch.sigmoid(logits_BK)

    def targets(self, y_BT: Tensor, outputs: int) -> Tensor:
        return _smoothed(y_BT, self.label_smoothing, 2)


class MultilabelClassification(BinaryClassification):
    """One logit per label: sigmoids and binary cross-entropy, averaged over the labels; y_BK is 0 or 1."""


class MulticlassClassification(Head):
    """One logit per class: softmax and cross-entropy; y_B1 is the class index."""

    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        classes_B = y_BT[:, 0].long()
        return functional.cross_entropy(logits_BK, classes_B, reduction="none", label_smoothing=self.label_smoothing)

    def predictions(self, logits_BK: Tensor) -> Tensor:
        return torch.softmax(logits_BK, dim=-1)

    def targets(self, y_BT: Tensor, outputs: int) -> Tensor:
        return _smoothed(functional.one_hot(y_BT[:, 0].long(), outputs).to(y_BT), self.label_smoothing, outputs)

    def slope(self, outputs: int) -> float:
        return 1.0
