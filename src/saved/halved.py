"""The clusters of sealed rows by models that learnt from halves of all training rows. Shapes: N rows."""

import numpy as np
from numpy.typing import NDArray

from src.inputs.clusters import CLUSTER
from src.judging.baselines import fit_shallow
from src.judging.committee import Committee
from src.judging.held_out import HeldOut
from src.results.evaluate import Saved
from src.saved.final import final_network
from src.tables.protocols import Split
from src.tables.table import Table


def by_halves(
    final: Committee, shallow: str, held_out: HeldOut, table: Table, test: Table, seed: int
) -> dict[Saved, NDArray[np.float64]]:
    """The clusters by both models of halves, (N, 2), for the network and for the shallow model of that name.

    final: the network fitted to all training rows. held_out: what networks say of rows they had not seen.
    """
    networks = [final_network([[half]], held_out, table) for half in final[0].halves]
    everything = np.arange(len(table))
    splits = Split(0, 0, everything, everything[:0]).halves(table.units(everything))
    shallows = [fit_shallow(shallow, table, split.training, seed + number) for number, split in enumerate(splits, 1)]
    return {
        "network": np.column_stack([model.row_predictions(test.frame)[:, CLUSTER] for model in networks]),
        "shallow": np.column_stack([model.row_predictions(test.frame)[:, CLUSTER] for model in shallows]),
    }
