"""What is said of a candidate names all that is unusual about it, and nothing else."""

import pytest

from src.results.wording import candidate_text
from tests.training.examples import candidate


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "5-4 units, rmsprop 0.003, 4 epochs"),
        ({"schedule": "linear"}, "5-4 units, rmsprop 0.003 (linear over 4 epochs), 4 epochs"),
        (
            {"schedule": "coslog4", "schedule_epochs": 9, "loss": "huber"},
            "5-4 units, rmsprop 0.003 (coslog4 over 9 epochs), Huber loss, 4 epochs",
        ),
        (
            {"weight_decay": 0.1, "label_smoothing": 0.05, "l2": 0.01},
            "5-4 units, L2 0.01, rmsprop 0.003, weight decay 0.1, label smoothing 0.05, 4 epochs",
        ),
    ],
)
def test_a_candidate_in_a_sentence(changes, says):
    assert candidate_text(candidate(**changes)) == says
