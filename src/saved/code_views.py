"""What the report shows of a code: other sizes, the rows that excite each number, and a map of the plane.

Shapes: V held-out rows, N sealed rows, D inputs, C numbers of the code.
"""

import numpy as np
from numpy.typing import NDArray

from src.inputs.pictures import PICTURE
from src.judging.baselines import flat_view
from src.kinds.registry import kind_of
from src.kinds.views import seen
from src.models.components import Components
from src.preparation.fold import fit_fold
from src.results.evaluate import CodeSize, CodeUnit, CodeViews
from src.saved.inference import Model
from src.tables.protocols import Split
from src.tables.table import Table

Array = NDArray[np.float64]
# Numbers of the code whose rows are shown, and rows of each.
MOST_UNITS, ROWS_OF_UNIT = 8, 5
# Codes of principal components go up to so many times the code, and to this many numbers.
LARGER, MOST_COMPONENTS = 4, 512
# Places of the plane in each direction, between these quantiles of the codes.
PLACES, ENDS = 8, (0.03, 0.97)


def code_views(model: Model, table: Table, split: Split, test: Table, p_NK: Array) -> CodeViews:
    """split: the first evaluation fold. p_NK: what the model says of the sealed rows."""
    numbers = table.schema.active or table.schema.code
    return CodeViews(
        numbers=numbers,
        sizes=[] if table.schema.bits else sizes(table, split, numbers),
        units=units(test, p_NK[:, 1:]),
        plane=plane(model, p_NK[:, 1:]),
    )


def sizes(table: Table, split: Split, numbers: int) -> list[CodeSize]:
    """The held-out errors of principal components, fitted once: those of fewer are the first of those of more."""
    fold, view = fit_fold(table, split.training, split.validation), flat_view(table.schema)
    x_AD, x_VD = seen(fold.x_AD, view), seen(fold.x_VD, view)
    most = min(max(LARGER * numbers, 8), MOST_COMPONENTS, min(x_AD.shape) - 1)
    scored_VS = Components(most).fit(x_AD, sample_weight=fold.w_A.astype(np.float64)).score_samples(x_VD)
    explained_VC = np.square(scored_VS[:, 1:]) / x_VD.shape[1]
    left_VC = scored_VS[:, :1] + explained_VC.sum(1, keepdims=True) - np.cumsum(explained_VC, axis=1)
    wanted = sorted({2**power for power in range(most.bit_length()) if 2**power <= most} | {min(numbers, most), most})
    error_C = np.average(left_VC, axis=0, weights=fold.w_V)
    return [CodeSize(numbers=count, error=float(error_C[count - 1])) for count in wanted]


def units(test: Table, code_NC: Array) -> list[CodeUnit]:
    """The numbers that vary most over the sealed rows, each with the rows in which it is largest.

    None of bits, in which many rows are equal, nor of rows that cannot be shown in a cell.
    """
    kind, spread_C = kind_of(test.schema.features), code_NC.std(0)
    if kind.shown is None or test.schema.bits:
        return []
    chosen = [place for place in np.argsort(-spread_C, kind="stable")[:MOST_UNITS].tolist() if spread_C[place] > 0]
    listed = []
    for place in sorted(chosen):
        rows = np.argsort(-code_NC[:, place], kind="stable")[:ROWS_OF_UNIT]
        shown = kind.shown(test.frame.iloc[rows], test.schema.features).tolist()
        listed.append(CodeUnit(number=place + 1, rows=test.rows_N[rows].tolist(), shown=shown))
    return listed


def plane(model: Model, code_NC: Array) -> list[list[str]]:
    """Pictures that are rebuilt of evenly spaced places between the codes; none of other codes and rows."""
    restored = kind_of(model.schema.features).restored
    if code_NC.shape[1] != 2 or model.schema.bits or model.schema.active or restored is None:
        return []
    low_C, high_C = np.quantile(code_NC, ENDS, axis=0)
    across, up = np.linspace(low_C, high_C, PLACES).T
    places_PC = np.array([[x, y] for y in up[::-1] for x in across])
    columns = restored(model.vectorizers[0], model.decoded(places_PC))
    first = columns.iloc[:, 0]
    if columns.shape[1] != 1 or first.dtype != "str" or not first.str.startswith(PICTURE).all():
        return []
    return [first.iloc[start : start + PLACES].tolist() for start in range(0, len(first), PLACES)]
