"""The minibatches of a stack: rows of every member, each from its own fold in its own order, and its dropouts.

A fold's order of rows comes from one stream of random numbers and its masks from another, as if it were trained alone.
Shapes: M members, S streams of orders, V streams of masks with their rates, Q steps, A training rows (of the largest
fold), B rows of a minibatch, X rows of all folds, D inputs, K outputs, L dropouts of a network.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from src.models.head import Head
from src.networks.stack import REGISTER, RowShape, Stack
from src.preprocessing.fold import FoldArrays
from src.training.members import Paused

# Numbers of minibatches that are put together at once: for some steps ahead, so that a small table's whole epoch costs
# a few calls, and a large table's is never all there.
NUMBERS_AHEAD = 2**20


@dataclass(frozen=True)
class Minibatch:
    """Rows for one step of some members, of all with None.

    share_MB1: by how much a row's error counts in the gradient of its member's mean loss. factors: what rows are
    multiplied by at each dropout; None where no member drops anything.
    """

    members: Tensor | None
    x_MBD: Tensor
    target_MBK: Tensor
    share_MB1: Tensor
    factors: list[Tensor | None]


@dataclass(frozen=True)
class Rows:
    """The rows of all folds, one fold after another: `counts` training rows, the validation rows, and so many rows of
    zeros and of weight zero, one at least, that all folds are equally long and whole vector registers.

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
    def length(self) -> int:
        """Rows of a fold; the last one is of weight zero."""
        return len(self.x_XD) // len(self.counts)


class Minibatches:
    """Deals minibatches to the members of a stack, epoch by epoch."""

    def __init__(
        self, stack: Stack, rows: Rows, size: int, fold_of_M: Tensor, seeds: Sequence[int], dropout_ML: Tensor
    ) -> None:
        """seeds, dropout_ML: of each member, its seed and its probability at each dropout."""
        self.stack, self.rows, self.size = stack, rows, size
        self.fold_of_M, self.dropout_ML = fold_of_M, dropout_ML
        orders: dict[tuple[int, int], int] = {}
        masks: dict[tuple[int, tuple[RowShape | None, ...]], int] = {}
        order_of, masks_of = [], []
        for m, (seed, f) in enumerate(zip(seeds, fold_of_M.tolist(), strict=True)):
            s = orders.setdefault((f, seed), len(orders))
            # Members share masks where the same of their dropouts are on, in networks of the same widths.
            shapes = zip(stack.dropouts_of(m), dropout_ML[m].tolist(), strict=True)
            on = tuple(shape if rate > 0 else None for shape, rate in shapes)
            order_of.append(s)
            masks_of.append(masks.setdefault((s, on), len(masks)))
        self.order_of_M, self.masks_of_M = torch.tensor(order_of), torch.tensor(masks_of)
        self.orders = [(torch.Generator().manual_seed(seed), rows.counts[f]) for f, seed in orders]
        self.offset_S11 = torch.tensor([f * rows.length for f, _ in orders])[:, None, None]
        seed_of_S = [seed for _, seed in orders]
        self.masks = [
            (torch.Generator().manual_seed(seed_of_S[s] + 1), self.orders[s][1], shapes) for s, shapes in masks
        ]
        self._settle()

    def keep(self, members: Tensor) -> None:
        """Leave only these members, in their order."""
        for name in ("fold_of_M", "dropout_ML", "order_of_M", "masks_of_M"):
            setattr(self, name, getattr(self, name)[members])
        self._settle()

    def _settle(self) -> None:
        self.steps_M = [-(-self.rows.counts[f] // self.size) for f in self.fold_of_M.tolist()]
        self.live_orders = sorted(set(self.order_of_M.tolist()))
        keys = list(zip(self.masks_of_M.tolist(), map(tuple, self.dropout_ML.tolist()), strict=True))
        distinct = {key: v for v, key in enumerate(dict.fromkeys(keys))}
        self.masks_of_V = torch.tensor([s for s, _ in distinct])
        self.dropout_VL = self.dropout_ML.new_tensor([rates for _, rates in distinct]).view(len(distinct), -1)
        every = len(distinct) == len(keys)
        self.masks_of_member = None if every else torch.tensor([distinct[key] for key in keys]).to(self._device)
        self.live_masks = sorted(set(self.masks_of_V.tolist()))
        self.any_dropout_L = (self.dropout_VL > 0).any(0).tolist()

    @property
    def _device(self) -> torch.device:
        return self.rows.x_XD.device

    def streams(self, member: int) -> tuple[Tensor, Tensor]:
        """The states of a member's random numbers: of its order of rows and of its masks."""
        order, masks = self.orders[int(self.order_of_M[member])], self.masks[int(self.masks_of_M[member])]
        return order[0].get_state(), masks[0].get_state()

    def resume(self, member: int, paused: Paused) -> None:
        self.orders[int(self.order_of_M[member])][0].set_state(torch.from_numpy(paused.shuffle))
        self.masks[int(self.masks_of_M[member])][0].set_state(torch.from_numpy(paused.masks))

    def epoch(self) -> Iterator[list[Minibatch]]:
        """What to take in each step of an epoch."""
        steps, size = max(self.steps_M), self.size
        order_SA = torch.full((len(self.orders), steps * size), self.rows.length - 1)
        for s in self.live_orders:
            generator, count = self.orders[s]
            order_SA[s, :count] = torch.randperm(count, generator=generator)
        order_SQB = order_SA.view(len(self.orders), steps, size)
        of_row = self.rows.x_XD[0].numel() + self.rows.target_XK.shape[1] + 1
        of_step = size * (len(self.steps_M) * of_row + len(self.masks_of_V) * sum(map(math.prod, self.stack.dropouts)))
        ahead = max(NUMBERS_AHEAD // of_step, 1)
        for start in range(0, steps, ahead):
            some_SQB = order_SQB[:, start : start + ahead]
            yield from self._padded(start, some_SQB) if self.stack.pads_rows else self._exact(start, some_SQB)

    def _padded(self, start: int, order_SQB: Tensor) -> Iterator[list[Minibatch]]:
        """All members in every step, minibatches filled up to whole vector registers."""
        order_SQB = nn.functional.pad(order_SQB, (0, -self.size % REGISTER), value=self.rows.length - 1)
        factors = self._factors(start, *order_SQB.shape[1:])
        for q, (x_MBD, target_MBK, share_MB1) in enumerate(zip(*self._taken(order_SQB), strict=True)):
            yield [Minibatch(None, x_MBD, target_MBK, share_MB1, self._of_members(factors, q, None))]

    def _exact(self, start: int, order_SQB: Tensor) -> Iterator[list[Minibatch]]:
        """In each step together the members that have equally many rows left."""
        factors = self._factors(start, *order_SQB.shape[1:])
        rows_M = torch.tensor(self.rows.counts)[self.fold_of_M]
        for q in range(order_SQB.shape[1]):
            left_M = (rows_M - (start + q) * self.size).clamp(0, self.size)
            minibatches = []
            for count in (of for of in left_M.unique().tolist() if of):
                members = None if bool((left_M == count).all()) else torch.nonzero(left_M == count)[:, 0]
                x, target, share = self._taken(order_SQB[:, q : q + 1, :count], members)
                own = [None if of is None else of[:, :count] for of in self._of_members(factors, q, members)]
                members = None if members is None else members.to(self._device)
                minibatches.append(Minibatch(members, x[0], target[0], share[0], own))
            yield minibatches

    def _taken(self, order_SQB: Tensor, members: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs (Q, M, B, D), targets (Q, M, B, K) and shares (Q, M, B, 1) of rows: of each stream first, as its
        members share them."""
        rows_QSB = (order_SQB + self.offset_S11).transpose(0, 1)
        flat = rows_QSB.ravel().to(self._device)
        x, target, w = (
            part.index_select(0, flat).view(*rows_QSB.shape, *part.shape[1:])
            for part in (self.rows.x_XD, self.rows.target_XK, self.rows.w_X)
        )
        whole = w.sum(2, keepdim=True)
        share = (w * (self.rows.slope / whole.where(whole > 0, torch.ones_like(whole)))).unsqueeze(3)
        of_M = (self.order_of_M if members is None else self.order_of_M[members]).to(self._device)
        return x.index_select(1, of_M), target.index_select(1, of_M), share.index_select(1, of_M)

    def _factors(self, start: int, steps: int, rows: int) -> list[Tensor | None]:
        """What rows are multiplied by at each dropout, (Q, V, B, ...), in some steps from `start` on.

        A fold draws whole minibatches and only while it has rows, so that its stream is the one it has alone.
        """
        drawn = [
            torch.zeros(steps, len(self.masks), rows, *shape) if on else None
            for shape, on in zip(self.stack.dropouts, self.any_dropout_L, strict=True)
        ]
        for s in self.live_masks:
            generator, count, shapes = self.masks[s]
            own_steps = min(steps, -(-count // self.size) - start)
            sizes = [0 if shape is None else self.size * math.prod(shape) for shape in shapes]
            if own_steps <= 0 or not sum(sizes):
                continue
            numbers = torch.rand(own_steps, sum(sizes), generator=generator).split(sizes, dim=1)
            for of_all, shape, own in zip(drawn, shapes, numbers, strict=True):
                if shape is not None:
                    assert of_all is not None
                    corner = (slice(own_steps), s, slice(self.size), *(slice(width) for width in shape))
                    of_all[corner] = own.view(own_steps, self.size, *shape)
        factors: list[Tensor | None] = []
        for uniform, rate_V in zip(drawn, self.dropout_VL.T, strict=True):
            if uniform is None:
                factors.append(None)
                continue
            rate = rate_V.view(-1, *[1] * (uniform.ndim - 2))
            kept = uniform.index_select(1, self.masks_of_V).ge_(rate.float())
            factors.append(kept.to(self.rows.x_XD).div_((1 - rate).to(self.rows.x_XD)))
        return factors

    def _of_members(self, factors: Sequence[Tensor | None], q: int, members: Tensor | None) -> list[Tensor | None]:
        """Each member's factors in the step q."""
        if self.masks_of_member is None:
            chosen = members
        else:
            chosen = self.masks_of_member if members is None else self.masks_of_member[members]
        return [
            None if of is None else of[q] if chosen is None else of[q].index_select(0, chosen.to(of.device))
            for of in factors
        ]
