"""Autoencode: rows without a target, described by a code of few numbers. Shapes: N rows, K outputs."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from src.models.types.problem_type import Array, ProblemType, TargetFacts


class Autoencode(ProblemType):
    """A network gives the error of each row when it is rebuilt from its code, and the code."""

    def outputs(self, classes: int, targets: int, code: int = 0) -> int:
        return 1 + code

    def columns(self, p_NK: Array, classes: Sequence[str], targets: Sequence[str]) -> dict[str, NDArray[Any]]:
        """`reconstruction_error`, and `code__<n>` from 1."""
        [error_N, *code_CN] = p_NK.T
        return {"reconstruction_error": error_N, **{f"code__{n}": code_N for n, code_N in enumerate(code_CN, 1)}}

    def measured_columns(self, classes: Sequence[str], targets: Sequence[str]) -> list[str]:
        return ["reconstruction_error"]

    def guess(self, targets: Sequence[TargetFacts]) -> str | None:
        return None if targets else "no target was given, so a row is described by a short code"


def _mean_row(seed: int, rows: int, code: int) -> Any:
    from src.models.components import Components

    return Components()


def _principal_components(seed: int, rows: int, code: int) -> Any:
    from src.models.components import Components

    return Components(code)


AUTOENCODE = Autoencode(
    name="autoencode",
    words="each row by a code of few numbers",
    verb="describe",
    returns="each row's code, and how far the row is from what the code gives back",
    targets="none",
    has_code=True,
    defaults={"committee": 1},  # codes of different networks have nothing in common
    networks="rebuild",
    measures=("reconstruction_mse",),
    reason="it is what the network learns by",
    loss="squared_error",
    of_rows={"mean_row": _mean_row},
    shallow={"principal_components": _principal_components},
    trusted=frozenset({"src.models.components.Components"}),
    largest_are_unlike=True,
    figures="reconstruction",
)
