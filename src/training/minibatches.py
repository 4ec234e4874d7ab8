"""The minibatches of a stack: the rows of every member, from its own fold in its own order, and its dropout masks.

The order of a fold's rows comes from one random stream and its masks from another, as in a training alone.
Shapes: M members, S streams of orders, V streams of masks with their rates, Q steps, A training rows (of the largest
fold), B rows of a minibatch, X rows of all folds, D inputs, K outputs, L dropouts of a network.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from src.models.head import Head
from src.networks.dropout import normal
from src.preparation.fold import FoldArrays
from src.training.members import Paused
from src.training.stack import REGISTER, RowShape, Stack

# The most numbers collected at once. NUMBERS_AHEAD is for the streams' minibatches of several steps: a small table's
# epoch needs only a few calls, and that of a large table is never in memory as a whole. NUMBERS_AT_ONCE is for all
# members' minibatches, which should still be in the processor's cache when their step comes.
NUMBERS_AHEAD, NUMBERS_AT_ONCE = 2**20, 2**17


@dataclass(frozen=True)
class Minibatch:
    """Rows for one step of some members (None: all).

    share_MB1: the weight of a row's error in the gradient of its member's mean loss. factors: the factors of the rows
    at each dropout; None if no member has dropout there.
    """

    members: Tensor | None
    x_MBD: Tensor
    target_MBK: Tensor
    share_MB1: Tensor
    factors: list[Tensor | None]


@dataclass(frozen=True)
class Rows:
    """The rows of all folds, one fold after another: `counts` training rows, the validation rows, and padding.

    The padding is at least one row of zeros with weight zero. It makes all folds equally long, in whole vector
    registers.

    slope: of a row's loss, see `Head`.
    """

    x_XD: Tensor
    y_XT: Tensor
    target_XK: Tensor
    w_X: Tensor
    counts: list[int]
    slope: float

    @classmethod
    def of_folds(
        cls, folds: Sequence[FoldArrays], head: Head, outputs: int, dtype: torch.dtype, device: torch.device
    ) -> "Rows":
        length = max(len(fold.x_AD) + len(fold.x_VD) for fold in folds) + 1
        length += -length % REGISTER

        def joined(training: str, validation: str) -> Tensor:
            pairs = [(getattr(fold, training), getattr(fold, validation)) for fold in folds]
            joined_X = torch.zeros(len(folds) * length, *pairs[0][0].shape[1:], dtype=dtype)
            for f, (a, v) in enumerate(pairs):
                start = f * length
                joined_X[start : start + len(a)] = torch.from_numpy(a)
                joined_X[start + len(a) : start + len(a) + len(v)] = torch.from_numpy(v)
            return joined_X.to(device)

        y_XT = joined("y_AT", "y_VT")
        targets_XK, counts = head.targets(y_XT, outputs), [len(fold.x_AD) for fold in folds]
        return cls(joined("x_AD", "x_VD"), y_XT, targets_XK, joined("w_A", "w_V"), counts, head.slope(outputs))

    @property
    def inputs(self) -> int:
        """The number of inputs per row."""
        return self.x_XD[0].numel()

    @property
    def length(self) -> int:
        """The number of rows of a fold. The last one has weight zero."""
        return len(self.x_XD) // len(self.counts)


class Minibatches:
    """Deals minibatches to the members of a stack, epoch by epoch."""

    def __init__(
        self, stack: Stack, rows: Rows, size: int, fold_of_M: Tensor, seeds: Sequence[int], dropout_ML: Tensor
    ) -> None:
        """seeds: of each member. dropout_ML: each member's rate at each dropout."""
        self.stack, self.rows, self.size = stack, rows, size
        self.fold_of_M, self.dropout_ML = fold_of_M, dropout_ML
        orders: dict[tuple[int, int], int] = {}
        masks: dict[tuple[int, tuple[RowShape | None, ...]], int] = {}
        order_of, masks_of = [], []
        for m, (seed, f) in enumerate(zip(seeds, fold_of_M.tolist(), strict=True)):
            s = orders.setdefault((f, seed), len(orders))
            # Members share masks if the same dropouts are on, in networks of the same widths.
            shapes = zip(stack.dropouts_of(m), dropout_ML[m].tolist(), strict=True)
            on = tuple(shape if rate > 0 else None for shape, rate in shapes)
            order_of.append(s)
            masks_of.append(masks.setdefault((s, on), len(masks)))
        self.order_of_M, self.masks_of_M = torch.tensor(order_of), torch.tensor(masks_of)
        self.orders = [(torch.Generator().manual_seed(seed), f) for f, seed in orders]
        seed_of_S = [seed for _, seed in orders]
        self.masks = [
            (torch.Generator().manual_seed(seed_of_S[s] + 1), rows.counts[self.orders[s][1]], shapes)
            for s, shapes in masks
        ]
        self._settle()

    def keep(self, members: Tensor) -> None:
        """Keep only these members, in their order, and the streams that they use."""
        self.fold_of_M, self.dropout_ML = self.fold_of_M[members], self.dropout_ML[members]
        live_S, self.order_of_M = self.order_of_M[members].unique(return_inverse=True)
        self.orders = [self.orders[s] for s in live_S.tolist()]
        live_V, self.masks_of_M = self.masks_of_M[members].unique(return_inverse=True)
        self.masks = [self.masks[v] for v in live_V.tolist()]
        self._settle()

    def _settle(self) -> None:
        self.steps_M = [-(-self.rows.counts[f] // self.size) for f in self.fold_of_M.tolist()]
        self.offset_S11 = torch.tensor([f * self.rows.length for _, f in self.orders])[:, None, None]
        alone = self.order_of_M.tolist() == list(range(len(self.orders)))
        self.streams_of_M = None if alone else self.order_of_M.to(self._device)
        self.masks_on_device_M = self.masks_of_M.to(self._device)
        self.any_dropout_L = (self.dropout_ML > 0).any(0).tolist()
        # For each dropout: a member drops a unit if its random number is below the threshold, and scales the others.
        # Noise is scaled by its rate.
        by_row = [
            rate_M.view(-1, *[1] * (1 + len(shape)))
            for rate_M, shape in zip(self.dropout_ML.T, self.stack.dropouts, strict=True)
        ]
        self.thresholds = [rate.float().to(self._device) for rate in by_row]
        pairs = list(zip(by_row, self.stack.adds, strict=True))
        self.scales = [(rate if adds else 1 / (1 - rate)).to(self.rows.x_XD) for rate, adds in pairs]

    @property
    def _device(self) -> torch.device:
        return self.rows.x_XD.device

    def streams(self, member: int) -> tuple[Tensor, Tensor]:
        """The states of a member's random streams: for the order of its rows and for its masks."""
        order, masks = self.orders[int(self.order_of_M[member])], self.masks[int(self.masks_of_M[member])]
        return order[0].get_state(), masks[0].get_state()

    def resume(self, member: int, paused: Paused) -> None:
        self.orders[int(self.order_of_M[member])][0].set_state(torch.from_numpy(paused.shuffle))
        self.masks[int(self.masks_of_M[member])][0].set_state(torch.from_numpy(paused.masks))

    def epoch(self) -> Iterator[list[Minibatch]]:
        """The minibatches of each step of an epoch."""
        steps, size = max(self.steps_M), self.size
        order_SA = torch.full((len(self.orders), steps * size), self.rows.length - 1)
        for s, (generator, f) in enumerate(self.orders):
            order_SA[s, : self.rows.counts[f]] = torch.randperm(self.rows.counts[f], generator=generator)
        order_SQB = order_SA.view(len(self.orders), steps, size)
        ahead = self._steps_at_once(NUMBERS_AHEAD, len(self.orders), len(self.masks))
        for start in range(0, steps, ahead):
            some_SQB = order_SQB[:, start : start + ahead]
            yield from self._padded(start, some_SQB) if self.stack.pads_rows else self._exact(start, some_SQB)

    def _steps_at_once(self, numbers: int, orders: int, masks: int) -> int:
        """The number of steps for which `numbers` suffice, with the given numbers of minibatches and masks per step."""
        of_row = self.rows.inputs + self.rows.target_XK.shape[1] + 1
        dropped = sum(math.prod(shape) for shape, on in zip(self.stack.dropouts, self.any_dropout_L, strict=True) if on)
        return max(numbers // (self.size * (orders * of_row + masks * dropped)), 1)

    def _padded(self, start: int, order_SQB: Tensor) -> Iterator[list[Minibatch]]:
        """All members in every step, with minibatches padded to whole vector registers."""
        order_SQB = nn.functional.pad(order_SQB, (0, -self.size % REGISTER), value=self.rows.length - 1)
        taken = self._taken(order_SQB)
        drawn = self._drawn(start, *order_SQB.shape[1:])
        members = len(self.steps_M)
        at_once = self._steps_at_once(NUMBERS_AT_ONCE, members, members)
        for first in range(0, order_SQB.shape[1], at_once):
            steps = slice(first, first + at_once)
            rows = zip(*(self._of_members(part[steps], self.streams_of_M) for part in taken), strict=True)
            factors = self._factors([None if numbers is None else numbers[steps] for numbers in drawn], None)
            for q, (x_MBD, target_MBK, share_MB1) in enumerate(rows):
                step_factors = [None if factor is None else factor[q] for factor in factors]
                yield [Minibatch(None, x_MBD, target_MBK, share_MB1, step_factors)]

    def _exact(self, start: int, order_SQB: Tensor) -> Iterator[list[Minibatch]]:
        """In each step one minibatch for all members with the same number of rows left."""
        drawn = self._drawn(start, *order_SQB.shape[1:])
        rows_M = torch.tensor(self.rows.counts)[self.fold_of_M]
        for q in range(order_SQB.shape[1]):
            left_M = (rows_M - (start + q) * self.size).clamp(0, self.size)
            minibatches = []
            for count in filter(None, left_M.unique().tolist()):
                members = None if bool((left_M == count).all()) else torch.nonzero(left_M == count)[:, 0]
                streams = self.order_of_M if members is None else self.order_of_M[members]
                x, target, share = (
                    self._of_members(part, streams.to(self._device))[0]
                    for part in self._taken(order_SQB[:, q : q + 1, :count])
                )
                members = None if members is None else members.to(self._device)
                step_numbers = [None if numbers is None else numbers[q : q + 1, :, :count] for numbers in drawn]
                factors = self._factors(step_numbers, members)
                step_factors = [None if factor is None else factor[0] for factor in factors]
                minibatches.append(Minibatch(members, x, target, share, step_factors))
            yield minibatches

    def _taken(self, order_SQB: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs (Q, S, B, D), targets (Q, S, B, K) and shares (Q, S, B, 1) of the rows of each stream."""
        rows_QSB = (order_SQB + self.offset_S11).transpose(0, 1)
        flat = rows_QSB.ravel().to(self._device)
        x, target, w = (
            part.index_select(0, flat).view(*rows_QSB.shape, *part.shape[1:])
            for part in (self.rows.x_XD, self.rows.target_XK, self.rows.w_X)
        )
        whole = w.sum(2, keepdim=True)
        return x, target, (w * (self.rows.slope / whole.where(whole > 0, torch.ones_like(whole)))).unsqueeze(3)

    @staticmethod
    def _of_members(part_QS: Tensor, streams_of_M: Tensor | None) -> Tensor:
        """The parts of each member, given those of each stream. None: every member has its own stream."""
        return part_QS if streams_of_M is None else part_QS.index_select(1, streams_of_M)

    def _drawn(self, start: int, steps: int, rows: int) -> list[Tensor | None]:
        """Random numbers for each dropout (Q, V, B, ...), for some steps from `start` on; None where no member drops.

        A fold draws whole minibatches, and only while it has rows, so that its stream is the same as alone.
        """
        drawn = [
            torch.zeros(steps, len(self.masks), rows, *shape) if on else None
            for shape, on in zip(self.stack.dropouts, self.any_dropout_L, strict=True)
        ]
        for v, (generator, count, shapes) in enumerate(self.masks):
            stream_steps = min(steps, -(-count // self.size) - start)
            sizes = [0 if shape is None else self.size * math.prod(shape) for shape in shapes]
            if stream_steps <= 0 or not sum(sizes):
                continue
            numbers = torch.rand(stream_steps, sum(sizes), generator=generator).split(sizes, dim=1)
            for target, shape, part in zip(drawn, shapes, numbers, strict=True):
                if shape is not None:
                    assert target is not None
                    corner = slice(stream_steps), slice(self.size), *(slice(width) for width in shape)
                    target[:, v][corner] = part.view(stream_steps, self.size, *shape)
        return [None if numbers is None else numbers.to(self._device) for numbers in drawn]

    def _factors(self, drawn: Sequence[Tensor | None], members: Tensor | None) -> list[Tensor | None]:
        """The factors of the rows at each dropout, (Q, M, B, ...), for all members or some; of noise what is added."""
        factors: list[Tensor | None] = []
        places = zip(drawn, self.thresholds, self.scales, self.stack.adds, strict=True)
        for uniform, threshold_M, scale_M, adds in places:
            if uniform is None:
                factors.append(None)
                continue
            of_M = self.masks_on_device_M
            if members is not None:
                of_M, threshold_M, scale_M = of_M[members], threshold_M[members], scale_M[members]
            of_members = uniform.index_select(1, of_M)
            chosen = normal(of_members) if adds else of_members.ge_(threshold_M)
            factors.append(chosen.to(scale_M).mul_(scale_M))
        return factors
