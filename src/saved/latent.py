"""What a network with a random code makes of it, and how tight its bound is. Shapes: N rows, C numbers of the code."""

import numpy as np
import pandas as pd

from src.core.text import count, counted
from src.judging.intervals import CONFIDENCE, paired_gain
from src.results.verdicts import Verdict
from src.saved.network_model import NetworkModel

# A number of the code is active if its mean varies by more than this over rows (Burda et al. 2016, section 5.2).
ACTIVE = 0.01
# Bounds that differ by at most this share of the bits are tight.
TIGHT = 0.01
# Rows that are asked about, evenly spaced: many draws of many rows take long.
MOST_ROWS = 2_000


def latent_verdicts(model: NetworkModel, rows: pd.DataFrame) -> list[Verdict]:
    """`latent_is_used` of a network with a code, and `bound_is_tight` of one whose bits are a bound; by these rows."""
    network = model.heads[0].network
    few = rows.iloc[:: -(-len(rows) // MOST_ROWS)]
    verdicts = [_used(model, few)] if hasattr(network, "divergences") else []
    return [*verdicts, _tight(model, few)] if hasattr(network, "final") else verdicts


def _used(model: NetworkModel, rows: pd.DataFrame) -> Verdict:
    """Whether rows differ in their codes at all: a decoder that is strong enough may ignore the code."""
    code_NC = model.codes(rows)
    nats_NC = model.asked(rows, lambda network, x: network.divergences(x))  # type: ignore[operator]
    active = int((code_NC.var(axis=0) > ACTIVE).sum())
    bits = nats_NC.sum(axis=1).mean() / np.log(2)
    return Verdict(
        name="latent_is_used",
        holds=active > 0,
        evidence=f"{count(active) if active else 'none'} of the {counted(code_NC.shape[1], 'number')} of the code is "
        f"active (its mean has a variance over {ACTIVE:g}) on {counted(len(rows), 'row')} of the sealed test; the code "
        f"tells at most {bits:.3g} bits of a row on average",
    )


def _tight(model: NetworkModel, rows: pd.DataFrame) -> Verdict:
    """Whether many draws hardly lower the bits that one draw claims."""
    from src.networks.noise import DRAWS

    one_N2 = model.asked(rows, lambda network, x: network(x))
    many_N2 = model.asked(rows, lambda network, x: network.final(x))  # type: ignore[operator]
    dimensions = many_N2[:, 1].sum()
    one, many = one_N2[:, 0].sum() / dimensions, many_N2[:, 0].sum() / dimensions
    gap_N = (one_N2[:, 0] - many_N2[:, 0]) / many_N2[:, 1]
    if len(gap_N) == 1:
        return Verdict(name="bound_is_tight", holds=False, evidence="one sealed row does not tell")
    gap = paired_gain(float(gap_N.mean()), gap_N, 0.0)
    return Verdict(
        name="bound_is_tight",
        holds=bool(gap.high <= TIGHT * many),
        evidence=f"bits per dimension of {counted(len(rows), 'sealed row')}: {one:.4f} by one draw (as in the search), "
        f"{many:.4f} by {DRAWS}; gap {gap.value:.4f} ({CONFIDENCE:.0%} interval {gap.low:.4f} to {gap.high:.4f}), "
        f"{gap.value / many:.1%} of it; tight is {TIGHT:.0%} at most",
    )
