"""The terms of a problem file: problem types, column types, measures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_before_validator_function

from src.core.names import fault_of_name
from src.models.types.registry import TYPES

ColumnType = Literal["numeric", "categorical", "boolean", "date", "text", "image", "token"]
Auto = Literal["auto"]
# What networks may learn first, from rows without a target: see `src.models.pretraining`.
Pretrain = Literal["none", "reconstruct", "denoise", "contrast", "infomax"]


@dataclass(frozen=True)
class _OneOf:
    """Validates that a text is one of some names, which are looked up at that moment."""

    names: Callable[[], list[str]]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"enum": self.names(), "type": "string"}

    def _checked(self, value: object) -> object:
        names = self.names()
        if value in names:
            return value
        expected = " or ".join([", ".join(map(repr, names[:-1])), repr(names[-1])])
        raise PydanticCustomError("literal_error", "Input should be {expected}", {"expected": expected})


def _measures() -> list[str]:
    return list(dict.fromkeys(name for problem_type in TYPES.values() for name in problem_type.measures))


# The name of a problem type, and of one that a further target may have.
TypeName = Annotated[str, _OneOf(lambda: list(TYPES))]
FurtherTypeName = Annotated[str, _OneOf(lambda: [each.name for each in TYPES.values() if each.may_be_further])]
# `src.models.measures` holds the definitions.
MeasureName = Annotated[str, _OneOf(_measures)]
Measure = Annotated[str, _OneOf(lambda: ["auto", *_measures()])]

# Columns that prepare and evaluate add to the user's tables.
RESERVED_COLUMNS = ("__row__", "__role__")
# The prefix of reference columns in predictions.parquet.
REFERENCE = "reference__"


def _plain(name: str) -> str:
    fault = fault_of_name(name)
    if fault is not None:
        raise ValueError(f"the name {name!r} {fault}; rename the file")
    return name


# The name of a file inside a folder.
PlainName = Annotated[str, AfterValidator(_plain)]


class Settings(BaseModel):
    # A problem file may hold secrets, so unforeseen errors do not show its values.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True)


S = TypeVar("S", bound=Settings)
