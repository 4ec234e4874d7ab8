"""The base of what the workflow keeps as JSON, in result files and saved models."""

from pydantic import BaseModel, ConfigDict


class Stored(BaseModel):
    """Values that never change. Reading raises ValueError for a key that is unknown, as in a damaged file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
