"""The data checks on columns of text fire on bad texts, and are made where there is text alone."""

import pandas as pd

from src.kinds.checks import checks_for
from src.kinds.text.checks import contradicting_texts, empty_texts
from src.tables.facts import TableFacts
from tests.validation.tables import facts, good_frame

REVIEW = [f"the film number {i} was rather good" for i in range(len(good_frame()))]


def with_reviews(changes: dict[int, str]) -> TableFacts:
    texts = pd.Series([changes.get(i, text) for i, text in enumerate(REVIEW)], dtype="str")
    return facts(good_frame().assign(review=texts, answer=pd.Series(["yes", "no"] * 60, dtype="str")), type="binary")


def test_good_texts_pass_and_tables_without_text_are_not_asked():
    table = with_reviews({})
    assert set(checks_for(table)) == {"empty_texts", "contradicting_texts"}
    assert [list(check(table)) for check in checks_for(table).values()] == [[], []]
    assert checks_for(facts(good_frame(), type="binary")) == {}


def test_texts_without_a_letter_are_found():
    [issue] = empty_texts(with_reviews({3: " ... !", 7: ""}))
    assert (issue.severity, issue.column, issue.count, issue.rows) == ("warning", "review", 2, [3, 7])


def test_texts_that_are_read_on_may_be_nothing_but_white_space():
    table = facts(
        pd.DataFrame({"review": pd.Series([*REVIEW[:-1], "\n"], dtype="str")}), type="language_model", target=None
    )
    assert list(empty_texts(table)) == []


def test_the_same_text_under_two_labels_is_found():
    [issue] = contradicting_texts(with_reviews({4: REVIEW[9], 20: REVIEW[30]}))
    assert (issue.severity, issue.count, issue.rows) == ("warning", 2, [4, 9])
