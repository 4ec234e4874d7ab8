"""Data that cannot be learnt from, and what is said of them."""

import io

import pyarrow as pa
import pyarrow.parquet

from tests.bad_input.desk import PROBLEM_FILE, ROWS, Bad, numbers, table


def source(**options: object) -> dict[str, object]:
    return {"data": {"source": "file", "path": "mine.csv", **options}}


def parquet(metadata: bytes, key: bytes = b"types to try") -> bytes:
    stream = io.BytesIO()
    table = pa.table({"size": ["1", "2"], "label": ["yes", "no"]})
    pyarrow.parquet.write_table(table.replace_schema_metadata({key: metadata}), stream)
    return stream.getvalue()


FILE = "data/local/mine.csv"
FINDINGS = f"{PROBLEM_FILE}: the data needs a correction first"
DATA = {
    "a missing file": Bad(
        "define",
        ("data/local/mina.csv does not exist", "did you mean 'mine.csv'?"),
        changes=source(path="mina.csv"),
    ),
    "a folder in place of a file": Bad(
        "define", ("data/local is a folder", "there are: mine.csv"), changes=source(path=".")
    ),
    "vectors that are not there": Bad(
        "define", ("data/local/glove.txt does not exist", "mine.csv"), changes={"word_vectors": {"path": "glove.txt"}}
    ),
    "vectors for a table without text": Bad(
        "prepare",
        ("word_vectors: no column is text", "remove the key"),
        changes={"word_vectors": {"path": "mine.csv"}},
    ),
    "an empty file": Bad("validate", (f"{FILE} is empty", "give a file with a header line and rows"), csv=""),
    "a file with a header only": Bad("validate", (f"{FILE} has column names but no rows",), csv="size,label\n"),
    "broken encoding": Bad(
        "validate",
        (f"{FILE}: line 19 is not utf-8", "0xfc", "try `encoding: latin-1` under data"),
        csv=table(city=["München" if i == 17 else "here" for i in range(ROWS)]).encode("latin-1"),
    ),
    "UTF-16 taken for UTF-8": Bad(
        "validate", (f"{FILE}: line 1 is not utf-8", "try `encoding: utf-16`"), csv=table().encode("utf-16")
    ),
    "a spreadsheet called CSV": Bad(
        "validate",
        (FILE, "this is a zip archive or a spreadsheet: save the table as CSV"),
        csv=b"PK\x03\x04\x14\0\x06\0\x08\0\xe2\x9f" + bytes(range(256)),
    ),
    "bytes that are no text": Bad("validate", (FILE, "this is not text"), csv=b"\x93NUMPY\x01\0v\0" + bytes(256)),
    "a row with too many fields": Bad(
        "validate",
        (f"{FILE}: line 62 has 6 fields, expected 4 as in the header", "the next: 63", "quote values that hold ','"),
        csv=table() + "1,2,here,yes,5,6\n1,2,here,no,5\n",
    ),
    "a row with too few fields": Bad(
        "validate", (f"{FILE}: line 62 has 2 fields", "expected 4"), csv=table() + "1,2\n"
    ),
    "a quotation that never ends": Bad(
        "validate",
        (f"{FILE}: the row that begins on line 62", "never closed?"),
        csv=table() + '1,2,"here,yes\n3,4,here,no\n',
    ),
    "another separator": Bad(
        "validate",
        (f"{FILE}: line 1 has only one column", '`separator: ";"` under data'),
        csv=table().replace(",", ";"),
    ),
    "an unknown target": Bad(
        "validate",
        (FINDINGS, "target: the table has no column 'lable'", "did you mean 'label'?"),
        changes={"target": "lable"},
    ),
    "an unknown column among the kinds": Bad(
        "validate",
        ("columns: there is no column 'prize'", "did you mean 'price'?"),
        changes={"columns": {"prize": "numeric"}},
    ),
    "a target with gaps": Bad(
        "validate",
        (
            FINDINGS,
            "'label': 2 values missing (rows 3, 40)",
            "fill the gaps, remove these rows, or set `pretrain` to learn from their inputs alone",
            "row 3 is mine.csv line 5",
        ),
        csv=table(label=["" if i in (3, 40) else ("yes", "no")[i % 2] for i in range(ROWS)]),
    ),
    "one class only": Bad(
        "validate",
        (FINDINGS, "'label' holds only the value 'yes'", "give rows with other values too"),
        csv=table(label=["yes"] * ROWS),
    ),
    "a regression target that never changes": Bad(
        "validate",
        (FINDINGS, "'label' holds only the value '3'", "give rows with other values"),
        csv=table(label=[3] * ROWS),
        changes={"type": "regression"},
    ),
    "a third class in a binary target": Bad(
        "validate",
        (
            FINDINGS,
            "'label': type binary needs exactly two classes, found 3",
            "'maybe' (1)",
            "row 9 is mine.csv line 11",
        ),
        csv=table(label=["maybe" if i == 9 else ("yes", "no")[i % 2] for i in range(ROWS)]),
    ),
    "a class with a single row": Bad(
        "validate",
        (
            FINDINGS,
            "'label': 1 class with too few rows: 'rare' (1) (row 59)",
            "merge or remove rare classes",
            "line 61",
        ),
        csv=table(label=["rare" if i == 59 else ("yes", "no")[i % 2] for i in range(ROWS)]),
        changes={"type": "multiclass"},
    ),
    "a constant table": Bad(
        "validate",
        (
            FINDINGS,
            "every column to learn from is constant ('size', 'price', 'city')",
            "give columns whose values differ",
        ),
        csv=table(size=[1] * ROWS, price=[""] * ROWS, city=["here"] * ROWS),
    ),
    "text in a numeric column": Bad(
        "validate",
        (
            FINDINGS,
            "'size': 1 value not a number (row 18)",
            "'n.a.'",
            "add the mark to data.missing",
            "mine.csv line 20",
        ),
        csv=table(size=numbers(row18="n.a.")),
    ),
    "text in a numeric column's sealed rows": Bad(
        "validate",
        (
            FINDINGS,
            "'size': 1 value of the sealed test set cannot be read as a number with a decimal point (row 17)",
            "'n.a.'",
            "add the mark to data.missing",
            "mine.csv line 19",
        ),
        csv=table(size=numbers(row17="n.a.")),
    ),
    "no date among the dates of the sealed rows": Bad(
        "validate",
        (
            FINDINGS,
            "'due': 1 value of the sealed test set cannot be read as a date such as 2026-11-21",
            "(row 59), for example 'soon'",
            "columns: {due: categorical}",
        ),
        csv=table(due=["2026-01-01"] * (ROWS - 1) + ["soon"], size=[*range(ROWS)]),
        changes={"time": "size"},
    ),
    "text in a column declared numeric": Bad(
        "validate",
        (
            f"{FILE}: column 'size' is declared numeric by columns.size",
            "1 value cannot be read",
            "line 19",
            "data.missing",
        ),
        csv=table(size=numbers(row17="n.a.")),
        changes={"columns": {"size": "numeric"}},
    ),
    "text in a regression target": Bad(
        "validate",
        (FINDINGS, "'label': 2 values not a number (rows 3, 17)", "'oops'", "correct them", "mine.csv line 5"),
        csv=table(label=numbers(row3="oops", row17="1;5")),
        changes={"type": "regression"},
    ),
    "infinite values": Bad(
        "validate",
        (FINDINGS, "'size': 3 values infinite or beyond 1e+100 (rows 4, 17, 30)", "replace them", "mine.csv line 6"),
        csv=table(size=numbers(row4="-inf", row17="inf", row30="1e999")),
    ),
    "an infinite target": Bad(
        "validate",
        (FINDINGS, "'label': 1 value infinite or beyond 1e+100 (row 17)", "correct them or remove these rows"),
        csv=table(label=numbers(row17="inf")),
        changes={"type": "regression"},
    ),
    "10,000 distinct categories": Bad(
        "validate",
        (FINDINGS, "'city': 10,000 distinct categories", "validation.max_categories (1,000)", "under `drop` or group"),
        csv=lambda: table(20_000, city=[f"town {i % 10_000}" for i in range(20_000)]),
    ),
    "duplicate column names": Bad(
        "validate",
        (f"{FILE}: column name 'size' is there 2 times (columns 1, 2)", "its own name"),
        csv=table().replace("size,price", "size,size"),
    ),
    "a column named like a reserved word": Bad(
        "validate",
        (f"{FILE}: column name '__row__' is reserved", "rename the column"),
        csv=table().replace("price", "__row__"),
    ),
    "a test set without rows": Bad(
        "validate",
        (FINDINGS, "the sealed test set would be empty", "no row has 'city' equal to 'their'", "did you mean 'there'?"),
        changes={"test": {"column": "city", "value": "their"}},
    ),
    "a test set that rounds to nothing": Bad(
        "validate",
        (FINDINGS, "the sealed test set would be empty: a share of 0.01 of 20 rows", "raise test.share"),
        csv=table(20),
        changes={"test": {"share": 0.01}},
    ),
    "a test set of every row": Bad(
        "validate",
        (FINDINGS, "every row belongs to the sealed test set", "change `test`"),
        csv=table(city=["here"] * ROWS),
        changes={"test": {"column": "city", "value": "here"}},
    ),
    "fewer rows than folds": Bad(
        "validate", (FINDINGS, "rows to learn from", "choose fewer folds"), changes={"folds": 40}
    ),
    "fewer groups than folds": Bad(
        "validate", (FINDINGS, "'city': 2 groups", "need 6: choose fewer folds"), changes={"groups": "city"}
    ),
    "a time column of words": Bad(
        "validate", (FINDINGS, "'city' was read as categorical", "numeric or date"), changes={"time": "city"}
    ),
    "weights that are not positive": Bad(
        "validate",
        (FINDINGS, "'size': 2 values not above 0 (rows 4, 17)", "correct it, or remove the rows"),
        csv=table(size=numbers(row4=0, row17=-1)),
        changes={"weights": "size"},
    ),
    "a positive class that is not there": Bad(
        "validate",
        (FINDINGS, "positive: 'yess' is not among the classes", "did you mean 'yes'?"),
        changes={"positive": "yess"},
    ),
    "a target outside [0, 1]": Bad(
        "validate",
        (FINDINGS, "'label': 1 value outside [0, 1] (row 4)", "choose `type: regression`"),
        csv=table(label=[1.5 if i == 4 else i % 9 / 10 for i in range(ROWS)]),
        changes={"type": "unit_interval_regression"},
    ),
    "a label that is neither yes nor no": Bad(
        "validate",
        (FINDINGS, "'city': 60 values neither 0/1 nor true/false", "needs a yes or no"),
        changes={"type": "multilabel", "target": ["label", "city"]},
    ),
    "nothing left to learn from": Bad(
        "validate", (FINDINGS, "no column is left to learn from"), changes={"drop": ["size", "price", "city"]}
    ),
    "half a character in JSON": Bad(
        "validate",
        (f"{FILE}: line 2 holds text that is not valid Unicode",),
        csv='{"size": 1, "label": "yes"}\n{"size": 2, "label": "\\ud800"}\n',
        changes=source(format="jsonl"),
    ),
    "half a character in a key": Bad(
        "validate",
        (f"{FILE}: line 1 holds text that is not valid Unicode",),
        csv='{"\\udfff": 1, "label": "yes"}\n',
        changes=source(format="jsonl"),
    ),
    "JSON nested without end": Bad(
        "validate", (f"{FILE}: line 1", "nested too deeply"), csv="[" * 10**5 + "\n", changes=source(format="jsonl")
    ),
    **{
        f"metadata that are no types to try: {text!r}": Bad(
            "validate",
            (f"{FILE}: the metadata 'types to try' should be JSON that says of columns what they hold", "remove it"),
            csv=parquet(text),
            changes=source(format="parquet"),
        )
        for text in (b"[]", b"{", b"\xff", b'{"size": 3}', b'{"size": ["bogus"]}')
    },
    "metadata that are no schema": Bad(
        "validate",
        (f"{FILE} cannot be read as Parquet",),
        csv=parquet(b"zzzz", key=b"ARROW:schema"),
        changes=source(format="parquet"),
    ),
}
