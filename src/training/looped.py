"""The looped backend: one member after another, whole tensors instead of a DataLoader.

One Lightning step is one epoch, so Lightning's per-step overhead occurs once per epoch, while Trainer, device and
precision stay Lightning's. Shapes: A training rows, V validation rows, K outputs, T target columns, P parameters.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import Callback, LightningModule
from torch import Tensor, nn

from src.core.errors import UserError
from src.inputs.sparse import Inputs, widths
from src.models.head import Head
from src.models.heads import make_head
from src.models.measures.measure import Measure
from src.models.schedules import CONSTANT, Schedule
from src.models.updates import OPTIMIZERS, kept_share
from src.networks import build_network
from src.networks.dropout import OwnStream
from src.networks.parameter_groups import begin_epoch, parameter_groups
from src.preparation.fold import Floats, FoldArrays
from src.preparation.targets import restored
from src.problem.training import Engine
from src.tables.table import Table
from src.training.course import CURVE_ROWS, Course, OnEpoch, evenly_spaced, nobody
from src.training.drawing import measured, statistics
from src.training.inputs import PictureInputs, Rows, SentenceInputs, answers, rows_of
from src.training.lightning import make_trainer
from src.training.members import Member, Paused, Trained

# The most numbers of rows collected at once, for several minibatches ahead.
NUMBERS_AHEAD = 2**20
# Rows whose curves are measured at once: the activations of more do not fit into the caches of a CPU.
MEASURED_AT_ONCE = 256


class Steps:
    """Updates a head's network like `Head` with torch's optimizers; a test compares them.

    Each operation takes all parameters and uses torch's fused kernels: the overhead of torch's optimizers is as large
    as a small network's step. `moments`: the optimizer's memories, each with a number per parameter.

    schedule: of the learning rate.
    """

    def __init__(self, head: Head, paused: Paused | None = None, schedule: Schedule = CONSTANT) -> None:
        self.head = head
        self.groups = parameter_groups(head.network)
        self.parameters: list[Tensor] = [p for group in self.groups for p in group.parameters]
        self.weights: list[Tensor] = [p for group in self.groups for p in group.weights]
        place = {id(p): position for position, p in enumerate(self.parameters)}
        self.places = [place[id(p)] for p in self.weights]
        self.regularization = head.regularization
        rule = OPTIMIZERS[head.optimizer]
        self.moments = [[torch.zeros_like(p) for p in self.parameters] for _ in range(rule.memories)]
        self.count = torch.zeros((), device=self.parameters[0].device)
        self.optimizer = rule(self.parameters, self.moments, [self.count] * len(self.parameters))
        self.taken, self.schedule = 0, schedule
        if paused is not None:
            self.taken = paused.steps
            self.count.fill_(paused.steps)
            for moment, before in zip(self.moments, paused.moments, strict=True):
                parts = torch.from_numpy(before).split([p.numel() for p in self.parameters])
                for value, part in zip(moment, parts, strict=True):
                    value.copy_(part.view(value.shape))

    def forget_gradients(self) -> None:
        """Remove the gradients: autograd then stores new ones instead of adding to them."""
        for p in self.parameters:
            p.grad = None

    @torch.no_grad()
    def step(self, shared: bool) -> None:
        """Make one step. shared: whether other processes have gradients of the same step."""
        head = self.head
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        if shared:
            for gradient in gradients:
                torch.distributed.all_reduce(gradient)
        rate = head.learning_rate * self.schedule.share(self.taken)
        kept = kept_share(rate, head.weight_decay) if head.weight_decay else None
        self.regularization.apply(self.weights, [gradients[place] for place in self.places], gradients, kept)
        self.count.add_(1)
        self.taken += 1
        first = 0
        for group in self.groups:
            places = slice(first, first + len(group.parameters))
            first = places.stop
            if group.parameters[0].requires_grad:
                self.optimizer.step(places, gradients, rate * group.rate)

    def flat_moments(self) -> list[NDArray[Any]]:
        return [torch.cat([part.ravel() for part in moment]).cpu().numpy() for moment in self.moments]


class EpochPerStep(LightningModule):
    """Trains a head on a fold. `training_step` is one epoch over shuffled minibatches of whole-tensor rows.

    courses: of the only member, with its curves up to the present epoch.
    """

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
        self.course, self.courses = course, [course]
        self.schema = table.schema
        self.training_rows = _tensors(fold.x_AD, np.hstack([fold.y_AT, fold.further_AH]), fold.w_A, dtype)
        self.validation_rows = _tensors(fold.x_VD, np.hstack([fold.y_VT, fold.further_VH]), fold.w_V, dtype)
        self.measure, self.outputs = measure, table.schema.all_outputs
        self.batch_size = member.candidate.batch_size
        self.shuffle = torch.Generator().manual_seed(member.seed)
        self.masks = torch.Generator().manual_seed(member.seed + 1)
        for module in head.modules():
            if isinstance(module, OwnStream):
                module.generator, module.rows = self.masks, member.candidate.batch_size
        x_AD, y_AT, w_A = self.training_rows
        most = table.schema.problem_type.curve_rows or CURVE_ROWS
        spaced = x_AD.spaced(most) if isinstance(x_AD, SentenceInputs) else None
        rows = torch.from_numpy(evenly_spaced(len(w_A), most)) if spaced is None else spaced
        sampled, every = rows.numpy(), len(rows) == len(w_A)
        self.sampled_rows = self.training_rows if every else (x_AD[rows], y_AT[rows], w_A[rows])
        self.share = slice(None)
        self.shared = False
        self.resumed: Paused | None = None
        self.actual = {
            "training": (table.y_NT[member.training][sampled], table.w_N[member.training][sampled]),
            "validation": (table.y_NT[member.validation], table.w_N[member.validation]),
        }

    def resume(self, paused: Paused) -> None:
        self.resumed = paused
        self.shuffle.set_state(torch.from_numpy(paused.shuffle))
        self.masks.set_state(torch.from_numpy(paused.masks))

    def on_fit_start(self) -> None:
        """Give each of several processes that train a member together its share of every minibatch."""
        self.shared = self.trainer.world_size > 1
        if self.shared and isinstance(self.training_rows[0], SentenceInputs):
            raise UserError(
                "engine.devices: sentences cannot be split over devices; train on one (devices, num_nodes: 1)"
            )
        self.share = slice(self.trainer.global_rank, None, self.trainer.world_size)
        for module in self.head.modules():
            if isinstance(module, OwnStream):
                module.share = self.share

    def train_dataloader(self) -> list[int]:
        return [0]

    def configure_optimizers(self) -> None:
        self.steps = Steps(self.head, self.resumed, self.course.member.schedule)

    def training_step(self, epoch: int, batch_idx: int) -> None:
        self.train_epoch()

    def train_epoch(self) -> None:
        begin_epoch(self.steps.groups, self.course.epoch)
        for x_BD, y_BT, w_B in self._minibatches():
            self.steps.forget_gradients()
            self._loss(x_BD, y_BT, w_B).backward()
            self.steps.step(self.shared)

    def _minibatches(self) -> Iterator[tuple[Rows, Tensor, Tensor]]:
        """The rows of an epoch."""
        x_AD, y_AT, w_A = self.training_rows
        if isinstance(x_AD, SentenceInputs):
            for rows_B in x_AD.minibatches(self.batch_size, self.shuffle):
                yield x_AD[rows_B], y_AT[rows_B], w_A[rows_B]
            return
        order_A = torch.randperm(len(self.fold.x_AD), generator=self.shuffle)
        if isinstance(x_AD, PictureInputs) and x_AD.streams:
            minibatches = order_A.split(self.batch_size)
            parts = zip(minibatches, x_AD.read_ahead(minibatches), strict=True)
            yield from ((x_BCHW, y_AT[rows_B], w_A[rows_B]) for rows_B, x_BCHW in parts)
            return
        of_minibatch = self.batch_size * max(math.prod(self.fold.x_AD.shape[1:]), 1)
        for rows in order_A.split(self.batch_size * max(NUMBERS_AHEAD // of_minibatch, 1)):
            x_RD, y_RT, w_R = x_AD[rows], y_AT[rows], w_A[rows]
            yield from zip(*(part.split(self.batch_size) for part in (x_RD, y_RT, w_R)), strict=True)

    def _loss(self, x_BD: Rows, y_BT: Tensor, w_B: Tensor) -> Tensor:
        if not self.shared:
            return self.head.loss((x_BD.to(self.device), y_BT.to(self.device), w_B.to(self.device)))
        rows_O = torch.arange(len(w_B))[self.share]
        x_OD = x_BD[rows_O].to(self.device)
        y_OT, w_O = (part[rows_O].to(self.device) for part in (y_BT, w_B))
        return (self.head.row_losses(self.head(x_OD), y_OT) * w_O).sum() / w_B.sum().to(self.device)

    def on_train_batch_end(self, outputs: object, batch: int, batch_idx: int) -> None:
        """Measure the epoch before the callbacks for its end run."""
        drawn: Mapping[str, float] = {}
        if self.fold.judge is not None:
            drawn = measured(self.course, lambda: self.head.network, self.fold.judge, self.measure)
        self._record("training", self.sampled_rows, drawn)
        if len(self.fold.x_VD):
            self._record("validation", self.validation_rows, drawn)
        finite = all(bool(p.isfinite().all()) for p in self.steps.parameters)
        ended = self.trainer.strategy.reduce_boolean_decision(self.course.end_epoch(finite))
        self.on_epoch(self.course.steps_done(ended))
        if ended:
            self.trainer.should_stop = True

    def _record(self, rows: str, tensors: tuple[Rows, Tensor, Tensor], drawn: Mapping[str, float]) -> None:
        """drawn: the measure on these rows, where it is one of drawn rows."""
        x_ND, y_NT, w_N = tensors
        logits_NK = self.logits(x_ND)
        losses_N = self.head.main_losses(logits_NK, y_NT)
        loss = float((losses_N * w_N).sum() / w_N.sum())
        if rows in drawn:
            self.course.add(rows, drawn[rows], loss)
            return
        actual_NT, weights_N = self.actual[rows]
        measure = self.measure.value(actual_NT, self.restored(logits_NK)[:, : self.schema.outputs], weights_N)
        self.course.add(rows, measure, loss)

    @torch.no_grad()
    def logits(self, x_ND: Rows, final: bool = False) -> Tensor:
        """Logits of rows on the CPU, in evaluation mode; `final` ones may take longer, see `Head.final_logits`."""
        if not len(x_ND):
            return torch.empty(0, self.outputs)
        self.head.eval()
        logits_NK = answers(x_ND, MEASURED_AT_ONCE, self.device, self.head.final_logits if final else self.head)
        self.head.train()
        return logits_NK

    def restored(self, logits_NK: Tensor) -> NDArray[np.float64]:
        """Probabilities, or values in the target's unit, of all targets side by side."""
        parts = self.schema.split(self.head.predictions(logits_NK).double().numpy())
        return restored(parts, [self.fold.target_scaler, *self.fold.further_scalers])

    def paused(self) -> Paused:
        return Paused(
            epoch=self.course.epoch,
            steps=self.steps.taken,
            moments=self.steps.flat_moments(),
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
    callbacks: Sequence[Callback] = (),
    final: bool = False,
) -> Trained:
    """Train one member on its fold.

    until: pause after this epoch. resumed: the result at the last pause. callbacks, final: see `fit`.
    """
    course = Course(member, until, resumed)
    head = head_of(member, fold, table, dtype)
    if resumed is not None:
        head.network.load_state_dict({name: torch.from_numpy(value) for name, value in resumed.weights.items()})
    loop = EpochPerStep(head, fold, table, course, measure, dtype, on_epoch)
    if resumed is not None and resumed.paused is not None:
        loop.resume(resumed.paused)
    trainer = make_trainer(course.epoch, course.last, engine, device, callbacks)
    trainer.fit(loop)
    loop.cpu()
    weights = {name: value.detach().cpu().numpy().copy() for name, value in head.network.state_dict().items()}
    paused = loop.paused() if course.goes_on else None
    if fold.judge is not None:
        return course.trained(fold, weights, statistics(head.network, fold.judge, member.seed), paused)
    p_VK = loop.restored(loop.logits(loop.validation_rows[0], final))
    outputs = table.schema.outputs
    return course.trained(fold, weights, p_VK[:, :outputs], paused, p_VK[:, outputs:])


def head_of(member: Member, fold: FoldArrays, table: Table, dtype: torch.dtype) -> Head:
    """The member's initial network, with the loss of its problem type."""
    c = member.candidate
    network = initial_network(member, fold, table, dtype)
    return make_head(
        table.schema.head_specs,
        network,
        *(c.optimizer, c.learning_rate, c.l1, c.l2, c.weight_decay, c.clip_norm, c.loss, c.label_smoothing),
    )


def initial_network(member: Member, fold: FoldArrays, table: Table, dtype: torch.dtype) -> nn.Module:
    """The member's initial network, from the member's seed and the initial weights of its fold, if any."""
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(member.seed)
    try:
        network = build_network(member.candidate.network, widths(fold.x_AD), table.schema.all_outputs)
    finally:
        torch.set_rng_state(before)
    state = network.state_dict()
    for name, value in fold.start.items():
        target, values = state[name][: len(value)], torch.from_numpy(value)
        target.copy_(torch.where(values.isfinite(), values, target))
    if member.candidate.pretrained != "none":
        for name, weights in table.starts[member.candidate.start].items():
            state[name].copy_(torch.from_numpy(weights))
    return network.to(dtype)
