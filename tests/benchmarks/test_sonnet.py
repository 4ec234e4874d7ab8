"""The primer's trigram network: its published losses, and what it knows of lines that it has not seen."""

import math

import pytest

from benchmarks.sonnet import PUBLISHED, SHARE, SONNET, following, loss_of, network_of, train, trigrams


@pytest.mark.slow
def test_the_training_losses_are_at_most_the_published_ones_and_unseen_lines_remain_unknown():
    words = SONNET.split()
    vocabulary = sorted(set(words))
    network = network_of(len(vocabulary))
    losses = train(network, trigrams(words, vocabulary), max(PUBLISHED))
    assert all(losses[epoch - 1] <= published for epoch, published in PUBLISHED.items())
    assert following(network, ("so", "gazed"), vocabulary) == "on"

    learnt = words[: round(SHARE * len(words))]
    known = sorted(set(learnt))
    network = network_of(len(known) + 1)
    train(network, trigrams(learnt, known), max(PUBLISHED))
    held_out = loss_of(network, trigrams(words[len(learnt) - 2 :], known)).item()
    assert held_out > math.log(len(known) + 1), "worse than all words alike"
