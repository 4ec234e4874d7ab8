"""What a finished model draws, beside the sealed rows. Shapes: N sealed rows, S statistics of a row."""

import numpy as np
from numpy.typing import NDArray

from src.judging.held_out import HeldOut
from src.models.samples import JUDGED
from src.preparation.judge import Judge
from src.saved.inference import Model
from src.tables.table import Table


def sealed_statistics(model: Model, train: Table, test: Table, held_out: HeldOut, seed: int) -> NDArray[np.float64]:
    """The statistics of the sealed rows beside drawn ones, (N, S).

    As many of them are judged as of a fold in `held_out`: the distances of more rows have another floor.
    """
    count = min(int((s_VS[:, JUDGED] > 0).sum()) or len(s_VS) for s_VS in held_out.predictions)
    x_A, x_N = (model.vectorizers[0].transform(rows.frame) for rows in (train, test))
    judge = Judge.fit(train.schema, x_A, x_N, count)
    return judge.statistics(model.drawn(judge.draws, seed))
