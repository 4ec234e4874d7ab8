"""The words of a problem file: types of problem, kinds of column, measures."""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict

from src.core.names import fault_of_name

ProblemType = Literal["binary", "multiclass", "multilabel", "regression", "unit_interval_regression"]
ColumnKind = Literal["numeric", "categorical", "boolean", "date", "text", "image", "token"]
Auto = Literal["auto"]

CLASSIFICATION: tuple[ProblemType, ...] = ("binary", "multiclass", "multilabel")

# The first measure of each type is the automatic one; `src.models.measures` holds the definitions.
MEASURES: dict[ProblemType, tuple[str, ...]] = {
    "binary": ("accuracy", "balanced_accuracy", "f1", "roc_auc", "average_precision", "log_loss"),
    "multiclass": ("accuracy", "balanced_accuracy", "macro_f1", "log_loss"),
    "multilabel": ("mean_average_precision", "micro_f1", "macro_f1", "hamming_accuracy", "subset_accuracy"),
    "regression": ("mae", "rmse", "mse", "r2"),
    "unit_interval_regression": ("mae", "rmse", "mse", "r2"),
}
MeasureName = Literal[
    "accuracy",
    "balanced_accuracy",
    "f1",
    "roc_auc",
    "average_precision",
    "log_loss",
    "macro_f1",
    "mean_average_precision",
    "micro_f1",
    "hamming_accuracy",
    "subset_accuracy",
    "mae",
    "rmse",
    "mse",
    "r2",
]
Measure = Literal[Auto, MeasureName]

# Columns that prepare and evaluate add to the user's tables.
RESERVED_COLUMNS = ("__row__", "__role__")


def _plain(name: str) -> str:
    fault = fault_of_name(name)
    if fault is not None:
        raise ValueError(f"the name {name!r} {fault}; rename the file")
    return name


# The name of a file inside a folder.
PlainName = Annotated[str, AfterValidator(_plain)]


class Settings(BaseModel):
    # What a problem file holds may be a secret: errors that nobody foresaw do not show it.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True)


S = TypeVar("S", bound=Settings)
