"""What the report shows of a code: the rows in which its numbers are largest."""

from dataclasses import replace

import numpy as np

from src.kinds.image.shown import shown
from src.saved.code_views import ROWS_OF_UNIT, units
from src.tables.table import Feature
from tests.kinds.pictures import table_of

CODE_NC = np.random.default_rng(0).normal(size=(12, 3)) * [1, 0, 2]


def test_numbers_that_vary_are_shown_by_the_pictures_in_which_they_are_largest():
    test = table_of(12)
    first, second = units(test, CODE_NC)
    assert (first.number, second.number) == (1, 3)
    for unit in (first, second):
        largest = np.argsort(-CODE_NC[:, unit.number - 1])[:ROWS_OF_UNIT]
        assert unit.rows == largest.tolist()
        assert unit.shown == shown(test.frame.iloc[largest], test.schema.features).tolist()


def test_nothing_is_shown_of_bits_nor_of_rows_of_a_table():
    test = table_of(12)
    assert units(replace(test, schema=test.schema.model_copy(update={"bits": True})), CODE_NC) == []
    columns = [Feature(name="size", type="numeric")]
    assert units(replace(test, schema=test.schema.model_copy(update={"features": columns})), CODE_NC) == []
