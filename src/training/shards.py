"""Decide which members are trained together: groups that stack, the backend of each, and shards that fit into memory.

These decisions change results only by rounding. They do not depend on the values of rows, so no row can affect another
fold's weights this way.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import psutil

from src.inputs.sparse import Joined, SparseRows, widths
from src.preparation.fold import FoldArrays
from src.tables.table import Table
from src.training.course import CURVE_ROWS, EVALUATED_AT_ONCE
from src.training.members import Member, Trained

# On a CPU stacking pays only for narrow layers. Measured on 2 cores, layers from this width on gain nothing.
WIDEST_STACKED = 512
# The most members of a stack on a CPU: more gain nothing and cost memory.
LARGEST_STACK = 200
# Narrower networks join a wider stack up to this width and this many times their own. Three stacks of up to 16 units
# took 1.2 times as long as one; from 32 units on, the zeros cost more than the calls that they save.
WIDEST_PADDED, MOST_PADDING = 16, 4
# Numbers that training holds at once. Per parameter: its gradient, moments and intermediate results. Per hidden unit
# and row: its activation, mask and gradient. Per output and row: those for the curve's measure.
COPIES_OF_PARAMETERS, COPIES_OF_UNITS, COPIES_OF_OUTPUTS = 8, 6, 8
# A guess at a step whose operations torch cannot count: parameters times rows of a minibatch.
USUAL_STEP = 2**17

Device = Literal["cpu", "gpu"]


@dataclass(frozen=True)
class Shard:
    """Members trained together on one device, by their positions in the list given to `fit`.

    units: the widths to which narrower dense networks are padded, the same in all shards of a group.
    reason: for this backend.
    """

    backend: Literal["stacked", "looped"]
    reason: str
    positions: list[int]
    members: list[Member]
    folds: list[FoldArrays]
    resumed: list[Trained] | None = None
    units: list[int] | None = None

    def part(self, chosen: slice, backend: Literal["stacked", "looped"] | None = None) -> "Shard":
        """Some of the members as a separate shard."""
        before = self.resumed[chosen] if self.resumed else None
        chosen_parts = self.positions[chosen], self.members[chosen], self.folds[chosen]
        return Shard(backend or self.backend, self.reason, *chosen_parts, before, self.units)


def groups_of(
    members: Sequence[Member],
    folds: Sequence[FoldArrays],
    table: Table,
    device: Device,
    resumed: Sequence[Trained] | None = None,
) -> list[Shard]:
    """Groups of members that can be trained together, each as one shard, and the other members one by one."""
    alike: dict[object, list[int]] = {}
    for i, (member, fold) in enumerate(zip(members, folds, strict=True)):
        c = member.candidate
        epoch = paused.epoch if resumed and (paused := resumed[i].paused) else 0
        key = (
            c.network.stacks_with,
            repr(widths(fold.x_AD)),
            c.batch_size,
            c.optimizer,
            c.loss,
            c.label_smoothing,
            epoch,
        )
        alike.setdefault(key, []).append(i)
    groups = []
    first = {id(fold): f for f, fold in reversed(list(enumerate(folds)))}
    for positions in alike.values():
        for in_order, units in _padded_groups(positions, members):
            # So each shard of a group has few folds and collects few minibatches.
            chosen = sorted(in_order, key=lambda i: first[id(folds[i])])
            group = [members[i] for i in chosen]
            before = [resumed[i] for i in chosen] if resumed else None
            backend, reason = _backend(group[0], folds[chosen[0]], table, units, device)
            groups.append(Shard(backend, reason, chosen, group, [folds[i] for i in chosen], before, units))
    return groups


def cut(groups: Sequence[Shard], workers: int, memory: int, device: Device) -> Iterator[Shard]:
    """Cut groups into shards, so that `workers` of them take at most `memory` bytes at once."""
    everyone = sum(len(group.members) for group in groups)
    for group in groups:
        largest = len(group.members) if device == "gpu" else LARGEST_STACK
        size = max(min(largest, memory // workers // bytes_of_a_member(group)), 1)
        # Each looped member is a shard, as it gains nothing from others. A stack is cut evenly into enough shards to
        # keep its share of the workers busy.
        parts = max(math.ceil(len(group.members) / size), math.ceil(workers * len(group.members) / everyone))
        size = 1 if group.backend == "looped" else math.ceil(len(group.members) / parts)
        for start in range(0, len(group.members), size):
            yield group.part(slice(start, start + size))


def operations(group: Shard, table: Table) -> float:
    """Multiplications and additions of one member's step. For networks other than dense ones, torch counts them, and a
    guess is the least."""
    member, units = group.members[0], group.units
    if units is None:
        return max(6 * USUAL_STEP, _counted(member, group.folds[0], table))
    widths = [group.folds[0].x_AD.shape[1], *units, max(group.folds[0].y_AT.shape[1], 1)]
    return 6 * member.candidate.batch_size * sum((a + 1) * b for a, b in pairwise(widths))


def _counted(member: Member, fold: FoldArrays, table: Table) -> float:
    """Those of its matrix products and convolutions. The backward pass takes twice as many as the forward pass."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from src.training.inputs import rows_of
    from src.training.looped import initial_network

    parts = fold.x_AD.parts if isinstance(fold.x_AD, Joined) else (fold.x_AD,)
    if any(isinstance(part, SparseRows) for part in parts):
        return 0
    network = initial_network(member, fold, table, torch.float32).eval()
    few = min(len(fold.x_AD), 4)
    rows = rows_of(fold.x_AD[:few], torch.float32)[torch.arange(few)].to(torch.device("cpu"))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(rows)
    return 3 * counter.get_total_flops() * member.candidate.batch_size / few


def bytes_of_a_member(group: Shard) -> int:
    """The most memory that training one member takes, besides the rows that all share."""
    member, fold = group.members[0], group.folds[0]
    units = group.units or []
    inputs, outputs = fold.x_AD.shape[1], max(fold.y_AT.shape[1], 1)
    widths = [inputs, *units, outputs]
    parameters = sum((a + 1) * b for a, b in pairwise(widths))
    of_row = 2 * inputs + COPIES_OF_UNITS * sum(units) + 4 * outputs
    shown = min(len(fold.x_AD), CURVE_ROWS) + len(fold.x_VD)
    curve = min(shown, EVALUATED_AT_ONCE) * 2 * max(widths[1:]) + shown * COPIES_OF_OUTPUTS * outputs
    return 4 * (COPIES_OF_PARAMETERS * parameters + max(member.candidate.batch_size * of_row, curve))


def free_memory(device: Device) -> int:
    """The free memory of the device in bytes."""
    import torch

    if device == "gpu" and torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)


def _padded_groups(positions: Sequence[int], members: Sequence[Member]) -> Iterator[tuple[list[int], list[int] | None]]:
    """Groups of positions with the widths of their stack: narrower networks join the widest if that pays."""
    if not members[positions[0]].candidate.network.pads:
        yield list(positions), None
        return
    left = list(positions)
    while left:
        units = max((members[i].candidate.network.units for i in left), key=lambda widths: (max(widths), widths))
        joins = [i for i in left if _fits(members[i].candidate.network.units, units)]
        yield joins, list(units)
        left = [i for i in left if i not in set(joins)]


def _fits(narrow: Sequence[int], wide: Sequence[int]) -> bool:
    if list(narrow) == list(wide):
        return True
    return max(wide) <= WIDEST_PADDED and all(n <= w <= MOST_PADDING * n for n, w in zip(narrow, wide, strict=True))


def _backend(
    member: Member, fold: FoldArrays, table: Table, units: list[int] | None, device: Device
) -> tuple[Literal["stacked", "looped"], str]:
    if table.schema.heads:
        return "looped", "networks with several heads are not stacked"
    if not table.schema.targets and not _only_asks_its_network(table.schema.type):
        return "looped", "a head that does more than pass its inputs to the network is not stacked"
    if units is not None:
        if device == "cpu" and max(units) >= WIDEST_STACKED:
            return "looped", f"layers of {WIDEST_STACKED} units and more gain nothing from a stack on a CPU"
        return "stacked", f"dense networks of {len(units)} layers, up to {'-'.join(map(str, units))} units"
    if not isinstance(fold.x_AD, np.ndarray):
        return "looped", fold.x_AD.looped
    refused = refusal(member, fold, table)
    if refused is not None:
        return "looped", refused
    architecture = member.candidate.network.architecture
    if device == "cpu" and _step_size(member, fold, table) > member.candidate.network.largest_vmapped_step:
        return "looped", f"{architecture} networks as large as this gain nothing from a stack on a CPU"
    return "stacked", f"{architecture} networks by vmap"


def _only_asks_its_network(type_name: str) -> bool:
    from src.models.head import Head
    from src.models.heads import HEADS

    return HEADS[type_name].forward is Head.forward


def refusal(member: Member, fold: FoldArrays, table: Table) -> str | None:
    """Why `vmap` does not take a member's network; None if it does. Two copies of it make one step to find out."""
    import torch
    from torch import nn

    from src.networks.dropout import Dropout
    from src.networks.parameter_groups import Grouped
    from src.training.looped import initial_network
    from src.training.stacked_modules import StackedModules

    networks = [initial_network(member, fold, table, torch.float32) for _ in range(2)]
    architecture = member.candidate.network.architecture
    dropouts = nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout
    for name, module in networks[0].named_modules():
        if isinstance(module, dropouts) and not isinstance(module, Dropout) and module.p > 0:
            return f"network {architecture}: {name} draws its masks from torch's own stream; use src.networks.dropout"
        if isinstance(module, Grouped):
            return f"network {architecture}: some of its parameters learn in their own way"
    rows = torch.from_numpy(fold.x_AD[: min(len(fold.x_AD), 4)])
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*performance drop because we have not yet implemented.*")
            stack = StackedModules(networks, rows, torch.device("cpu"))
            logits_MBK = stack.forward(rows.expand(2, *rows.shape), [None] * len(stack.dropouts))
            stack.backward(torch.ones_like(logits_MBK))
            stack.evaluate(rows[None], slice(0, 2))
    except Exception as error:  # whatever a layer raises under vmap is a reason to train it without
        return f"network {architecture}: vmap refuses it ({type(error).__name__}: {str(error).splitlines()[0][:120]})"
    if len(stack.dropout_names) != len(set(stack.dropout_names)):
        return f"network {architecture}: a dropout is used more than once in a forward pass"
    return None


def _step_size(member: Member, fold: FoldArrays, table: Table) -> int:
    import torch

    from src.training.looped import initial_network

    network = initial_network(member, fold, table, torch.float32)
    return int(np.sum([p.numel() for p in network.state_dict().values()])) * member.candidate.batch_size
