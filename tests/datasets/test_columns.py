"""Numbers that slipped into text."""

import numpy as np
import pandas as pd

from src.datasets import numeric_looking
from src.problem.sources import Notation


def test_the_share_of_numbers_and_the_slips_are_told() -> None:
    share, wrong = numeric_looking(pd.Series(["1", "-2.5e3", None, "n/a", " 4"], dtype="str"), Notation())

    assert share == 0.5
    assert wrong.tolist() == [3, 4]


def test_plain_text_does_not_look_numeric() -> None:
    share, wrong = numeric_looking(pd.Series(["red", "1st", "1-2"], dtype="str"), Notation())

    assert share == 0
    assert wrong.tolist() == [0, 1, 2]


def test_a_column_without_values_does_not_look_numeric() -> None:
    share, wrong = numeric_looking(pd.Series([None, np.nan], dtype="str"), Notation())

    assert share == 0
    assert not len(wrong)
