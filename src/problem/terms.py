"""The words of a problem file: types of problem, kinds of column, measures."""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

from src.core.names import fault_of_name
from src.models.types.registry import TYPES

ColumnKind = Literal["numeric", "categorical", "boolean", "date", "text", "image", "token"]
Auto = Literal["auto"]


def _known(**wanted: object) -> BeforeValidator:
    """Only the names of types of the registry that have these attributes."""

    def check(value: object) -> object:
        names = [kind.name for kind in TYPES.values() if all(getattr(kind, key) == of for key, of in wanted.items())]
        if value in names:
            return value
        expected = " or ".join([", ".join(map(repr, names[:-1])), repr(names[-1])])
        raise PydanticCustomError("literal_error", "Input should be {expected}", {"expected": expected})

    return BeforeValidator(check)


# The name of a problem type, and of one that a further target of the same network may have.
TypeName = Annotated[str, _known()]
FurtherTypeName = Annotated[str, _known(may_be_further=True)]
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
