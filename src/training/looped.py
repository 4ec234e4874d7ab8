"""The looped backend: one member after another, whole tensors instead of a DataLoader.

One Lightning step is one epoch, so that Lightning's per-step work is paid once per epoch while Trainer, device and
precision stay Lightning's. Shapes: A training rows, V validation rows, K outputs, T target columns,
P parameters.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from src.measures import Measure
from src.models import HEADS
from src.models.head import OPTIMIZERS, Head
from src.networks import build_network
from src.networks.dropout import OwnStream
from src.preprocessing.fold import Floats, FoldArrays
from src.problem import Engine
from src.sparse import Inputs
from src.tables import Table
from src.training.course import CURVE_ROWS, Course, OnEpoch, evenly_spaced, nobody
from src.training.inputs import Rows, rows_of
from src.training.lightning import make_trainer
from src.training.members import Member, Paused, Trained

# The names that torch's optimizers give to what `Paused.moments` holds.
MOMENTS = {
    "rmsprop": ("square_avg",),
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
    "sgd": ("momentum_buffer",),
}


class FlatParameters:
    """A network's parameters as views into one buffer of P numbers, so that the optimizer has one tensor to step."""

    def __init__(self, network: nn.Module) -> None:
        self.parameters = list(network.parameters())
        self.values_P = nn.Parameter(torch.cat([p.detach().ravel() for p in self.parameters]))
        self.gradients_P = torch.zeros_like(self.values_P)
        self.penalized_P = torch.cat([torch.full((p.numel(),), float(p.ndim > 1)) for p in self.parameters])
        self.penalized_P = self.penalized_P.to(self.values_P)
        for p, value in zip(self.parameters, self._views(self.values_P.detach()), strict=True):
            p.data = value

    def bind_gradients(self) -> None:
        """Let every parameter's gradient be a view again: Lightning sets gradients to None behind one's back."""
        self.values_P.grad = self.gradients_P
        for p, gradient in zip(self.parameters, self._views(self.gradients_P), strict=True):
            p.grad = gradient

    @torch.no_grad()
    def before_step(self, head: Head) -> None:
        """What `Head.on_before_optimizer_step` does, in one operation each."""
        if head.l2:
            self.gradients_P.addcmul_(self.values_P, self.penalized_P, value=2 * head.l2)
        if head.l1:
            self.gradients_P.addcmul_(self.values_P.sign(), self.penalized_P, value=head.l1)
        if head.clip_norm is not None:
            self.gradients_P.mul_((head.clip_norm / (self.gradients_P.norm() + 1e-6)).clamp(max=1.0))
        if head.weight_decay:
            self.values_P.mul_(1 - head.learning_rate * head.weight_decay * self.penalized_P)

    def _views(self, buffer_P: Tensor) -> list[Tensor]:
        parts = buffer_P.split([p.numel() for p in self.parameters])
        return [part.view(p.shape) for part, p in zip(parts, self.parameters, strict=True)]


class EpochPerStep(LightningModule):
    """Trains a head on a fold; `training_step` is one epoch over shuffled minibatches of whole-tensor rows."""

    def __init__(
        self,
        head: Head,
        fold: FoldArrays,
        table: Table,
        course: Course,
        measure: Measure,
        dtype: torch.dtype,
        on_epoch: OnEpoch = nobody,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        member = course.member
        self.on_epoch = on_epoch
        self.head = head
        self.fold = fold
        self.course = course
        self.training_rows = _tensors(fold.x_AD, fold.y_AT, fold.w_A, dtype)
        self.validation_rows = _tensors(fold.x_VD, fold.y_VT, fold.w_V, dtype)
        self.measure = measure
        self.batch_size = member.candidate.batch_size
        self.shuffle = torch.Generator().manual_seed(member.seed)
        self.masks = torch.Generator().manual_seed(member.seed + 1)
        for module in head.modules():
            if isinstance(module, OwnStream):
                module.generator, module.rows = self.masks, member.candidate.batch_size
        self.sampled = torch.from_numpy(evenly_spaced(len(member.training)))
        self.own = slice(None)
        self.shared = False
        self.resumed: Paused | None = None
        self.actual = {
            "training": (table.y_NT[member.training][self.sampled], table.w_N[member.training][self.sampled]),
            "validation": (table.y_NT[member.validation], table.w_N[member.validation]),
        }

    def resume(self, paused: Paused) -> None:
        self.resumed = paused
        self.shuffle.set_state(torch.from_numpy(paused.shuffle))
        self.masks.set_state(torch.from_numpy(paused.masks))

    def on_fit_start(self) -> None:
        """Processes that train a member together take every so-manieth row of each minibatch."""
        self.shared = self.trainer.world_size > 1
        self.own = slice(self.trainer.global_rank, None, self.trainer.world_size)
        for module in self.head.modules():
            if isinstance(module, OwnStream):
                module.own = self.own

    def train_dataloader(self) -> list[int]:
        return [0]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        self.flat = FlatParameters(self.head.network)
        optimizer = OPTIMIZERS[self.head.optimizer]([self.flat.values_P], self.head.learning_rate)
        if self.resumed is not None:
            moments = zip(MOMENTS[self.head.optimizer], self.resumed.moments, strict=True)
            state = {name: torch.from_numpy(moment).to(self.flat.values_P) for name, moment in moments}
            state["step"] = torch.tensor(float(self.resumed.steps), device=self.flat.values_P.device)
            optimizer.state[self.flat.values_P] = state
        return optimizer

    def training_step(self, epoch: int, batch_idx: int) -> None:
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        self.train_epoch(optimizer)

    def train_epoch(self, optimizer: torch.optim.Optimizer) -> None:
        self.flat.bind_gradients()
        order_A = torch.randperm(len(self.fold.x_AD), generator=self.shuffle)
        for rows_B in order_A.split(self.batch_size):
            x_BD, y_BT, w_B = (part[rows_B[self.own]].to(self.device) for part in self.training_rows)
            self.flat.gradients_P.zero_()
            if self.shared:
                whole = self.training_rows[2][rows_B].sum()
                ((self.head.row_losses(self.head(x_BD), y_BT) * w_B).sum() / whole).backward()
                torch.distributed.all_reduce(self.flat.gradients_P)
            else:
                self.head.loss((x_BD, y_BT, w_B)).backward()
            self.flat.before_step(self.head)
            optimizer.step()

    def on_train_epoch_end(self) -> None:
        x_AD, y_AT, w_A = self.training_rows
        self._record("training", (x_AD[self.sampled], y_AT[self.sampled], w_A[self.sampled]))
        if len(self.fold.x_VD):
            self._record("validation", self.validation_rows)
        finite = bool(self.flat.values_P.isfinite().all())
        ended = self.trainer.strategy.reduce_boolean_decision(self.course.end_epoch(finite))
        self.on_epoch(1 + self.course.rest if ended else 1)
        self.trainer.should_stop = ended

    def _record(self, rows: str, tensors: tuple[Rows, Tensor, Tensor]) -> None:
        x_ND, y_NT, w_N = tensors
        logits_NK = self.logits(x_ND)
        losses_N = self.head.row_losses(logits_NK, y_NT)
        actual_NT, weights_N = self.actual[rows]
        measure = self.measure.value(actual_NT, self.restored(logits_NK), weights_N)
        self.course.add(rows, measure, float((losses_N * w_N).sum() / w_N.sum()))

    @torch.no_grad()
    def logits(self, x_ND: Rows) -> Tensor:
        """Logits of rows on the CPU, in evaluation mode."""
        self.head.eval()
        parts = [self.head(x_BD.to(self.device)).cpu() for x_BD in x_ND.split(CURVE_ROWS)]
        self.head.train()
        return torch.cat(parts)

    def restored(self, logits_NK: Tensor) -> NDArray[np.float64]:
        """Probabilities, or values in the target's unit."""
        return self.fold.restore(self.head.predictions(logits_NK).double().numpy())

    def paused(self, optimizer: torch.optim.Optimizer) -> Paused:
        state = optimizer.state[self.flat.values_P]
        return Paused(
            epoch=self.course.epoch,
            steps=self.course.epoch * -(-len(self.fold.x_AD) // self.batch_size),
            moments=[state[name].cpu().numpy().copy() for name in MOMENTS[self.head.optimizer]],
            shuffle=self.shuffle.get_state().numpy(),
            masks=self.masks.get_state().numpy(),
            lowest=self.course.lowest,
            since=self.course.since,
        )


def _tensors(x_ND: Inputs, y_NT: Floats, w_N: Floats, dtype: torch.dtype) -> tuple[Rows, Tensor, Tensor]:
    return rows_of(x_ND, dtype), torch.from_numpy(y_NT).to(dtype), torch.from_numpy(w_N).to(dtype)


def train_looped(
    member: Member,
    fold: FoldArrays,
    table: Table,
    measure: Measure,
    engine: Engine,
    dtype: torch.dtype = torch.float32,
    on_epoch: OnEpoch = nobody,
    until: int | None = None,
    resumed: Trained | None = None,
    device: int = 0,
) -> Trained:
    """Train one member on its fold.

    until: pause after this epoch.
    resumed: what the pause before gave.
    """
    course = Course(member, until, resumed)
    head = head_of(member, fold, table, dtype)
    if resumed is not None:
        head.network.load_state_dict({name: torch.from_numpy(value) for name, value in resumed.weights.items()})
    loop = EpochPerStep(head, fold, table, course, measure, dtype, on_epoch)
    if resumed is not None and resumed.paused is not None:
        loop.resume(resumed.paused)
    trainer = make_trainer(course.rest, engine, device)
    trainer.fit(loop)
    optimizer = trainer.optimizers[0]
    loop.cpu()
    weights = {name: value.detach().cpu().numpy().copy() for name, value in head.network.state_dict().items()}
    p_VK = loop.restored(loop.logits(loop.validation_rows[0]))
    return course.trained(fold, weights, p_VK, loop.paused(optimizer) if course.goes_on else None)


def head_of(member: Member, fold: FoldArrays, table: Table, dtype: torch.dtype) -> Head:
    """The member's network as it starts, with the loss of its problem type."""
    c = member.candidate
    network = initial_network(member, fold, table, dtype)
    head = HEADS[table.schema.type]
    return head(network, c.optimizer, c.learning_rate, c.l1, c.l2, c.weight_decay, c.clip_norm)


def initial_network(member: Member, fold: FoldArrays, table: Table, dtype: torch.dtype) -> nn.Module:
    """The member's network as it starts, from the member's seed."""
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(member.seed)
    try:
        return build_network(member.candidate.network, fold.x_AD.shape[1], table.schema.outputs).to(dtype)
    finally:
        torch.set_rng_state(before)
