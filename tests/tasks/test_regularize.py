"""The search's verdicts say what was compared, and on which folds."""

import numpy as np

from src.models.measures import TABLE
from src.report.sections.verdicts import statement
from src.results.networks import Candidate
from src.search.candidates import Scored
from tasks.regularize import helps
from tests.training.examples import folds_of, table_of


def scored(parameters: int, scores: list[float], learning_rate: float, l2: float = 0.0) -> Scored:
    candidate = Candidate(
        network={"architecture": "mlp", "units": [4], "activation": "relu", "dropout": 0.0},
        optimizer="rmsprop",
        learning_rate=learning_rate,
        l1=0.0,
        l2=l2,
        batch_size=32,
        epochs=10,
    )
    return Scored(candidate, parameters, np.array(scores), trained=10)


def test_regularizing_is_compared_with_the_best_unregularized_candidate():
    """A gain over the search's start alone may come from the learning rate."""
    table, measure = table_of("regression"), TABLE["mae"]
    folds = list(folds_of(len(table.y_NT), parts=4))
    start, fast = scored(100, [9.0, 9.2, 9.1, 9.1], 1e-3), scored(100, [2.0, 2.2, 2.1, 2.2], 3e-3)
    chosen = scored(10, [2.0, 2.1, 2.2, 2.1], 3e-3, l2=0.01)
    found = helps(chosen, [start, fast, chosen], folds, table, measure)
    assert not found.holds
    assert "best of 2 candidates without regularization (4 units, rmsprop 0.003, 10 epochs) 2.1" in found.evidence
    assert "so the gain is on the optimistic side" in found.evidence
    assert statement(found) == "No sure difference between the chosen network and the best unregularized one"


def test_a_choice_without_regularization_does_not_say_that_it_makes_things_worse():
    table, measure = table_of("regression"), TABLE["mae"]
    start, fast = scored(100, [9.0, 9.2, 9.1, 9.1], 1e-3), scored(100, [2.0, 2.2, 2.1, 2.2], 3e-3)
    found = helps(fast, [start, fast], list(folds_of(len(table.y_NT), parts=4)), table, measure)
    assert found.evidence.startswith("the search chose no regularization: chosen (4 units")
    assert statement(found) == "Regularizing and tuning does not help"
