"""What a network says of rows before it learns from targets. Shapes: A training rows, V held-out rows, F numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.preparation.fold import FoldArrays
from src.tables.table import Table
from src.training.members import Member

# Rows that a network sees at a time.
AT_ONCE = 512


def frozen_codes(member: Member, fold: FoldArrays, table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the last layer of the member's initial network reads: of training rows (A, F), of held-out ones (V, F)."""
    import torch
    from torch import nn

    from src.training.inputs import answers, rows_of
    from src.training.looped import initial_network

    network = initial_network(member, fold, table, torch.float32).eval()
    last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    assert last.out_features == table.schema.all_outputs
    read: list[torch.Tensor] = []
    last.register_forward_pre_hook(lambda _, given: read.append(given[0]))

    def code(x: Any) -> torch.Tensor:
        network(x)
        return read.pop()

    with torch.no_grad():
        code_A, code_V = (
            answers(rows_of(x, torch.float32), AT_ONCE, torch.device("cpu"), code).double().numpy()
            for x in (fold.x_AD, fold.x_VD)
        )
    return code_A, code_V
