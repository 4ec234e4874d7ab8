"""Autoencode: rows without a target, described by a code of few numbers. Shapes: N rows, K outputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.models.types.problem_type import Array, ProblemType, TargetFacts


@dataclass(frozen=True, kw_only=True)
class Autoencode(ProblemType):
    """A network gives the error of each row when it is rebuilt from its code, and the code. bits: of 0 and 1."""

    bits: bool = False

    def outputs(self, classes: int, targets: int, code: int = 0) -> int:
        return 1 + code

    def coded(self, bits: bool, active: int, clusters: int, mixture: bool) -> ProblemType:
        if bits:
            return _OF_BITS
        if not active:
            return self
        return replace(
            self,
            words="each row by a code of many numbers, most of which are 0",
            of_networks={"active": active, "sparsity": "largest"},
            options={**self.options, "sparsity": ("largest", "kl", "l1")},
            shallow={"principal_components": partial(_principal_components, active=active)},
        )

    def columns(self, p_NK: Array, classes: Sequence[str], targets: Sequence[str]) -> dict[str, NDArray[Any]]:
        """`reconstruction_error`, and `code__<n>` from 1; of bits `bit__<n>`, 0 or 1."""
        [error_N, *code_CN] = p_NK.T
        if self.bits:
            columns = [np.ma.MaskedArray((code_N >= 0.5).astype(np.int64), np.isnan(code_N)) for code_N in code_CN]
            return {"reconstruction_error": error_N, **{f"bit__{n}": bit_N for n, bit_N in enumerate(columns, 1)}}
        return {"reconstruction_error": error_N, **{f"code__{n}": code_N for n, code_N in enumerate(code_CN, 1)}}

    def measured_columns(self, classes: Sequence[str], targets: Sequence[str]) -> list[str]:
        return ["reconstruction_error"]

    def guess(self, targets: Sequence[TargetFacts]) -> str | None:
        return None if targets else "no target was given, so a row is described by a short code"


def _mean_row(seed: int, rows: int, code: int) -> Any:
    from src.models.components import Components

    return Components(length=code)


def _principal_components(seed: int, rows: int, code: int, active: int = 0) -> Any:
    from src.models.components import Components

    return Components(active or code, length=code)


def _signs(seed: int, rows: int, code: int) -> Any:
    from src.models.bits import Signs

    return Signs(code)


def _residual_k_means(seed: int, rows: int, code: int) -> Any:
    from src.models.bits import ResidualKMeans

    return ResidualKMeans(code, seed)


AUTOENCODE = Autoencode(
    name="autoencode",
    words="each row by a code of few numbers",
    verb="describe",
    returns="each row's code, and how far the row is from what the code gives back",
    targets="none",
    has_code=True,
    # Codes of different networks have nothing in common. Adam needs a fifth of the epochs that RMSprop needs here.
    defaults={"committee": 1, "training": {"optimizer": "adam", "learning_rate": 0.002}},
    networks="rebuild",
    options={"noise": (0.0, 0.1, 0.3), "tied": (False, True)},
    measures=("reconstruction_mse",),
    reason="it is what the network learns by",
    loss="squared_error",
    of_rows={"mean_row": _mean_row},
    shallow={"principal_components": _principal_components},
    trusted=frozenset({"src.models.components.Components", "src.models.bits.Signs", "src.models.bits.ResidualKMeans"}),
    largest_are_unlike=True,
    figures="reconstruction",
    adds="codes",
)
_OF_BITS = replace(
    AUTOENCODE,
    words="each row by a code of few bits",
    bits=True,
    of_networks={"bits": True},
    shallow={"signs_of_components": _signs, "residual_k_means": _residual_k_means},
)
