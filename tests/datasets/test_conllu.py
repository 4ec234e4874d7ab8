"""CoNLL-U: the words that are rows, and files that are none."""

from pathlib import Path

import pyarrow as pa
import pytest

from src.core.errors import UserError
from src.datasets.conllu import conllu_lines, read_conllu
from src.datasets.reading import read_local, typed_column
from src.problem.sources import Reading

GOOD = """# sent_id = one
# text = I'd say "None?"
1-2\tI'd\t_\t_\t_\t_\t_\t_\t_\t_
1\tI\tI\tPRON\tPRP\t_\t3\tnsubj\t_\t_
2\t'd\twould\tAUX\tMD\t_\t3\taux\t_\t_
2.1\tit\tit\t_\t_\t_\t_\t_\t_\t_
3\tsay\tsay\tVERB\tVB\t_\t0\troot\t_\t_
4\t"\t"\tPUNCT\t``\t_\t3\tpunct\t_\t_
5\tNone\tnone\tNOUN\tNN\t_\t3\tobj\t_\t_
6\t?\t?\tPUNCT\t.\t_\t3\tpunct\t_\t_

# newpar
1\t_\t_\tSYM\tSYM\t_\t0\troot\t_\t_
"""


def read(tmp_path: Path, text: str, **changes: object):
    path = tmp_path / "words.conllu"
    path.write_bytes(text.encode())
    return read_conllu(path, "words", Reading.model_validate(changes)).table.to_pandas()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_word_is_a_row_and_what_is_no_word_is_none(tmp_path: Path, end: str):
    table = read(tmp_path, GOOD.replace("\n", end))
    assert table["form"].tolist() == ["I", "'d", "say", '"', "None", "?", "_"]
    assert table["sentence"].tolist() == ["one"] * 6 + ["words.conllu 2"]
    assert table["upos"].tolist() == ["PRON", "AUX", "VERB", "PUNCT", "NOUN", "PUNCT", "SYM"]
    assert table["lemma"].tolist()[-2:] == ["?", "_"]
    assert table["feats"].isna().all()
    assert list(conllu_lines(tmp_path / "words.conllu", Reading())) == [4, 5, 7, 8, 9, 10, 13]


def test_words_that_look_like_gaps_are_words_where_they_are_read_as_such(tmp_path: Path):
    (tmp_path / "words.conllu").write_text(GOOD)
    table = read_local(tmp_path / "words.conllu", Reading(), "words.conllu")
    assert table["form"].isna().sum() == 2
    assert table["head"].tolist()[:3] == [3.0, 3.0, 0.0]
    words = typed_column("word", pa.chunked_array([["?", "None", ""]]), None, "token", (), Reading())
    assert words.to_pylist() == ["?", "None", None]


BAD = {
    "too few fields": (GOOD.replace("3\tsay\tsay", "3\tsay"), "line 7 has 9 fields, expected 10 with tabs"),
    "spaces for tabs": (GOOD.replace("3\tsay\tsay\t", "3 say say "), "line 7 has 7 fields"),
    "a number left out": (GOOD.replace('4\t"', '5\t"'), "line 8 begins with '5', expected 4"),
    "no empty line between sentences": (GOOD.replace("\n\n", "\n"), "line 12 begins with '1', expected 7"),
    "no word": (GOOD.replace("\tsay\tsay", "\t \tsay"), "line 7 has no word"),
    "two sentences of one name": (
        GOOD.replace("# newpar", "# sent_id = one"),
        "line 13: the sentence that begins on line 4 has the sent_id 'one', too",
    ),
    "no sentence": ("# sent_id = one\n\n", "but no rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_conllu_is_refused_by_file_and_line(tmp_path: Path, name: str):
    text, says = BAD[name]
    with pytest.raises(UserError) as refused:
        read(tmp_path, text)
    assert "words" in str(refused.value)
    assert says in str(refused.value)


def test_a_file_of_another_encoding_is_refused(tmp_path: Path):
    path = tmp_path / "words.conllu"
    path.write_bytes(GOOD.replace("say", "s\u00e4y").encode("latin-1"))
    with pytest.raises(UserError, match="utf-8"):
        read_conllu(path, "words", Reading())
