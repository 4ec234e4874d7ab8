"""The report of codes: other sizes, sparse codes, and the map of the sealed rows."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from src.core.files import Layout
from src.plots.codes import code_sizes
from src.report.blocks import Pictures, Table, Text
from src.report.codes import reconstruction
from src.report.evidence import Evidence, read_evidence
from src.results.evaluate import CodeSize, CodeViews
from tests.report.examples import CODE

MAP, SIZES, SPARSE = "laid out in the plane by t-SNE", "by the numbers of a code", "are active in a row"


@pytest.fixture
def evidence(results: Callable[[str], Layout]) -> Evidence:
    return read_evidence(results("autoencode"))


def with_views(evidence: Evidence, numbers: int, sizes: list[CodeSize]) -> Evidence:
    views = CodeViews(numbers=numbers, sizes=sizes, units=[])
    return replace(evidence, evaluate=evidence.evaluate.model_copy(update={"code": views}))


def with_codes(evidence: Evidence, code_NC: np.ndarray) -> Evidence:
    """The same with other codes of all rows, (N, C) or one for all."""
    predictions = evidence.predictions.copy()
    predictions[[f"code__{number}" for number in range(1, CODE + 1)]] = code_NC
    return replace(evidence, predictions=predictions)


def words(evidence: Evidence) -> str:
    blocks = reconstruction(evidence)
    texts = [block.text for block in blocks if isinstance(block, Text)]
    captions = [block.caption for block in blocks if isinstance(block, Table)]
    pictures = [picture.caption for block in blocks if isinstance(block, Pictures) for picture in block.pictures]
    return "\n".join([*texts, *captions, *pictures])


def test_components_of_the_first_fold_are_compared_with_the_network_on_that_fold(evidence: Evidence):
    first, mean = evidence.evaluate.cross_validation.scores[0], evidence.evaluate.cross_validation.mean
    assert first != mean
    between, lower = (first + mean) / 2, min(first, mean) / 2
    sizes = [CodeSize(numbers=2, error=between), CodeSize(numbers=8, error=lower)]
    shown = words(with_views(evidence, CODE, sizes))
    assert "The error on the held-out rows of the first fold, by the numbers of a code." in shown
    components = 2 if between <= first else 8
    assert f"On these rows the error of {components} principal components is no larger than that of the net" in shown
    assert "is no larger" not in words(with_views(evidence, CODE, [CodeSize(numbers=2, error=first + 1)]))


def test_the_figure_of_sizes_has_a_dot_for_the_network_and_nothing_of_other_rows():
    [axes] = code_sizes([1, 2, 4], [0.9, 0.5, 0.1], (2, 0.3)).axes
    lines = {str(line.get_label()): line for line in axes.lines}
    assert list(lines) == ["principal components", "network"]
    assert (list(lines["network"].get_xdata()), list(lines["network"].get_ydata())) == ([2], [0.3])
    assert not axes.containers


def test_codes_that_are_all_the_same_have_no_map(evidence: Evidence):
    assert MAP in words(evidence)
    assert MAP not in words(with_codes(evidence, np.full(CODE, 0.1)))


def test_a_code_is_called_sparse_where_few_numbers_may_be_active_not_by_its_zeros(evidence: Evidence):
    zeros = with_codes(evidence, np.zeros(CODE))
    assert SPARSE not in words(with_views(zeros, CODE, []))
    sparse = words(with_views(evidence, 2, []))
    assert f"of {CODE} are active in a row, and the shallow model has as many components" in sparse
