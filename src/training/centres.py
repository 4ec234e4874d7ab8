"""Clusters of the codes that finished networks give to rows.

Each network of a fold has two more beside it, which learnt from halves of its training rows and from other random
numbers. What these say of the held-out rows goes with its answers. Shapes: A training rows, V held-out rows, C numbers
of a code, K numbers that are said of a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.special import softmax

from src.inputs.clusters import CLUSTER, HALVES
from src.models.clusters import Parts, k_means, parts_by_k_means, settled
from src.networks import build_network
from src.preparation.fold import Index
from src.tables.protocols import Split
from src.tables.table import Table
from src.training.members import Member, Trained

# Rows that a network sees at a time.
AT_ONCE = 512
# Where the mixture lies among a network's weights.
PRIOR = "code.prior"


def with_halves(members: Sequence[Member], table: Table) -> list[Member]:
    """Each member, followed by two that learn from halves of its rows."""
    return [one for member in members for one in (member, *_halves(member, table.units(member.training)))]


def _halves(member: Member, units_A: Index) -> list[Member]:
    split = Split(member.repeat, member.fold, member.training, member.validation)
    return [
        replace(member, training=half.training, seed=member.seed + number)
        for number, half in enumerate(split.halves(units_A), 1)
    ]


def with_clusters(trained: Sequence[Trained], table: Table) -> list[Trained]:
    """The first of every three networks, the other two being its halves, all with the centres of their codes."""
    settled = [_settled(one, table) for one in trained]
    return [_joined(*settled[place : place + 3]) for place in range(0, len(settled), 3)]


def _joined(whole: Trained, *halves: Trained) -> Trained:
    p_VK = whole.predictions.copy()
    p_VK[:, HALVES] = np.column_stack([half.predictions[:, CLUSTER] for half in halves])
    return replace(whole, predictions=p_VK, halves=list(halves))


def _settled(trained: Trained, table: Table) -> Trained:
    """The network with the clusters of the codes of its training rows; as it is if its training diverged."""
    import torch

    from src.training.inputs import answers, rows_of

    if trained.diverged is not None:
        return trained
    member = trained.member
    network = build_network(member.candidate.network, trained.inputs, table.schema.all_outputs)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in trained.weights.items()})
    network.eval()
    x_AD, x_VD = (
        rows_of(trained.vectorizer.transform(table.frame.iloc[rows]), torch.float32)
        for rows in (member.training, member.validation)
    )
    cpu = torch.device("cpu")
    with torch.no_grad():
        code_AC = answers(x_AD, AT_ONCE, cpu, network.encode).double().numpy()  # type: ignore[arg-type]
        learnt = _learnt(trained.weights, code_AC, table.w_N[member.training], table.schema.clusters, member.seed)
        network.load_state_dict({name: torch.from_numpy(value).float() for name, value in learnt.items()}, strict=False)
        p_VK = trained.predictions
        if len(member.validation):
            p_VK = answers(x_VD, AT_ONCE, cpu, network).double().numpy()
    weights = trained.weights | {name: value.astype(np.float32) for name, value in learnt.items()}
    return replace(trained, weights=weights, predictions=p_VK)


def _learnt(
    weights: Mapping[str, np.ndarray], code_AC: np.ndarray, w_A: np.ndarray, count: int, seed: int
) -> dict[str, np.ndarray]:
    """The weights of the clusters by their names: centres by k-means, or the mixture that codes come from.

    The mixture goes on from what the network has learnt, or begins anew with k-means where that ends higher.
    """
    if f"{PRIOR}.share" not in weights:
        centres, variance = k_means(code_AC, w_A, count, seed)
        return {"code.centres": centres, "code.variance": np.array(variance)}
    spread_C, share_G, centre_GC, log_variance_GC = (
        weights[f"{PRIOR}.{name}"].astype(np.float64) for name in ("log_spread", "share", "centre", "log_variance")
    )
    spread_C = np.exp(spread_C)
    jointly = Parts(softmax(share_G), centre_GC, np.exp(log_variance_GC))
    parts = settled(code_AC, w_A, spread_C, [jointly, parts_by_k_means(code_AC, w_A, spread_C, count, seed)])
    return {
        f"{PRIOR}.share": np.log(np.maximum(parts.share_C, 1e-30)),
        f"{PRIOR}.centre": parts.centre_CP,
        f"{PRIOR}.log_variance": np.log(parts.variance_CP),
    }
