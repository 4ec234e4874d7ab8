"""Whether clusters are stable: whether other rows of the same source would give the same ones. Shapes: V rows."""

import numpy as np

from src.core.text import count
from src.inputs.clusters import CLUSTER
from src.judging.evaluation import estimate
from src.judging.held_out import HeldOut
from src.judging.printer import printer
from src.models.measures import TABLE
from src.results.verdicts import Verdict
from src.tables.table import Table

NAME, AGREEMENT = "clusters_are_stable", "agreement"
# Good recovery of clusters begins here: Steinley 2004, "Properties of the Hubert-Arabie adjusted Rand index".
STABLE = 0.8


def clusters_are_stable(held_out: HeldOut, called: str, table: Table) -> Verdict:
    """Whether two models that learnt from halves of the training rows surely deal out held-out rows alike.

    The halves have no row in common, and neither model learnt from the rows that are dealt out. Source: Lange, Roth,
    Braun and Buhmann 2004, "Stability-based validation of clustering solutions", Neural Computation 16.
    """
    agreed = estimate(held_out, table, TABLE[AGREEMENT])
    printing = printer(AGREEMENT, "", [agreed.value], [agreed])
    fewest = min(len(np.unique(p_VK[:, CLUSTER])) for p_VK in held_out.predictions)
    return Verdict(
        name=NAME,
        holds=agreed.low > STABLE,
        evidence=f"two models of halves of the training rows, each a {called}, deal out held-out rows with an "
        f"agreement of {printing.with_interval(agreed).replace('(', '(95% interval ')}; 0 is chance, 1 is all. They "
        f"count as stable where the whole interval lies above {STABLE:g}. At least {count(fewest)} of "
        f"{count(table.schema.clusters)} clusters have rows in every fold. Even rows without any groups can be dealt "
        "out alike, so stable clusters need not be groups",
    )
