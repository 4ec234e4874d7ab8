"""What is asked of a finished model that answers more than rows: settings with bounds, wherever they come from."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from src.core.errors import UserError


class Asked(BaseModel):
    """Settings from a command line, a form or a request."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Raises UserError naming the setting that is wrong."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the request"
            raise UserError(f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}") from None
