"""Heads: the book's table of last activations and losses, one LightningModule per problem type.

| problem type | last activation | loss |
|---|---|---|
| binary | sigmoid | binary cross-entropy |
| multiclass, single label | softmax | cross-entropy |
| multilabel | sigmoid | binary cross-entropy |
| regression, scalar and vector | none | mean squared error |
| regression in [0, 1] | sigmoid | binary cross-entropy |

Book: "Choosing the right last-layer activation and loss function". Losses take logits.
"""

from src.models.classification import BinaryClassification, MulticlassClassification, MultilabelClassification
from src.models.head import Head
from src.models.regression import Regression, UnitIntervalRegression

HEADS: dict[str, type[Head]] = {
    "binary": BinaryClassification,
    "multiclass": MulticlassClassification,
    "multilabel": MultilabelClassification,
    "regression": Regression,
    "unit_interval_regression": UnitIntervalRegression,
}
