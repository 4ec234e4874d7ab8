"""The data checks on sentences fire on bad ones, and are made where there are words alone."""

import pandas as pd

from src.kinds.checks import checks_for
from src.kinds.tokens.checks import lone_words, missing_words, repeated_sentences, torn_sentences
from src.tables.facts import TableFacts
from src.validation.checks import duplicate_rows
from tests.kinds.sentences import tagged
from tests.validation.tables import facts


def with_changes(frame: pd.DataFrame) -> TableFacts:
    return facts(frame, type="multiclass", target="tag", columns={"word": "token"}, groups="sentence")


def test_good_sentences_pass():
    table = with_changes(tagged(20).drop_duplicates(["sentence", "word"]))
    assert list(checks_for(table)) == ["missing_words", "torn_sentences", "lone_words", "repeated_sentences"]
    assert [list(check(table)) for check in checks_for(table).values()] == [[], [], [], []]
    assert list(duplicate_rows(with_changes(pd.concat([tagged(3), tagged(3)], ignore_index=True)))) == []


def test_rows_without_a_word_or_a_sentence_are_found():
    frame = tagged(5)
    frame.loc[[2, 4], "word"] = None
    frame.loc[7, "sentence"] = None
    words, sentence = missing_words(with_changes(frame))
    assert (words.severity, words.column, words.count, words.rows) == ("error", "word", 2, [2, 4])
    assert (sentence.severity, sentence.column, sentence.rows) == ("error", "sentence", [7])


def test_sentences_that_are_torn_are_found():
    frame = tagged(5)
    [issue] = torn_sentences(with_changes(pd.concat([frame, frame.head(2)], ignore_index=True)))
    assert (issue.severity, issue.column, issue.rows) == ("error", "sentence", [len(frame)])
    assert "follow one another" in issue.message


def test_sentences_of_one_word_each_are_found():
    frame = tagged(5)
    [issue] = lone_words(with_changes(frame.assign(sentence=pd.Series([f"s{i}" for i in frame.index], dtype="str"))))
    assert (issue.severity, issue.count) == ("error", len(frame))


def test_sentences_that_are_there_twice_are_found():
    frame = tagged(5)
    again = frame.assign(sentence="t" + frame["sentence"])
    [issue] = repeated_sentences(with_changes(pd.concat([frame, again], ignore_index=True)))
    assert (issue.severity, issue.count, issue.rows[0]) == ("warning", 5, len(frame))
