"""What all heads share: the loss with its penalties, the optimizer, and Lightning's steps.

A head can be lifted out and given to any Trainer. Shapes: B rows, K outputs, T target columns.
"""

from abc import abstractmethod
from collections.abc import Callable

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from src.networks.tagger import Tokens

# Of a network with several inputs, a tensor for each.
Inputs = Tensor | tuple[Tensor, ...] | Tokens
Batch = tuple[Inputs, Tensor, Tensor]

# RMSprop with the defaults of Keras and the book: rho 0.9, epsilon 1e-7.
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "rmsprop": lambda parameters, lr: torch.optim.RMSprop(parameters, lr=lr, alpha=0.9, eps=1e-7),
    "adam": lambda parameters, lr: torch.optim.Adam(parameters, lr=lr, fused=True),
    "adamw": lambda parameters, lr: torch.optim.AdamW(parameters, lr=lr, fused=True, weight_decay=0.0),
    "sgd": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9, fused=True),
}


class Head(LightningModule):
    """A network with the loss of its problem type.

    l1, l2: penalties on the weights of every layer, not on biases, as in the book: l1 * sum |w| + l2 * sum w². Their
    gradients are added before each optimizer step. clip_norm: the gradient, penalties included, is no longer than that.
    weight_decay: decoupled from the gradient, on the weights alone: before each step w shrinks by learning_rate *
    weight_decay * w. A batch is (inputs, targets_BT, weights_B).
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
    ) -> None:
        super().__init__()
        self.network = network
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.l1 = l1
        self.l2 = l2
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm

    def forward(self, x: Inputs) -> Tensor:
        """Inputs to logits_BK."""
        return self.network(x)

    @abstractmethod
    def row_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        """The loss of each row, (B,)."""

    def main_losses(self, logits_BK: Tensor, y_BT: Tensor) -> Tensor:
        """What the curves show of `row_losses`: those of the target that the problem asks for."""
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

    def loss(self, batch: Batch) -> Tensor:
        """The weighted mean loss of a batch, without penalties."""
        x, y_BT, w_B = batch
        return (self.row_losses(self(x), y_BT) * w_B).sum() / w_B.sum()

    @torch.no_grad()
    def add_penalty_gradients(self) -> None:
        """Add the gradients of the L1 and L2 penalty, in closed form, to those of the loss."""
        for p in self.network.parameters():
            if p.ndim > 1 and p.grad is not None:
                if self.l2:
                    p.grad.add_(p, alpha=2 * self.l2)
                if self.l1:
                    p.grad.add_(p.sign(), alpha=self.l1)

    @torch.no_grad()
    def decay_weights(self) -> None:
        for p in self.network.parameters():
            if p.ndim > 1:
                p.mul_(1 - self.learning_rate * self.weight_decay)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        self.add_penalty_gradients()
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)
        if self.weight_decay:
            self.decay_weights()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        loss = self.loss(batch)
        self.log("training_loss", loss, batch_size=len(batch[1]))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log("validation_loss", self.loss(batch), batch_size=len(batch[1]))

    def predict_step(self, batch: Inputs, batch_idx: int) -> Tensor:
        return self.predictions(self(batch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return OPTIMIZERS[self.optimizer](self.parameters(), self.learning_rate)
