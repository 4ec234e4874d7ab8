"""Heads: the book's table of last activations and losses, one LightningModule per problem type.

| problem type | last activation | loss |
|---|---|---|
| binary | sigmoid | binary cross-entropy |
| multiclass, single label | softmax | cross-entropy |
| multilabel | sigmoid | binary cross-entropy |
| regression, scalar and vector | none | mean squared error; absolute error or Huber loss where asked for |
| regression in [0, 1] | sigmoid | binary cross-entropy |
| autoencode | none | mean squared error of the rebuilt row |
| language_model | softmax, for each character | cross-entropy of the characters |
| density | none | bits per dimension, the negative logarithm of the row's probability |
| generate | none | the same |
| cluster | none | mean squared error of the rebuilt row |

Several targets of different types have several of these on one network (`SeveralHeads`).

Book: "Choosing the right last-layer activation and loss function". Losses take logits.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from src.models.classification import BinaryClassification, MulticlassClassification, MultilabelClassification
from src.models.head import Head
from src.models.likelihood import RowLikelihood
from src.models.regression import Regression, UnitIntervalRegression
from src.models.scores import Likelihood, OwnLoss
from src.models.several import HeadSpec, SeveralHeads

if TYPE_CHECKING:
    from torch import nn

HEADS: dict[str, type[Head]] = {
    "binary": BinaryClassification,
    "multiclass": MulticlassClassification,
    "multilabel": MultilabelClassification,
    "regression": Regression,
    "unit_interval_regression": UnitIntervalRegression,
    "autoencode": OwnLoss,
    "language_model": Likelihood,
    "density": RowLikelihood,
    "generate": RowLikelihood,
    "cluster": OwnLoss,
}


def make_head(specs: Sequence[HeadSpec], network: "nn.Module", *training: Any) -> Head:
    """The head, or the heads, of a network that gives what these ask for. `training`: see `Head`."""
    types = [HEADS[spec.type] for spec in specs]
    return types[0](network, *training) if len(types) == 1 else SeveralHeads(types, specs, network, *training)
