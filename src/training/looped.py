"""The looped backend: one member after another, whole tensors instead of a DataLoader.

One Lightning step is one epoch, so that Lightning's per-step work is paid once per epoch while Trainer, device and
precision stay Lightning's. Shapes: A training rows, V validation rows, K outputs, T target columns,
P parameters.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from src.measures import Measure
from src.models import HEADS
from src.models.head import OPTIMIZERS, Head
from src.networks import build_network
from src.networks.dropout import Dropout
from src.preprocessing.fold import FoldArrays
from src.tables import Table
from src.training.lightning import make_trainer
from src.training.members import History, Member, Trained

# The training curve is measured on at most so many rows, evenly spaced.
CURVE_ROWS = 10_000


class FlatParameters:
    """A network's parameters as views into one buffer of P numbers, so that the optimizer has one tensor to step."""

    def __init__(self, network: nn.Module) -> None:
        self.parameters = list(network.parameters())
        self.values_P = nn.Parameter(torch.cat([p.detach().ravel() for p in self.parameters]))
        self.gradients_P = torch.zeros_like(self.values_P)
        self.penalized_P = torch.cat([torch.full((p.numel(),), float(p.ndim > 1)) for p in self.parameters])
        self.penalized_P = self.penalized_P.to(self.values_P.device)
        for p, value in zip(self.parameters, self._views(self.values_P.detach()), strict=True):
            p.data = value

    def bind_gradients(self) -> None:
        """Let every parameter's gradient be a view again: Lightning sets gradients to None behind one's back."""
        self.values_P.grad = self.gradients_P
        for p, gradient in zip(self.parameters, self._views(self.gradients_P), strict=True):
            p.grad = gradient

    def add_penalty_gradients(self, head: Head) -> None:
        """What `Head.add_penalty_gradients` does, in one operation each."""
        with torch.no_grad():
            if head.l2:
                self.gradients_P.addcmul_(self.values_P, self.penalized_P, value=2 * head.l2)
            if head.l1:
                self.gradients_P.addcmul_(self.values_P.sign(), self.penalized_P, value=head.l1)

    def _views(self, buffer_P: Tensor) -> list[Tensor]:
        parts = buffer_P.split([p.numel() for p in self.parameters])
        return [part.view(p.shape) for part, p in zip(parts, self.parameters, strict=True)]


class EpochPerStep(LightningModule):
    """Trains a head on a fold; `training_step` is one epoch over shuffled minibatches of whole-tensor rows."""

    def __init__(
        self, head: Head, fold: FoldArrays, table: Table, member: Member, measure: Measure, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.head = head
        self.fold = fold
        self.training_rows = tuple(torch.from_numpy(part).to(dtype) for part in (fold.x_AD, fold.y_AT, fold.w_A))
        self.validation_rows = tuple(torch.from_numpy(part).to(dtype) for part in (fold.x_VD, fold.y_VT, fold.w_V))
        self.measure = measure
        self.batch_size = member.candidate.batch_size
        self.shuffle = torch.Generator().manual_seed(member.seed)
        self.sampled = torch.from_numpy(evenly_spaced(len(member.training)))
        self.curves: dict[str, list[float]] = {name: [] for name in History.__dataclass_fields__}
        self.actual = {
            "training": (table.y_NT[member.training][self.sampled], table.w_N[member.training][self.sampled]),
            "validation": (table.y_NT[member.validation], table.w_N[member.validation]),
        }

    def train_dataloader(self) -> list[int]:
        return [0]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        self.flat = FlatParameters(self.head.network)
        return OPTIMIZERS[self.head.optimizer]([self.flat.values_P], self.head.learning_rate)

    def training_step(self, epoch: int, batch_idx: int) -> None:
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        self.flat.bind_gradients()
        order_A = torch.randperm(len(self.fold.x_AD), generator=self.shuffle)
        for rows_B in order_A.split(self.batch_size):
            x_BD, y_BT, w_B = (part[rows_B].to(self.device) for part in self.training_rows)
            self.flat.gradients_P.zero_()
            self.head.loss((x_BD, y_BT, w_B)).backward()
            self.flat.add_penalty_gradients(self.head)
            optimizer.step()

    def on_train_epoch_end(self) -> None:
        self._record("training", tuple(part[self.sampled] for part in self.training_rows))
        if len(self.fold.x_VD):
            self._record("validation", self.validation_rows)

    def _record(self, rows: str, tensors: tuple[Tensor, ...]) -> None:
        x_ND, y_NT, w_N = tensors
        logits_NK = self.logits(x_ND)
        losses_N = self.head.row_losses(logits_NK, y_NT)
        actual_NT, weights_N = self.actual[rows]
        self.curves[f"{rows}_loss"].append(float((losses_N * w_N).sum() / w_N.sum()))
        self.curves[rows].append(self.measure.value(actual_NT, self.restored(logits_NK), weights_N))

    @torch.no_grad()
    def logits(self, x_ND: Tensor) -> Tensor:
        """Logits of rows on the CPU, in evaluation mode."""
        self.head.eval()
        parts = [self.head(x_BD.to(self.device)).cpu() for x_BD in x_ND.split(CURVE_ROWS)]
        self.head.train()
        return torch.cat(parts)

    def restored(self, logits_NK: Tensor) -> NDArray[np.float64]:
        """Probabilities, or values in the target's unit."""
        return self.fold.restore(self.head.predictions(logits_NK).double().numpy())


def train_looped(
    member: Member,
    fold: FoldArrays,
    table: Table,
    measure: Measure,
    accelerator: str,
    dtype: torch.dtype = torch.float32,
    on_epoch: Callable[[], object] | None = None,
) -> Trained:
    """Train one member on its fold; `on_epoch` is called after every epoch."""
    candidate = member.candidate
    with torch.random.fork_rng():
        torch.manual_seed(member.seed)
        network = build_network(candidate.network, fold.x_AD.shape[1], table.schema.outputs).to(dtype)
    masks = torch.Generator().manual_seed(member.seed + 1)
    for module in network.modules():
        if isinstance(module, Dropout):
            module.generator, module.rows = masks, candidate.batch_size
    head = HEADS[table.schema.type](
        network, candidate.optimizer, candidate.learning_rate, l1=candidate.l1, l2=candidate.l2
    )
    loop = EpochPerStep(head, fold, table, member, measure, dtype)
    make_trainer(candidate.epochs, accelerator, on_epoch).fit(loop)
    loop.cpu()
    return Trained(
        member=member,
        vectorizer=fold.vectorizer,
        target_scaler=fold.target_scaler,
        weights={name: value.detach().numpy().copy() for name, value in network.state_dict().items()},
        inputs=fold.x_AD.shape[1],
        history=History(**{name: np.array(values) for name, values in loop.curves.items()}),
        predictions=loop.restored(loop.logits(loop.validation_rows[0])),
    )


def evenly_spaced(rows: int) -> NDArray[np.intp]:
    """Positions of at most `CURVE_ROWS` of so many rows."""
    return np.unique(np.linspace(0, rows - 1, min(rows, CURVE_ROWS)).astype(np.intp))
