"""The stacked backend: members of one shape trained together, as one model.

One Lightning step is one epoch. A minibatch holds rows of every member, each from its own fold in its own order; folds
of unequal size and last minibatches are padded with rows of weight zero, and a member that has no rows left in a step
is not stepped. Everything is padded to whole vector registers, so that a member comes out the same to the last bit
whatever is trained beside it: otherwise a change of one fold's rows could reach another fold's weights by rounding.
Shapes: M members, F folds, A training rows (of the largest fold), B rows of a minibatch, D inputs, T target columns,
K outputs, H units of a layer.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.nn import functional

from src.measures import Measure
from src.models import HEADS
from src.models.head import Head
from src.networks import build_network
from src.networks.mlp import MLP
from src.networks.stacked_mlp import REGISTER, StackedMLP
from src.preprocessing.fold import FoldArrays
from src.tables import Table
from src.training.lightning import make_trainer
from src.training.looped import CURVE_ROWS, evenly_spaced
from src.training.members import History, Member, Trained
from src.training.optimizers import STACKED_OPTIMIZERS, StackedOptimizer


class EpochOfAllMembers(LightningModule):
    """Trains a stack; `training_step` is one epoch of every member."""

    def __init__(
        self, members: Sequence[Member], folds: Sequence[FoldArrays], table: Table, measure: Measure, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.members = members
        self.measure = measure
        self.table = table
        distinct = list({id(fold): fold for fold in folds}.values())
        number = {id(fold): f for f, fold in enumerate(distinct)}
        self.distinct = distinct
        self.fold_of_M = torch.tensor([number[id(fold)] for fold in folds])
        self.member_of_fold = [torch.nonzero(self.fold_of_M == f)[:, 0] for f in range(len(distinct))]
        first_M = [int(of[0]) for of in self.member_of_fold]
        self.seeds = [members[m].seed for m in first_M]
        self.rows = [members[m] for m in first_M]
        self.shuffles = [torch.Generator().manual_seed(seed) for seed in self.seeds]
        self.masks = [torch.Generator().manual_seed(seed + 1) for seed in self.seeds]
        self.padded = _padded(distinct, dtype)
        self.dtype_used = dtype
        self.candidate = members[0].candidate
        self.head = _head(members[0], distinct[0].x_AD.shape[1], table, dtype)
        self.curves: list[dict[str, list[float]]] = [{n: [] for n in History.__dataclass_fields__} for _ in members]
        self.sampled = [torch.from_numpy(evenly_spaced(len(fold.x_AD))) for fold in distinct]

    def train_dataloader(self) -> list[int]:
        return [0]

    def configure_optimizers(self) -> None:
        return None

    def on_fit_start(self) -> None:
        networks = [
            _initial_network(m, self.distinct[0].x_AD.shape[1], self.table, self.dtype_used) for m in self.members
        ]
        self.stack = StackedMLP(networks, self.candidate.network["activation"], self.device)
        column = lambda values: torch.tensor(values, dtype=self.dtype_used, device=self.device)[:, None]  # noqa: E731
        self.l1_M1 = column([m.candidate.l1 for m in self.members])
        self.l2_M1 = column([m.candidate.l2 for m in self.members])
        self.dropout_M11 = column([m.candidate.network["dropout"] for m in self.members])[:, :, None]
        rate_M1 = column([m.candidate.learning_rate for m in self.members])
        self.optimizer: StackedOptimizer = STACKED_OPTIMIZERS[self.candidate.optimizer](self.stack.values_MP, rate_M1)
        x_FD, y_FT, w_F = self.padded
        self.padded = (x_FD.to(self.device), y_FT.to(self.device), w_F.to(self.device))
        self.fold_of_M = self.fold_of_M.to(self.device)

    def training_step(self, epoch: int, batch_idx: int) -> None:
        self.stack.bind()
        x_FD, y_FT, w_F = self.padded
        size = self.candidate.batch_size
        order_FA = self._orders(x_FD.shape[1] - 1)
        for start in range(0, x_FD.shape[1] - 1, size):
            rows_FB = order_FA[:, start : start + size]
            rows_FB = functional.pad(rows_FB, (0, -size % REGISTER), value=x_FD.shape[1] - 1).to(self.device)
            rows_MB, fold_M1 = rows_FB[self.fold_of_M], self.fold_of_M[:, None]
            w_MB = w_F[fold_M1, rows_MB]
            logits_MBK = self.stack.logits(x_FD[fold_M1, rows_MB], self._dropout(start, rows_FB.shape[1]))
            losses_MB = self._row_losses(logits_MBK, y_FT[fold_M1, rows_MB])
            weight_M = w_MB.sum(1)
            present_M = weight_M > 0
            self.stack.gradients_MP.zero_()
            ((losses_MB * w_MB).sum(1) / weight_M.where(present_M, torch.ones_like(weight_M))).sum().backward()
            self._add_penalty_gradients()
            everyone = start + size <= self.shortest
            self.optimizer.step(self.stack.gradients_MP, None if everyone else torch.nonzero(present_M)[:, 0])

    @property
    def shortest(self) -> int:
        """Training rows of the smallest fold."""
        return min(len(fold.x_AD) for fold in self.distinct)

    def _orders(self, padding: int) -> Tensor:
        """Each fold's rows in this epoch's order, padded to whole minibatches with the row of weight zero."""
        whole = -(-padding // self.candidate.batch_size) * self.candidate.batch_size
        order_FA = torch.full((len(self.distinct), whole), padding)
        for f, fold in enumerate(self.distinct):
            rows = len(fold.x_AD)
            order_FA[f, :rows] = torch.randperm(rows, generator=self.shuffles[f])
        return order_FA

    def _dropout(self, start: int, rows: int) -> list[Tensor | None]:
        """Factors for each hidden layer's units; a fold that has no rows left in this step draws none."""
        units = self.candidate.network["units"]
        if not bool((self.dropout_M11 > 0).any()):
            return [None] * len(units)
        factors: list[Tensor | None] = []
        for width in units:
            uniform_FBH = torch.zeros(len(self.distinct), rows, width)
            for f, fold in enumerate(self.distinct):
                if start < len(fold.x_AD):
                    size = self.candidate.batch_size
                    uniform_FBH[f, :size] = torch.rand(size, width, generator=self.masks[f])
            uniform_MBH = uniform_FBH.to(self.device)[self.fold_of_M]
            factors.append((uniform_MBH >= self.dropout_M11).to(self.dtype_used) / (1 - self.dropout_M11))
        return factors

    def _add_penalty_gradients(self) -> None:
        with torch.no_grad():
            values_MP, penalized_P = self.stack.values_MP, self.stack.penalized_P
            if bool((self.l2_M1 > 0).any()):
                self.stack.gradients_MP.addcmul_(values_MP, penalized_P * (2 * self.l2_M1))
            if bool((self.l1_M1 > 0).any()):
                self.stack.gradients_MP.addcmul_(values_MP.sign(), penalized_P * self.l1_M1)

    def _row_losses(self, logits_MBK: Tensor, y_MBT: Tensor) -> Tensor:
        return self.head.row_losses(logits_MBK.flatten(0, 1), y_MBT.flatten(0, 1)).view(logits_MBK.shape[:2])

    def on_train_epoch_end(self) -> None:
        x_FD, y_FT, w_F = self.padded
        for f, fold in enumerate(self.distinct):
            rows = self.sampled[f].numpy()
            own = self.rows[f]
            at = self.sampled[f].to(self.device)
            self._record(f, "training", x_FD[f, at], y_FT[f, at], w_F[f, at], own.training[rows])
            if len(fold.x_VD):
                x_VD, y_VT, w_V = (torch.from_numpy(part).to(x_FD) for part in (fold.x_VD, fold.y_VT, fold.w_V))
                self._record(f, "validation", x_VD, y_VT, w_V, own.validation)

    def _record(self, f: int, name: str, x_ND: Tensor, y_NT: Tensor, w_N: Tensor, rows: np.ndarray) -> None:
        members = self.member_of_fold[f]
        logits_MNK = self._logits(x_ND, members)
        losses_MN = self._row_losses(logits_MNK, y_NT.expand(len(members), *y_NT.shape))
        losses_M = ((losses_MN * w_N).sum(1) / w_N.sum()).tolist()
        p_MNK = self.distinct[f].restore(self.head.predictions(logits_MNK.flatten(0, 1)).double().cpu().numpy())
        p_MNK = p_MNK.reshape(logits_MNK.shape)
        actual_NT, weights_N = self.table.y_NT[rows], self.table.w_N[rows]
        for m, p_NK, loss in zip(members.tolist(), p_MNK, losses_M, strict=True):
            self.curves[m][name].append(self.measure.value(actual_NT, p_NK, weights_N))
            self.curves[m][f"{name}_loss"].append(loss)

    def _logits(self, x_ND: Tensor, members: Tensor) -> Tensor:
        return torch.cat([self.stack.evaluate(x_BD, members) for x_BD in x_ND.split(CURVE_ROWS)], dim=1)

    def unstacked(self) -> list[Trained]:
        """Every member as if it had been trained alone."""
        results = []
        for m, member in enumerate(self.members):
            f = int(self.fold_of_M[m])
            fold = self.distinct[f]
            x_VD = torch.from_numpy(fold.x_VD).to(self.stack.values_MP)
            logits_VK = self._logits(x_VD, torch.tensor([m]))[0]
            results.append(
                Trained(
                    member=member,
                    vectorizer=fold.vectorizer,
                    target_scaler=fold.target_scaler,
                    weights={name: value.cpu().numpy() for name, value in self.stack.state(m).items()},
                    inputs=fold.x_AD.shape[1],
                    history=History(**{name: np.array(values) for name, values in self.curves[m].items()}),
                    predictions=fold.restore(self.head.predictions(logits_VK).double().cpu().numpy()),
                )
            )
        return results


def train_stacked(
    members: Sequence[Member],
    folds: Sequence[FoldArrays],
    table: Table,
    measure: Measure,
    accelerator: str,
    dtype: torch.dtype = torch.float32,
    on_epoch: Callable[[], object] | None = None,
) -> list[Trained]:
    """Train members of one signature together; `folds` gives each member's fold (shared objects for shared folds).

    `on_epoch` is called after every epoch of them all.
    """
    stack = EpochOfAllMembers(members, folds, table, measure, dtype)
    make_trainer(members[0].candidate.epochs, accelerator, on_epoch).fit(stack)
    return stack.unstacked()


def _padded(folds: Sequence[FoldArrays], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Training rows of all folds, (F, A + 1, ...): short folds, and the last row of all, are filled with zeros."""
    longest = max(len(fold.x_AD) for fold in folds) + 1

    def stack(name: str) -> Tensor:
        parts = [torch.from_numpy(getattr(fold, name)).to(dtype) for fold in folds]
        return torch.stack([torch.cat([p, p.new_zeros(longest - len(p), *p.shape[1:])]) for p in parts])

    return stack("x_AD"), stack("y_AT"), stack("w_A")


def _head(member: Member, inputs: int, table: Table, dtype: torch.dtype) -> Head:
    """A head for its loss and its last activation; its own network is not used."""
    return HEADS[table.schema.type](_initial_network(member, inputs, table, dtype))


def _initial_network(member: Member, inputs: int, table: Table, dtype: torch.dtype) -> MLP:
    with torch.random.fork_rng():
        torch.manual_seed(member.seed)
        network = build_network(member.candidate.network, inputs, table.schema.outputs).to(dtype)
    assert isinstance(network, MLP)
    return network
