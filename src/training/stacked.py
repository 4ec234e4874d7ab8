"""The stacked backend: members of one kind of network trained together, as one model.

One Lightning step is one epoch. A minibatch holds rows of every member, each from its own fold in its own order; folds
of unequal size and last minibatches are padded with rows of weight zero, and a member that has no rows left in a step
is not stepped. Everything is padded to whole vector registers, so that a member comes out the same to the last bit
whatever is trained beside it: otherwise a change of one fold's rows could reach another fold's weights by rounding.
A member that has run its epochs, out of patience or out of numbers leaves, and the stack goes on without it.
Shapes: M members, F folds, S streams of random numbers, A training rows (of the largest fold), B rows of a minibatch,
D inputs, T target columns, K outputs, P parameters.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from src.measures import Measure
from src.models import HEADS
from src.models.head import Head
from src.networks.mlp import MLP
from src.networks.stack import REGISTER, RowShape, Stack
from src.networks.stacked_mlp import StackedMLP
from src.networks.stacked_modules import StackedModules
from src.preprocessing.fold import FoldArrays
from src.problem import Engine
from src.tables import Table
from src.training.course import CURVE_ROWS, Course, OnEpoch, evenly_spaced, nobody
from src.training.lightning import make_trainer
from src.training.looped import initial_network
from src.training.members import Member, Paused, Trained
from src.training.optimizers import STACKED_OPTIMIZERS, StackedOptimizer

# Random numbers for dropout drawn at once, so that a large table's masks are never all there.
DRAWN_AT_ONCE = 2**22


class StackRefused(Exception):
    """Why a stack is not to be trusted; its members are looped then."""


class EpochOfAllMembers(LightningModule):
    """Trains a stack; `training_step` is one epoch of every member.

    units: the widths to which narrower dense networks are filled up; those of the widest member by default.
    """

    def __init__(
        self,
        courses: Sequence[Course],
        folds: Sequence[FoldArrays],
        table: Table,
        measure: Measure,
        dtype: torch.dtype,
        on_epoch: OnEpoch = nobody,
        resumed: Sequence[Trained] | None = None,
        units: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.measure = measure
        self.table = table
        self.dtype_used = dtype
        self.on_epoch = on_epoch
        self.units = units
        distinct = list({id(fold): fold for fold in folds}.values())
        number = {id(fold): f for f, fold in enumerate(distinct)}
        self.distinct = distinct
        # Members of one fold stand together, so that a fold's rows are one slice of the stack.
        self.places = sorted(range(len(courses)), key=lambda m: number[id(folds[m])])
        self.courses = [courses[m] for m in self.places]
        self.resumed = [resumed[m] for m in self.places] if resumed else None
        self.fold_of_M = torch.tensor([number[id(folds[m])] for m in self.places])
        self.candidate = courses[0].member.candidate
        self.padded = _padded(distinct, dtype)
        self.padding = self.padded[0].shape[1] - 1
        of_fold = dict(zip(reversed(self.fold_of_M.tolist()), reversed(self.courses), strict=True))
        rows = [of_fold[f].member for f in range(len(distinct))]
        sampled = [evenly_spaced(len(fold.x_AD)) for fold in distinct]
        self.sampled = [torch.from_numpy(of) for of in sampled]
        training = [member.training[of] for member, of in zip(rows, sampled, strict=True)]
        self.actual = {
            "training": [(table.y_NT[of], table.w_N[of]) for of in training],
            "validation": [(table.y_NT[m.validation], table.w_N[m.validation]) for m in rows],
        }
        self.results: dict[int, Trained] = {}
        self.drawn_from = self.drawn_to = 0
        self.drawn: list[Tensor | None] = []

    def train_dataloader(self) -> list[int]:
        return [0]

    def configure_optimizers(self) -> None:
        return None

    def on_fit_start(self) -> None:
        fold = self.distinct[0]
        networks = [initial_network(c.member, fold, self.table, self.dtype_used) for c in self.courses]
        if self.resumed:
            for network, before in zip(networks, self.resumed, strict=True):
                network.load_state_dict({name: torch.from_numpy(value) for name, value in before.weights.items()})
        # A head for its loss and its last activation; its own network is not used.
        self.head: Head = HEADS[self.table.schema.type](nn.Identity())
        self.stack = stack_of(networks, self.candidate.network, fold, self.device, self.units)
        candidates = [c.member.candidate for c in self.courses]
        column = lambda values: torch.tensor(values, dtype=self.dtype_used, device=self.device)[:, None]  # noqa: E731
        self.l1_M1 = column([c.l1 for c in candidates])
        self.l2_M1 = column([c.l2 for c in candidates])
        self.clip_M1 = column([torch.inf if c.clip_norm is None else c.clip_norm for c in candidates])
        rates = [self.stack.dropout_rates(network) for network in networks]
        self.dropout_ML = torch.tensor(rates, dtype=self.dtype_used).view(len(networks), -1)
        decay_MP = column([c.weight_decay for c in candidates]) * self.stack.penalized_P
        self.optimizer: StackedOptimizer = STACKED_OPTIMIZERS[self.candidate.optimizer](
            self.stack.values_MP, column([c.learning_rate for c in candidates]), decay_MP if decay_MP.any() else None
        )
        self._start_streams()
        self.padded = tuple(part.to(self.device).flatten(0, 1) for part in self.padded)
        self.validation = [
            tuple(torch.from_numpy(part).to(self.padded[0]) for part in (fold.x_VD, fold.y_VT, fold.w_V))
            for fold in self.distinct
        ]
        if self.resumed:
            self._resume(self.resumed)
        self._settle()

    def _start_streams(self) -> None:
        """One order of rows per fold and seed, and beside it one stream of masks for each set of dropouts that are on:
        (shape of a row, or None where a dropout is off) in the order drawn."""
        orders: dict[tuple[int, int], int] = {}
        masks: dict[tuple[int, tuple[RowShape | None, ...]], int] = {}
        order_of, masks_of = [], []
        for m, (course, f) in enumerate(zip(self.courses, self.fold_of_M.tolist(), strict=True)):
            s = orders.setdefault((f, course.member.seed), len(orders))
            shapes = self.stack.dropouts_of(m)
            rates = self.dropout_ML[m].tolist()
            on = tuple(shape if rate > 0 else None for shape, rate in zip(shapes, rates, strict=True))
            order_of.append(s)
            masks_of.append(masks.setdefault((s, on), len(masks)))
        self.order_of_M, self.masks_of_M = torch.tensor(order_of), torch.tensor(masks_of)
        self.fold_of_S = [f for f, _ in orders]
        self.shuffles = [torch.Generator().manual_seed(seed) for _, seed in orders]
        seeds = [seed for _, seed in orders]
        self.masks = [torch.Generator().manual_seed(seeds[s] + 1) for s, _ in masks]
        self.mask_shapes = [on for _, on in masks]
        self.fold_of_masks = [self.fold_of_S[s] for s, _ in masks]

    def _resume(self, before: Sequence[Trained]) -> None:
        for m, one in enumerate(before):
            paused = one.paused
            assert paused is not None, "only a training that was paused can go on"
            self.optimizer.steps_M1[m] = paused.steps
            for buffer_MP, moment in zip(self.optimizer.state, paused.moments, strict=True):
                sizes = [shape.numel() for shape in self.stack.own_shapes[m]]
                parts = torch.from_numpy(moment).split(sizes)
                shaped = [part.view(shape) for part, shape in zip(parts, self.stack.own_shapes[m], strict=True)]
                self.stack.write(buffer_MP, m, shaped)
            self.shuffles[self.order_of_M[m]].set_state(torch.from_numpy(paused.shuffle))
            self.masks[self.masks_of_M[m]].set_state(torch.from_numpy(paused.masks))

    def _settle(self) -> None:
        """What follows from who is in the stack."""
        folds = self.fold_of_M.tolist()
        self.slice_of_fold = {f: slice(folds.index(f), folds.index(f) + folds.count(f)) for f in dict.fromkeys(folds)}
        self.offset_M1 = (self.fold_of_M * (self.padding + 1))[:, None].to(self.device)
        self.live_orders = [s for s in range(len(self.shuffles)) if bool((self.order_of_M == s).any())]
        self.live_masks = [s for s in range(len(self.masks)) if bool((self.masks_of_M == s).any())]
        self.longest = max(len(self.distinct[f].x_AD) for f in folds)
        self.shortest = min(len(self.distinct[f].x_AD) for f in folds)
        self.any_l1, self.any_l2 = bool(self.l1_M1.any()), bool(self.l2_M1.any())
        self.any_clip = bool(self.clip_M1.isfinite().any())
        self.any_dropout_L = (self.dropout_ML > 0).any(0).tolist()

    def training_step(self, epoch: int, batch_idx: int) -> None:
        first = self.trainer.current_epoch == 0 and not self.resumed
        before_MP = self.stack.values_MP.clone() if first else None
        self.train_epoch()
        if before_MP is not None and bool((before_MP == self.stack.values_MP).all(1).any()):
            raise StackRefused("no weight of a member changed in a whole epoch")

    @torch.no_grad()
    def train_epoch(self) -> None:
        x_XD, y_XT, w_X = self.padded
        size = self.candidate.batch_size
        order_SA = self._orders()
        rows_M = torch.tensor([len(self.distinct[f].x_AD) for f in self.fold_of_M.tolist()])
        for start in range(0, self.longest, size):
            drawn = self._draw(start)
            for members, rows_SB in self._minibatches(order_SA, rows_M, start):
                chosen = slice(None) if members is None else members
                rows_MB = rows_SB[self.order_of_M[chosen]].to(self.device) + self.offset_M1[chosen]
                flat = rows_MB.ravel()
                x_MBD = x_XD.index_select(0, flat).view(*rows_MB.shape, *x_XD.shape[1:])
                y_MBT = y_XT.index_select(0, flat).view(*rows_MB.shape, -1)
                w_MB = w_X.index_select(0, flat).view(rows_MB.shape)
                factors = self._factors(drawn, rows_MB.shape[1], chosen)
                logits_MBK = self.stack.forward(x_MBD, factors, members)
                self.stack.backward(self._logit_gradients(logits_MBK, y_MBT, w_MB))
            self._before_step()
            everyone = start + size <= self.shortest
            self.optimizer.step(
                self.stack.gradients_MP, None if everyone else torch.nonzero(rows_M > start)[:, 0].to(self.device)
            )

    def _minibatches(self, order_SA: Tensor, rows_M: Tensor, start: int) -> Sequence[tuple[Tensor | None, Tensor]]:
        """The rows of a step, of every stream; and the members to take at once, which is all of them where short
        minibatches may be padded, otherwise those that have equally many rows left."""
        size = self.candidate.batch_size
        if self.stack.pads_rows:
            rows_SB = order_SA[:, start : start + size]
            return [(None, nn.functional.pad(rows_SB, (0, -size % REGISTER), value=self.padding))]
        left_M = (rows_M - start).clamp(0, size)
        if bool((left_M == size).all()):
            return [(None, order_SA[:, start : start + size])]
        parts = [(n, torch.nonzero(left_M == n)[:, 0]) for n in left_M.unique().tolist() if n]
        return [(members.to(self.device), order_SA[:, start : start + n]) for n, members in parts]

    def _orders(self) -> Tensor:
        """Each stream's rows in this epoch's order, padded to whole minibatches with the row of weight zero."""
        whole = -(-self.longest // self.candidate.batch_size) * self.candidate.batch_size
        order_SA = torch.full((len(self.shuffles), whole), self.padding)
        for s in self.live_orders:
            rows = len(self.distinct[self.fold_of_S[s]].x_AD)
            order_SA[s, :rows] = torch.randperm(rows, generator=self.shuffles[s])
        return order_SA

    def _draw(self, start: int) -> list[Tensor | None]:
        """Uniform numbers (masks, B, ...) for each dropout in the step that begins at row `start`.

        A fold draws whole minibatches and only while it has rows, so that its stream is the one it has alone. Some
        steps are drawn ahead, at once.
        """
        if not any(self.any_dropout_L):
            return [None] * len(self.any_dropout_L)
        size, step = self.candidate.batch_size, start // self.candidate.batch_size
        if start == 0 or step >= self.drawn_to:
            numbers = len(self.masks) * size * sum(math.prod(shape) for shape in self.stack.dropouts)
            ahead = min(max(DRAWN_AT_ONCE // numbers, 1), -(-self.longest // size) - step)
            self.drawn_from, self.drawn_to = step, step + ahead
            self.drawn = [None if part is None else part.to(self.device) for part in self._draw_ahead(step, ahead)]
        return [None if part is None else part[:, step - self.drawn_from] for part in self.drawn]

    def _draw_ahead(self, step: int, ahead: int) -> list[Tensor | None]:
        size = self.candidate.batch_size
        rows = size + (-size % REGISTER if self.stack.pads_rows else 0)
        drawn = [
            torch.zeros(len(self.masks), ahead, rows, *shape) if on else None
            for shape, on in zip(self.stack.dropouts, self.any_dropout_L, strict=True)
        ]
        for s in self.live_masks:
            steps = min(ahead, -(-len(self.distinct[self.fold_of_masks[s]].x_AD) // size) - step)
            sizes = [0 if shape is None else size * math.prod(shape) for shape in self.mask_shapes[s]]
            if steps <= 0 or not sum(sizes):
                continue
            numbers = torch.rand(steps, sum(sizes), generator=self.masks[s]).split(sizes, dim=1)
            for of_all, shape, own in zip(drawn, self.mask_shapes[s], numbers, strict=True):
                if shape is not None:
                    assert of_all is not None
                    corner = (slice(steps), slice(size), *(slice(width) for width in shape))
                    of_all[s][corner] = own.view(steps, size, *shape)
        return drawn

    def _factors(self, drawn: Sequence[Tensor | None], rows: int, members: slice | Tensor) -> list[Tensor | None]:
        """What the rows are multiplied by at each dropout."""
        factors: list[Tensor | None] = []
        for uniform, rate_M in zip(drawn, self.dropout_ML[members].T, strict=True):
            if uniform is None:
                factors.append(None)
                continue
            uniform_MB = uniform[:, :rows].index_select(0, self.masks_of_M[members])
            rate = rate_M.view(-1, *[1] * (uniform.ndim - 1))
            factors.append((uniform_MB >= rate).to(self.dtype_used).div_(1 - rate))
        return factors

    def _logit_gradients(self, logits_MBK: Tensor, y_MBT: Tensor, w_MB: Tensor) -> Tensor:
        weight_M = w_MB.sum(1)
        logits_MBK = logits_MBK.requires_grad_()
        with torch.enable_grad():
            losses_MB = self._row_losses(logits_MBK, y_MBT)
            mean_M = (losses_MB * w_MB).sum(1) / weight_M.where(weight_M > 0, torch.ones_like(weight_M))
            [gradient_MBK] = torch.autograd.grad(mean_M.sum(), logits_MBK)
        return gradient_MBK

    def _before_step(self) -> None:
        values_MP, gradients_MP, penalized_P = self.stack.values_MP, self.stack.gradients_MP, self.stack.penalized_P
        if self.any_l2:
            gradients_MP.addcmul_(values_MP, penalized_P * (2 * self.l2_M1))
        if self.any_l1:
            gradients_MP.addcmul_(values_MP.sign(), penalized_P * self.l1_M1)
        if self.any_clip:
            norm_M1 = gradients_MP.norm(dim=1, keepdim=True)
            gradients_MP.mul_((self.clip_M1 / (norm_M1 + 1e-6)).clamp(max=1.0))

    def _row_losses(self, logits_MBK: Tensor, y_MBT: Tensor) -> Tensor:
        return self.head.row_losses(logits_MBK.flatten(0, 1), y_MBT.flatten(0, 1)).view(logits_MBK.shape[:2])

    @torch.no_grad()
    def on_train_epoch_end(self) -> None:
        x_XD, y_XT, w_X = self.padded
        for f, members in self.slice_of_fold.items():
            at = self.sampled[f].to(self.device) + f * (self.padding + 1)
            self._record(f, members, "training", x_XD[at], y_XT[at], w_X[at])
            if len(self.distinct[f].x_VD):
                self._record(f, members, "validation", *self.validation[f])
        finite_M = self.stack.values_MP.isfinite().all(1).tolist()
        ended_M = [course.end_epoch(finite) for course, finite in zip(self.courses, finite_M, strict=True)]
        self.on_epoch(sum(1 + c.rest if ended else 1 for c, ended in zip(self.courses, ended_M, strict=True)))
        if any(ended_M):
            self._let_go(torch.tensor(ended_M))

    def _record(self, f: int, members: slice, name: str, x_ND: Tensor, y_NT: Tensor, w_N: Tensor) -> None:
        logits_MNK = self._logits(x_ND, members)
        losses_MN = self._row_losses(logits_MNK, y_NT.expand(len(logits_MNK), *y_NT.shape))
        losses_M = ((losses_MN * w_N).sum(1) / w_N.sum()).tolist()
        p_MNK = self._restored(f, logits_MNK)
        actual_NT, weights_N = self.actual[name][f]
        for course, p_NK, loss in zip(self.courses[members], p_MNK, losses_M, strict=True):
            course.add(name, self.measure.value(actual_NT, p_NK, weights_N), loss)

    def _logits(self, x_ND: Tensor, members: slice) -> Tensor:
        return torch.cat([self.stack.evaluate(x_BD, members) for x_BD in x_ND.split(CURVE_ROWS)], dim=1)

    def _restored(self, f: int, logits_MNK: Tensor) -> NDArray[np.float64]:
        """Probabilities, or values in the target's unit; each member's rows begin a vector register."""
        rows = logits_MNK.shape[1]
        padded_MNK = nn.functional.pad(logits_MNK, (0, 0, 0, -rows % REGISTER))
        p_XK = self.head.predictions(padded_MNK.flatten(0, 1)).double().cpu().numpy()
        return self.distinct[f].restore(p_XK).reshape(padded_MNK.shape)[:, :rows]

    def _let_go(self, ended_M: Tensor) -> None:
        """Unstack the members that have ended, as if each had been trained alone, and go on with the others."""
        for m in torch.nonzero(ended_M)[:, 0].tolist():
            f, course = int(self.fold_of_M[m]), self.courses[m]
            p_VK = self._restored(f, self._logits(self.validation[f][0], slice(m, m + 1)))[0]
            weights = {name: value.cpu().numpy() for name, value in self.stack.state(m).items()}
            paused = self._paused(m) if course.goes_on else None
            self.results[self.places[m]] = course.trained(self.distinct[f], weights, p_VK, paused)
        staying = torch.nonzero(~ended_M)[:, 0]
        for name in ("places", "courses"):
            setattr(self, name, [getattr(self, name)[m] for m in staying.tolist()])
        if not self.courses:
            self.trainer.should_stop = True
            return
        for name in ("fold_of_M", "order_of_M", "masks_of_M", "dropout_ML"):
            setattr(self, name, getattr(self, name)[staying])
        staying = staying.to(self.device)
        for name in ("l1_M1", "l2_M1", "clip_M1"):
            setattr(self, name, getattr(self, name)[staying])
        self.stack.keep(staying)
        self.optimizer.keep(staying, self.stack.values_MP)
        self._settle()

    def _paused(self, m: int) -> Paused:
        moments = [torch.cat([p.ravel() for p in self.stack.read(moment, m)]) for moment in self.optimizer.state]
        return Paused(
            epoch=self.courses[m].epoch,
            steps=int(self.optimizer.steps_M1[m]),
            moments=[moment.cpu().numpy() for moment in moments],
            shuffle=self.shuffles[self.order_of_M[m]].get_state().numpy(),
            masks=self.masks[self.masks_of_M[m]].get_state().numpy(),
            lowest=self.courses[m].lowest,
            since=self.courses[m].since,
        )


def train_stacked(
    members: Sequence[Member],
    folds: Sequence[FoldArrays],
    table: Table,
    measure: Measure,
    engine: Engine,
    dtype: torch.dtype = torch.float32,
    on_epoch: OnEpoch = nobody,
    until: int | None = None,
    resumed: Sequence[Trained] | None = None,
    units: Sequence[int] | None = None,
    device: int = 0,
) -> list[Trained]:
    """Train members that stack; `folds` gives each member's fold (shared objects for shared folds).

    until, resumed: as in `train_looped`. units: the widths that narrower dense networks are filled up to.
    """
    before: Sequence[Trained | None] = resumed or [None] * len(members)
    courses = [Course(member, until, one) for member, one in zip(members, before, strict=True)]
    stack = EpochOfAllMembers(courses, folds, table, measure, dtype, on_epoch, resumed, units)
    make_trainer(max(course.rest for course in courses), engine, device).fit(stack)
    return [stack.results[place] for place in range(len(members))]


def stack_of(
    networks: Sequence[nn.Module],
    network: dict[str, Any],
    fold: FoldArrays,
    device: torch.device,
    units: Sequence[int] | None = None,
) -> Stack:
    """The fastest stack that takes these networks."""
    dense = [of for of in networks if isinstance(of, MLP)]
    if len(dense) == len(networks):
        return StackedMLP(dense, network["activation"], device, units)
    return StackedModules(networks, torch.from_numpy(fold.x_AD[:2]), device)


def _padded(folds: Sequence[FoldArrays], dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Training rows of all folds, (F, A + 1, ...): short folds, and the last row of all, are filled with zeros."""
    longest = max(len(fold.x_AD) for fold in folds) + 1

    def stack(name: str) -> Tensor:
        parts = [torch.from_numpy(getattr(fold, name)).to(dtype) for fold in folds]
        return torch.stack([torch.cat([p, p.new_zeros(longest - len(p), *p.shape[1:])]) for p in parts])

    return stack("x_AD"), stack("y_AT"), stack("w_A")
