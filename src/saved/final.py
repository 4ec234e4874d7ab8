"""The final models, from what was trained: all that a saved one says of rows, and how typical held-out rows were.

Shapes: N rows, V held-out rows of a split, K outputs.
"""

import numpy as np

from src.judging.baselines import fit_shallow
from src.judging.committee import Committee
from src.judging.evaluation import half_widths
from src.judging.held_out import HeldOut
from src.judging.intervals import CONFIDENCE
from src.kinds.vectorizers import Vectorizer
from src.saved.inference import Interval, Typical
from src.saved.neighbours import Neighbours
from src.saved.network_model import NetworkCard, NetworkModel, Preprocessing
from src.saved.shallow_model import ShallowCard, ShallowModel
from src.tables.table import Table


def final_network(committees: list[Committee], held_out: HeldOut, table: Table) -> NetworkModel:
    """The final model of one committee, or of the committees of several folds. held_out: see `final_shallow`."""
    first, *others = [networks[0] for networks in committees]
    card = NetworkCard(
        table=table.schema,
        vectorizer=first.vectorizer,
        target_scaler=first.target_scaler,
        further_scalers=first.further_scalers,
        network=first.member.candidate.network,
        inputs=first.inputs,
        interval=_interval(held_out, table),
        typical=_typical(held_out, table),
        further=[
            Preprocessing(
                vectorizer=trained.vectorizer,
                target_scaler=trained.target_scaler,
                further_scalers=trained.further_scalers,
                inputs=trained.inputs,
            )
            for trained in others
        ],
    )
    weights = [trained.weights for networks in committees for trained in networks]
    return NetworkModel(card, weights, _neighbours(table, card.vectorizer))


def final_shallow(name: str, held_out: HeldOut, table: Table, seed: int) -> ShallowModel:
    """The shallow model of that name, fitted on all training rows. held_out: what it says of rows it had not seen."""
    fitted = fit_shallow(name, table, np.arange(len(table)), seed)
    card = ShallowCard(**dict(fitted.setup), interval=_interval(held_out, table), typical=_typical(held_out, table))
    return ShallowModel(card, fitted.estimators, _neighbours(table, card.vectorizer))


def _neighbours(table: Table, vectorizer: Vectorizer) -> Neighbours | None:
    """The training rows, of a model that draws rows; None of any other."""
    return Neighbours.of(table, vectorizer) if table.schema.problem_type.draws else None


def _interval(held_out: HeldOut, table: Table) -> Interval | None:
    """The prediction interval of the model that made these predictions; None where they are not values."""
    widths = half_widths(held_out, table)
    return None if widths is None else Interval(coverage=CONFIDENCE, half_widths=widths)


def _typical(held_out: HeldOut, table: Table) -> Typical | None:
    """What the model says of each training row that it had not seen, once; None where no row is told as unlike."""
    if not table.schema.problem_type.largest_are_unlike:
        return None
    splits = zip(held_out.splits, held_out.predictions, strict=True)
    return Typical.of(np.concatenate([p_VK[:, 0] for split, p_VK in splits if split.repeat == 0]))
