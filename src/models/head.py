"""What all heads share: the loss with its penalties, the optimizer, and Lightning's steps.

A head can be lifted out and given to any Trainer. Shapes: B rows, K outputs, T target columns.
"""

from abc import abstractmethod

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from src.models.updates import OPTIMIZERS, Regularization, kept_share
from src.networks.parameter_groups import begin_epoch, parameter_groups
from src.networks.tagger import Tokens

# For a network with several inputs, a tensor for each.
Inputs = Tensor | tuple[Tensor, ...] | Tokens
# A batch of a DataLoader: inputs, targets_BT and, if rows have weights, weights_B.
Batch = tuple[Inputs, Tensor] | tuple[Inputs, Tensor, Tensor]


class Head(LightningModule):
    """A network with the loss of its problem type.

    l1, l2: penalties on the weights of every layer, not on biases, as in the book: l1 * sum |w| + l2 * sum w².
    clip_norm: the longest gradient, penalties included. weight_decay: decoupled from the gradient, on the weights only:
    before each step w shrinks by learning_rate * weight_decay * w. The formulas are in `src.models.updates`. criterion:
    the loss, one of the problem type's `losses`; auto: its own. label_smoothing: the share of a row's certainty that
    goes to all classes alike. A batch is (inputs, targets_BT) or (inputs, targets_BT, weights_B).
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: str = "rmsprop",
        learning_rate: float = 1e-3,
        l1: float = 0.0,
        l2: float = 0.0,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        criterion: str = "auto",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.network = network
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.l1 = l1
        self.l2 = l2
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.criterion = criterion
        self.label_smoothing = label_smoothing

    def forward(self, x: Inputs) -> Tensor:
        """Inputs to logits_BK."""
        return self.network(x)

    def final_logits(self, x: Inputs) -> Tensor:
        """The same of a finished network, which may take longer than while it learns."""
        return self(x)

    @abstractmethod
    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        """The loss of each row, (B,)."""

    def main_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        """The part of `row_losses` that the curves show: that of the main target."""
        return self.row_losses(logits_BK, y_BT)

    @abstractmethod
    def predictions(self, logits_BK: Tensor) -> Tensor:
        """Probabilities or predicted values, (..., K)."""

    # The last activation of every head is the canonical link of its loss (Bishop 2006, section 4.3.6): the gradient of
    # a row's loss by its logits is predictions minus targets, times a slope.

    def targets(self, y_BT: Tensor, outputs: int) -> Tensor:
        """What the predictions should be, (B, K)."""
        return y_BT

    def slope(self, outputs: int) -> float:
        return 1 / outputs

    def errors(self, logits_BK: Tensor, target_BK: Tensor) -> Tensor:
        """The gradient of each row's loss by its logits without the slope, (..., K)."""
        return self.predictions(logits_BK) - target_BK

    def loss(self, batch: Batch) -> Tensor:
        """The weighted mean loss of a batch, without penalties."""
        x, y_BT, *weights = batch
        losses_B = self.row_losses(self(x), y_BT)
        if not weights:
            return losses_B.mean()
        [w_B] = weights
        return (losses_B * w_B).sum() / w_B.sum()

    @property
    def regularization(self) -> Regularization:
        """The changes to gradients and weights before each step."""
        return Regularization(self.l1 or None, self.l2 or None, self.clip_norm)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        groups = parameter_groups(self.network)
        weights: list[Tensor] = [p for group in groups for p in group.weights if p.grad is not None]
        of_weights = [p.grad for p in weights if p.grad is not None]
        rate = optimizer.param_groups[0]["lr"]
        kept = kept_share(rate, self.weight_decay) if self.weight_decay else None
        self.regularization.apply(weights, of_weights, gradients, kept)

    def on_train_epoch_start(self) -> None:
        begin_epoch(parameter_groups(self.network), self.trainer.current_epoch)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = self.loss(batch)
        self.log("training_loss", loss, batch_size=len(batch[1]))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("validation_loss", self.loss(batch), batch_size=len(batch[1]))

    def predict_step(self, batch: Batch | tuple[Inputs], batch_idx: int) -> Tensor:
        """Predictions_BK for the inputs of a batch, which may have no targets."""
        return self.predictions(self.final_logits(batch[0]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        groups = [
            {"params": group.parameters, "lr": self.learning_rate * group.rate}
            for group in parameter_groups(self.network)
        ]
        return OPTIMIZERS[self.optimizer].of_torch(groups, self.learning_rate)
