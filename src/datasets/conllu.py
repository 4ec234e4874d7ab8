"""CoNLL-U, the format of Universal Dependencies: one line per word, and an empty line after each sentence.

Source: https://universaldependencies.org/format.html.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from src.core.errors import UserError
from src.datasets.encoding import check_encoding, is_utf8
from src.datasets.raw_table import RawTable, check_rows
from src.problem.sources import Reading

FIELDS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
UNSPECIFIED = "_"
# Multiword tokens (1-2) and empty nodes (8.1) are not rows.
_NO_WORD = re.compile(r"[0-9]+(-[0-9]+|[.][0-9]+)")


def read_conllu(path: Path, shown: str, reading: Reading) -> RawTable:
    """A row for each word: `sentence` (the `sent_id`, or a number), then the columns of the format.

    Raises UserError with the line that breaks the format.
    """
    columns: dict[str, list[str | None]] = {name: [] for name in ("sentence", *FIELDS)}
    try:
        for _, sentence, fields in _words(path, shown, reading):
            columns["sentence"].append(sentence)
            for name, value in zip(FIELDS, fields, strict=True):
                columns[name].append(None if value == UNSPECIFIED and not _is_underscore(name, fields) else value)
    except UnicodeDecodeError:
        check_encoding(path, shown, reading.encoding)
        raise
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    check_rows(table.num_rows, shown)
    return RawTable(table, types={}, guesses={"id": ("numeric",), "head": ("numeric",)})


def conllu_lines(path: Path, reading: Reading) -> Iterator[int]:
    """The file line (from 1) of each row."""
    return (line for line, _, _ in _words(path, str(path), reading))


def _is_underscore(name: str, fields: list[str]) -> bool:
    """Whether `_` in the field `name` is the word itself."""
    return name == "form" or (name == "lemma" and fields[1] == UNSPECIFIED)


def _words(path: Path, shown: str, reading: Reading) -> Iterator[tuple[int, str, list[str]]]:
    """The line, sentence and fields of each word."""
    encoding = "utf-8-sig" if is_utf8(reading.encoding) else reading.encoding
    began: dict[str, int] = {}
    number, expected, sentence = 0, 1, None
    with path.open(encoding=encoding, newline="\n") as stream:
        for line, ended in enumerate(stream, start=1):
            text = ended.rstrip("\r\n")
            if line <= reading.skip_lines:
                continue
            if not text.strip():
                expected, sentence = 1, None
                continue
            if text.startswith("#"):
                name, _, value = text[1:].partition("=")
                sentence = value.strip() if name.strip() == "sent_id" else sentence
                continue
            fields = text.split("\t")
            if len(fields) != len(FIELDS):
                raise UserError(
                    f"{shown}: line {line} has {len(fields)} fields, expected {len(FIELDS)} with tabs between them, as "
                    "every word of a CoNLL-U file has"
                )
            if _NO_WORD.fullmatch(fields[0]):
                continue
            if fields[0] != str(expected):
                raise UserError(
                    f"{shown}: line {line} begins with {fields[0]!r}, expected {expected}: the words of a sentence are "
                    "numbered from 1, and an empty line stands before the next sentence"
                )
            if not fields[1].strip():
                raise UserError(f"{shown}: line {line} has no word in its second field")
            if expected == 1:
                number += 1
                sentence = sentence or f"{path.name} {number}"
                first = began.setdefault(sentence, line)
                if first != line:
                    raise UserError(
                        f"{shown}: line {line}: the sentence that begins on line {first} has the sent_id {sentence!r}, "
                        "too; give each its own"
                    )
            expected += 1
            assert sentence is not None
            yield line, sentence, fields
