"""The stacked backend: members with similar networks trained together, as one model.

One Lightning step is one epoch. A minibatch holds rows of every member, each from its own fold in its own order. Folds
of unequal size and last minibatches are padded with rows of weight zero. A member without rows left in a step is not
updated. Everything is padded to whole vector registers, so that no bit of a member depends on the other members.
Otherwise a change of one fold's rows could reach another fold's weights by rounding. A member leaves when it has
finished its epochs, stopped early or diverged, and the stack continues without it.
Shapes: M members, F folds, A training rows (of the largest fold), X training rows of all folds, N rows, D inputs,
T target columns, K outputs, P parameters.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import Callback, LightningModule
from torch import Tensor, nn

from src.models.head import Head
from src.models.heads import HEADS
from src.models.measures.measure import Measure
from src.networks.mlp import MLP
from src.preparation.fold import FoldArrays
from src.problem.training import Engine
from src.tables.protocols import Index
from src.tables.table import Table
from src.training.course import EVALUATED_AT_ONCE, Course, OnEpoch, evenly_spaced, nobody
from src.training.drawing import measured, statistics
from src.training.lightning import make_trainer
from src.training.looped import initial_network
from src.training.members import Member, Paused, Trained
from src.training.minibatches import Minibatches, Rows
from src.training.stack import REGISTER, Stack
from src.training.stacked_mlp import StackedMLP
from src.training.stacked_modules import StackedModules
from src.training.stacked_steps import StackSteps

# The most numbers (outputs of members on the rows of their curves, or inputs of these rows) for folds to be measured at
# once: more do not fit into the processor's cache.
MEASURED_AT_ONCE = 2**17


class StackRefused(Exception):
    """A stack cannot be trusted, for this reason; its members are looped."""


# The name of a curve, the place of its rows, their actual targets and weights, and the sum of the weights.
CurvePart = tuple[str, slice, NDArray[np.float64], NDArray[np.float64], float]


@dataclass(frozen=True)
class CurveRows:
    """The rows of a fold on which its members' curves are measured, those of training first.

    positions: in the fold's rows; None: the first `count`.
    """

    positions: Tensor | None
    count: int
    parts: list[CurvePart]


@dataclass(frozen=True)
class MeasuredTogether:
    """Folds that are measured at once, as their curves have the same number of rows, N.

    members: of each fold, which are neighbours in the stack. fold_of_M: the place of each member's fold among these.
    """

    folds: list[int]
    members: list[slice]
    fold_of_M: Tensor
    y_FNT: Tensor
    w_FN: Tensor


class EpochOfAllMembers(LightningModule):
    """Trains a stack. `training_step` is one epoch of every member.

    courses: of the remaining members, with their curves up to the present epoch.
    units: the widths to which narrower dense networks are padded; by default those of the widest member.
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
        final: bool = False,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.measure = measure
        self.table = table
        self.dtype_used = dtype
        self.on_epoch = on_epoch
        self.units = units
        self.final = final
        distinct = list({id(fold): fold for fold in folds}.values())
        number = {id(fold): f for f, fold in enumerate(distinct)}
        self.distinct = distinct
        # Members of one fold are neighbours, so that each fold is one slice of the stack. Those with the most steps per
        # epoch come first.
        self.places = sorted(range(len(courses)), key=lambda m: (-len(folds[m].x_AD), number[id(folds[m])]))
        self.courses = [courses[m] for m in self.places]
        self.resumed = [resumed[m] for m in self.places] if resumed else None
        self.fold_of_M = torch.tensor([number[id(folds[m])] for m in self.places])
        self.candidate = courses[0].member.candidate
        self.results: dict[int, Trained] = {}

    def train_dataloader(self) -> list[int]:
        return [0]

    def configure_optimizers(self) -> None:
        return None

    def on_fit_start(self) -> None:
        fold = self.distinct[0]
        networks = self._initial_networks()
        # A head for its loss and last activation; its own network is not used.
        c = self.candidate
        head = HEADS[self.table.schema.type]
        self.head: Head = head(nn.Identity(), criterion=c.loss, label_smoothing=c.label_smoothing)
        self.stack = stack_of(networks, fold, self.device, self.units)
        self.rows = Rows.of_folds(self.distinct, self.head, self.table.schema.outputs, self.dtype_used, self.device)
        of_fold = dict(zip(self.fold_of_M.tolist(), self.courses, strict=True))
        self.curves = [self._curve_rows(of_fold[f].member) for f in range(len(self.distinct))]
        rates = [self.stack.dropout_rates(network) for network in networks]
        self.minibatches = Minibatches(
            self.stack,
            self.rows,
            self.candidate.batch_size,
            self.fold_of_M,
            [c.member.seed for c in self.courses],
            torch.tensor(rates, dtype=torch.float64).view(len(networks), -1),
        )
        runs = [len(list(run)) for _, run in groupby(self.minibatches.steps_M)]
        members = [c.member for c in self.courses]
        self.steps = StackSteps(self.stack, [m.candidate for m in members], [m.schedule for m in members], runs)
        if self.resumed:
            self._resume(self.resumed)
        self._settle()

    def _curve_rows(self, member: Member) -> CurveRows:
        rows, held_out = len(member.training), len(member.validation)
        sampled = torch.from_numpy(evenly_spaced(rows))
        shown = len(sampled) + held_out
        filling = -shown % REGISTER
        parts = [
            ("training", slice(len(sampled)), member.training[sampled]),
            ("validation", slice(len(sampled), shown), member.validation),
        ]
        held_out_H, filling_H = torch.arange(rows, rows + held_out), torch.full((filling,), self.rows.length - 1)
        return CurveRows(
            None if len(sampled) == rows else torch.cat([sampled, held_out_H, filling_H]).to(self.device),
            shown + filling,
            [self._curve_part(name, place, positions) for name, place, positions in parts if len(positions)],
        )

    def _curve_part(self, name: str, rows: slice, positions: Index) -> CurvePart:
        # The losses are weighted in the precision of the fold's rows.
        whole = self.table.w_N[positions].astype(np.float32).sum(dtype=np.float64)
        return name, rows, self.table.y_NT[positions], self.table.w_N[positions], float(whole)

    def _initial_networks(self) -> list[nn.Module]:
        """Each member's initial network; on one fold the same weights, but for those that are pretrained."""
        built: dict[tuple[object, ...], nn.Module] = {}
        networks = []
        for c, f in zip(self.courses, self.fold_of_M.tolist(), strict=True):
            key = f, c.member.seed, repr(c.member.candidate.network), c.member.candidate.pretrained
            if key not in built:
                built[key] = initial_network(c.member, self.distinct[f], self.table, self.dtype_used)
            networks.append(built[key])
        if self.resumed:
            networks = [deepcopy(network) for network in networks]
            for network, before in zip(networks, self.resumed, strict=True):
                network.load_state_dict({name: torch.from_numpy(value) for name, value in before.weights.items()})
        return networks

    def _resume(self, before: Sequence[Trained]) -> None:
        for m, result in enumerate(before):
            paused = result.paused
            assert paused is not None, "only a paused training can be resumed"
            self.steps.resume(m, paused.steps)
            for buffer_MP, moment in zip(self.steps.moments, paused.moments, strict=True):
                sizes = [shape.numel() for shape in self.stack.own_shapes[m]]
                parts = torch.from_numpy(moment).split(sizes)
                shaped = [part.view(shape) for part, shape in zip(parts, self.stack.own_shapes[m], strict=True)]
                self.stack.write(buffer_MP, m, shaped)
            self.minibatches.resume(m, paused)

    def _settle(self) -> None:
        """Derive what depends on the members in the stack."""
        folds = self.fold_of_M.tolist()
        self.slice_of_fold = {f: slice(folds.index(f), folds.index(f) + folds.count(f)) for f in dict.fromkeys(folds)}
        self.measured_together = self._measured_together()

    def _measured_together(self) -> list[MeasuredTogether]:
        """Groups of neighbouring folds with the same number of rows for their curves, small enough for the cache."""
        together: list[list[int]] = []
        rows = numbers = 0
        for f, members in self.slice_of_fold.items():
            size = self.curves[f].count * max(
                (members.stop - members.start) * self.table.schema.outputs, self.rows.inputs
            )
            if not together or self.curves[f].count != rows or numbers + size > MEASURED_AT_ONCE:
                together.append([])
                numbers = 0
            rows, numbers = self.curves[f].count, numbers + size
            together[-1].append(f)
        return [self._measuring(folds) for folds in together]

    def _measuring(self, folds: list[int]) -> MeasuredTogether:
        members = [self.slice_of_fold[f] for f in folds]
        each = torch.tensor([place.stop - place.start for place in members], device=self.device)
        y_FNT, w_FN = (
            torch.stack([self._of_curve(f, part) for f in folds]) for part in (self.rows.y_XT, self.rows.w_X)
        )
        return MeasuredTogether(
            folds, members, torch.arange(len(folds), device=self.device).repeat_interleave(each), y_FNT, w_FN
        )

    def training_step(self, epoch: int, batch_idx: int) -> None:
        first = self.trainer.current_epoch == 0 and not self.resumed
        before_MP = self.stack.values_MP.clone() if first else None
        self.train_epoch()
        if before_MP is not None and bool((before_MP == self.stack.values_MP).all(1).any()):
            raise StackRefused("no weight of a member changed in a whole epoch")

    @torch.no_grad()
    def train_epoch(self) -> None:
        left = [steps for steps, _ in groupby(self.minibatches.steps_M)]
        for step, minibatches in enumerate(self.minibatches.epoch()):
            for minibatch in minibatches:
                logits_MBK = self.stack.forward(minibatch.x_MBD, minibatch.factors, minibatch.members)
                self.stack.backward(self.head.errors(logits_MBK, minibatch.target_MBK).mul_(minibatch.share_MB1))
            self.steps.step(sum(steps > step for steps in left))

    def _row_losses(self, logits_MBK: Tensor, y_MBT: Tensor) -> Tensor:
        return self.head.row_losses(logits_MBK.flatten(0, 1), y_MBT.flatten(0, 1)).view(logits_MBK.shape[:2])

    @torch.no_grad()
    def on_train_batch_end(self, outputs: object, batch: int, batch_idx: int) -> None:
        """Measure the epoch before the callbacks for its end run."""
        self._record_curves()
        finite_M = self.stack.values_MP.isfinite().all(1).tolist()
        ended_M = [course.end_epoch(finite) for course, finite in zip(self.courses, finite_M, strict=True)]
        self.on_epoch(sum(c.steps_done(ended) for c, ended in zip(self.courses, ended_M, strict=True)))
        if any(ended_M):
            self._let_go(torch.tensor(ended_M))

    @torch.no_grad()
    def on_train_end(self) -> None:
        """Release the members that a callback stopped."""
        if self.courses:
            self._let_go(torch.ones(len(self.courses), dtype=torch.bool))

    def _record_curves(self) -> None:
        for together in self.measured_together:
            self._record(together)

    def _record(self, together: MeasuredTogether) -> None:
        folds, members = together.folds, together.members
        first, last = members[0].start, members[-1].stop
        rows_of_folds = [self._of_curve(f, self.rows.x_XD) for f in folds]
        if self.stack.pads_rows and last - first == len(folds):
            logits_MNK = self._logits(torch.stack(rows_of_folds), slice(first, last))
        else:
            parts = zip(rows_of_folds, members, strict=True)
            logits_MNK = torch.cat([self._logits(x_ND[None], place) for x_ND, place in parts])
        y_MNT, w_MN = (part.index_select(0, together.fold_of_M) for part in (together.y_FNT, together.w_FN))
        # Sums by NumPy: torch adds up a single row in another order.
        losses_MN = (self._row_losses(logits_MNK, y_MNT) * w_MN).double().cpu().numpy()
        p_MNK = self._predictions(logits_MNK)
        for f, place in zip(folds, members, strict=True):
            of_fold = slice(place.start - first, place.stop - first)
            restored = self.distinct[f].restore(p_MNK[of_fold])
            drawn_M = self._measured_by_draws(f, place)
            for name, rows, actual_NT, weights_N, whole in self.curves[f].parts:
                losses_M = (losses_MN[of_fold, rows].sum(1) / whole).tolist()
                if drawn_M is None:
                    s_MNS = self.measure.statistics(actual_NT, restored[:, rows])
                    values_M = self.measure.values(s_MNS, weights_N).tolist()
                else:
                    values_M = [drawn[name] for drawn in drawn_M]
                for course, value, loss in zip(self.courses[place], values_M, losses_M, strict=True):
                    course.add(name, value, loss)

    def _measured_by_draws(self, f: int, members: slice) -> list[Mapping[str, float]] | None:
        """The measure of the rows that each member of a fold draws; None where nobody judges drawn rows."""
        judge = self.distinct[f].judge
        if judge is None:
            return None
        places = range(members.start, members.stop)
        return [measured(self.courses[m], partial(self._alone, m), judge, self.measure) for m in places]

    def _of_curve(self, f: int, part_X: Tensor) -> Tensor:
        """The rows of a fold's curves."""
        curve = self.curves[f]
        part_N = part_X[f * self.rows.length : (f + 1) * self.rows.length]
        return part_N[: curve.count] if curve.positions is None else part_N.index_select(0, curve.positions)

    def _logits(self, x_CND: Tensor, members: slice) -> Tensor:
        """Logits_MNK of members, on common rows (C is 1) or each on its own."""
        return torch.cat([self.stack.evaluate(x, members) for x in x_CND.split(EVALUATED_AT_ONCE, dim=1)], dim=1)

    def _final_logits(self, m: int, x_ND: Tensor) -> Tensor:
        """Logits_1NK of one member; alone, if finished networks take longer than while they learn."""
        if type(self.head).final_logits is Head.final_logits:
            return self._logits(x_ND[None], slice(m, m + 1))
        head = type(self.head)(self._alone(m)).to(x_ND.device).eval()
        return torch.cat([head.final_logits(part_ND) for part_ND in x_ND.split(EVALUATED_AT_ONCE)])[None]

    def _alone(self, m: int) -> nn.Module:
        """A member's network as it is now, by itself."""
        fold, member = self.distinct[int(self.fold_of_M[m])], self.courses[m].member
        network = initial_network(member, fold, self.table, self.dtype_used)
        network.load_state_dict(self.stack.state(m))
        return network

    def _predictions(self, logits_MNK: Tensor) -> NDArray[np.float64]:
        p: NDArray[np.float64] = self.head.predictions(logits_MNK).double().cpu().numpy()
        return p

    def _let_go(self, ended_M: Tensor) -> None:
        """Take finished members out of the stack, as if each had been trained alone, and continue with the others."""
        for m in torch.nonzero(ended_M)[:, 0].tolist():
            f, course = int(self.fold_of_M[m]), self.courses[m]
            p_VK = self._answers(m, self.distinct[f])
            weights = {name: value.cpu().numpy() for name, value in self.stack.state(m).items()}
            paused = self._paused(m) if course.goes_on else None
            self.results[self.places[m]] = course.trained(self.distinct[f], weights, p_VK, paused)
        staying = torch.nonzero(~ended_M)[:, 0]
        for name in ("places", "courses"):
            setattr(self, name, [getattr(self, name)[m] for m in staying.tolist()])
        if not self.courses:
            self.trainer.should_stop = True
            return
        self.fold_of_M = self.fold_of_M[staying]
        self.minibatches.keep(staying)
        staying = staying.to(self.device)
        self.stack.keep(staying)
        self.steps.keep(staying, self.stack)
        self._settle()

    def _answers(self, m: int, fold: FoldArrays) -> NDArray[np.float64]:
        """What a member says of the held-out rows of its fold, or how its own rows compare with them."""
        if fold.judge is not None:
            return statistics(self._alone(m), fold.judge, self.courses[m].member.seed)
        x_VD = torch.from_numpy(fold.x_VD).to(self.rows.x_XD)
        logits_MVK = self._final_logits(m, x_VD) if self.final else self._logits(x_VD[None], slice(m, m + 1))
        return fold.restore(self._predictions(logits_MVK)[0])

    def _paused(self, m: int) -> Paused:
        moments = [torch.cat([p.ravel() for p in self.stack.read(moment, m)]) for moment in self.steps.moments]
        shuffle, masks = self.minibatches.streams(m)
        return Paused(
            epoch=self.courses[m].epoch,
            steps=self.steps.taken_by(m),
            moments=[moment.cpu().numpy() for moment in moments],
            shuffle=shuffle.numpy(),
            masks=masks.numpy(),
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
    callbacks: Sequence[Callback] = (),
    final: bool = False,
) -> list[Trained]:
    """Train members that stack. `folds`: the fold of each member (shared objects for shared folds).

    until, resumed, callbacks, final: as in `train_looped`. units: the widths to which narrower dense networks are
    padded.
    """
    before: Sequence[Trained | None] = resumed or [None] * len(members)
    courses = [Course(member, until, result) for member, result in zip(members, before, strict=True)]
    stack = EpochOfAllMembers(courses, folds, table, measure, dtype, on_epoch, resumed, units, final)
    last = max(course.last for course in courses)
    make_trainer(courses[0].epoch, last, engine, device, callbacks).fit(stack)
    return [stack.results[place] for place in range(len(members))]


def stack_of(
    networks: Sequence[nn.Module],
    fold: FoldArrays,
    device: torch.device,
    units: Sequence[int] | None = None,
) -> Stack:
    """The fastest stack that these networks fit."""
    dense = [network for network in networks if isinstance(network, MLP)]
    if len(dense) == len(networks):
        return StackedMLP(dense, device, units)
    return StackedModules(networks, torch.from_numpy(fold.x_AD[:2]), device)
