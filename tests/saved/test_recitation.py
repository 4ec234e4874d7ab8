"""Runs of characters that texts share with the training texts, and the verdict on them."""

import numpy as np

from src.results.verdicts import Estimate
from src.saved.recitation import RUN, Learnt, compressed, cut, verdict, writings
from tests.saved.reciting import Reciter

TRAINING = ["It was the best of times, it was the worst of times.", "short"]


def test_the_runs_of_a_text_that_the_training_texts_have_are_found_as_by_their_spelling():
    texts = ["It was the worst of times, it was the best of times.", "nothing of the kind, not even one", TRAINING[0]]
    known = {TRAINING[0][start : start + RUN] for start in range(len(TRAINING[0]) - RUN + 1)}
    for text in texts:
        expected = [text[start : start + RUN] in known for start in range(len(text) - RUN + 1)]
        assert Learnt.of(TRAINING).has(text).tolist() == expected


def test_a_text_shorter_than_a_run_is_recited_only_as_a_whole():
    learnt = Learnt.of(TRAINING)
    assert [bool(learnt.has(text).all()) for text in ("short", "shor", "shorts")] == [True, False, False]
    assert learnt.copied("short") == [(0, 5)]


def test_copied_stretches_are_as_long_as_the_runs_that_they_are_made_of():
    learnt = Learnt.of(TRAINING)
    text = f"{TRAINING[0][3:30]} Ö {TRAINING[0][10 : 10 + RUN]}!"
    assert [text[start:end] for start, end in learnt.copied(text)] == [TRAINING[0][3:30], TRAINING[0][10:30]]
    assert learnt.copied(TRAINING[0]) == [(0, len(TRAINING[0]))]
    assert learnt.copied("nothing of the kind, not even one") == []


def test_a_copier_is_found_out_and_texts_as_new_as_held_out_ones_pass():
    """Texts of independent letters share no run; a copier's share all of theirs."""
    rng = np.random.default_rng(0)

    def texts(count: int) -> list[str]:
        return ["".join("abcd efgh"[number] for number in row) for row in rng.integers(0, 9, (count, 120))]

    training, held_out, own = texts(300), texts(100), texts(100)
    learnt = Learnt.of(training)
    theirs = learnt.share(held_out)
    assert verdict(learnt.share(own), theirs, "network").holds
    copier = verdict(learnt.share(training[:100]), theirs, "network")
    assert not copier.holds
    assert "100.0% are in the training texts" in copier.evidence


def test_the_verdict_needs_the_whole_interval_below_the_margin():
    none = Estimate(value=0.0, low=0.0, high=0.03)
    assert not verdict(Estimate(value=0.03, low=0.0, high=0.08), none, "network").holds
    assert verdict(Estimate(value=0.01, low=0.0, high=0.04), none, "network").holds


def test_a_model_that_recites_short_texts_does_not_pass():
    """Also where held-out texts are shorter still."""
    rng = np.random.default_rng(0)
    training, held_out = (
        ["".join(rng.choice(list("abcdefgh"), length)) for length in lengths]
        for lengths in (rng.integers(12, 18, 60), [8] * 60)
    )
    _, recites = writings(Reciter(training), "network", training, held_out, 0)  # type: ignore[arg-type]
    assert not recites.holds
    assert "100.0% are in the training texts; of those in held-out texts 0.0%" in recites.evidence


def test_compressors_pay_for_line_breaks_and_are_divided_by_them_as_well():
    rng = np.random.default_rng(0)
    lines = ["".join(rng.choice(list("abcdefgh"), 3)) for _ in range(300)]
    assert compressed(lines, lines[::-1]) == compressed(["\n".join(lines)], ["\n".join(lines[::-1])])


def test_what_compressors_need_is_little_where_texts_repeat():
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("abcdefgh"), 4000))
    again, new = compressed([text], [text[:1000]]), compressed([text], ["".join(rng.choice(list("abcdefgh"), 1000))])
    assert again["xz"] < 1 < new["xz"]
    assert cut(["abcde", "f"], 2) == ["ab", "cd", "e", "f"]
