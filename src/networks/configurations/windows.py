"""Networks that read windows over a series."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from src.core.text import counted
from src.networks.configurations.configuration import Count
from src.networks.configurations.reading import Reader, ReadingOnce

if TYPE_CHECKING:
    from torch import nn


class WindowConfiguration(ReadingOnce):
    """lookback: moments of a window. relative: the number of targets whose change since the last moment is forecast,
    for `steps` steps."""

    architecture: Literal["window"] = "window"
    reader: Reader | Literal["dense"]
    lookback: Count
    relative: Annotated[int, Field(ge=0)] = 0
    steps: Count = 1

    @staticmethod
    def module() -> "Callable[..., nn.Module]":
        from src.networks.windows import WindowReader

        return WindowReader

    @property
    def reads(self) -> str:
        return f"a window of {counted(self.lookback, 'moment')}"

    @property
    def forecasts(self) -> list[str]:
        return ["forecasting the change since its last moment"] if self.relative else []
