"""Problem files that are wrong in themselves, and what is said of them."""

import yaml

from tests.bad_input.desk import GOOD_PROBLEM, PROBLEM_FILE, Bad

ENOUGH = yaml.safe_dump(GOOD_PROBLEM, sort_keys=False)  # six lines

PROBLEMS = {
    "not YAML": Bad(
        "define", (f"{PROBLEM_FILE} is not YAML: line 1, column 12", "quote a text"), problem="question: a: b\n"
    ),
    "tabs": Bad(
        "define", (f"{PROBLEM_FILE} is not YAML: line 2", "indent with spaces"), problem="training:\n\tepochs: 3\n"
    ),
    "no text": Bad("define", (f"{PROBLEM_FILE} is not YAML: line 1 is not UTF-8",), problem=b"\xff\xfe\x00\x80"),
    "nothing in it": Bad("define", (f"{PROBLEM_FILE} is empty", "`key: value`"), problem="# a comment\n"),
    "a list": Bad("define", (f"{PROBLEM_FILE}: expected lines of the form `key: value`",), problem="- question\n"),
    "code in it": Bad(
        "define",
        (f"{PROBLEM_FILE} is not YAML: line 1", "the tag !!python/object/apply:os.system is not allowed"),
        problem="question: !!python/object/apply:os.system [touch harm]\n",
    ),
    "a key given twice": Bad(
        "define",
        (f"{PROBLEM_FILE} is not YAML: line 7", "the key 'target' is there twice", "keep one"),
        problem=ENOUGH + "target: size\n",
    ),
    "missing keys": Bad(
        "define",
        (f"{PROBLEM_FILE}: data: this key is missing", "type: this"),
        problem="question: Why?\n",
    ),
    "no target": Bad(
        "define",
        (f"{PROBLEM_FILE}: target: this key is missing", "needs a target column"),
        problem=yaml.safe_dump({key: value for key, value in GOOD_PROBLEM.items() if key != "target"}),
    ),
    "an unknown key": Bad(
        "define", (f"{PROBLEM_FILE}: tagret: unknown key", "did you mean 'target'?"), changes={"tagret": "label"}
    ),
    "words without sentences": Bad(
        "define",
        (f"{PROBLEM_FILE}: columns:", "which sentence a token of 'size' is of", "`groups`"),
        changes={"columns": {"size": "token"}},
    ),
    "a reference column with another role": Bad(
        "define",
        (f"{PROBLEM_FILE}: reference: column 'label' is already named by target", "one column, one role"),
        changes={"reference": "label"},
    ),
    "a reference column that seals rows": Bad(
        "define",
        (f"{PROBLEM_FILE}: test: 'size' is named by reference", "remove it there"),
        changes={"reference": ["size"], "test": {"column": "size", "value": 1}},
    ),
    "an unknown key inside a key": Bad(
        "define",
        (f"{PROBLEM_FILE}: training.epoch: unknown key", "did you mean 'epochs'?"),
        changes={"training": {"epoch": 3}},
    ),
    "a wrong type": Bad(
        "define",
        (f"{PROBLEM_FILE}: training.epochs: should be a whole number or 'auto', given 'many'",),
        changes={"training": {"epochs": "many"}},
    ),
    "one of several forms, none right": Bad(
        "define",
        (f"{PROBLEM_FILE}: folds: should be a whole number or 'auto', given 'five'",),
        changes={"folds": "five"},
    ),
    "a number for a name": Bad(
        "define", (f"{PROBLEM_FILE}: target: should be text or a list, given 3", '"3"'), changes={"target": 3}
    ),
    "a value out of range": Bad(
        "define",
        (f"{PROBLEM_FILE}: search.dropout.1: should be less than 1, given 1.5",),
        changes={"search": {"dropout": [0, 1.5]}},
    ),
    "a misspelt word": Bad(
        "define",
        (f"{PROBLEM_FILE}: type: should be", "given 'binry'", "did you mean 'binary'?"),
        changes={"type": "binry"},
    ),
    "an unknown source": Bad(
        "define",
        (f"{PROBLEM_FILE}: data.source: should be", "given 'fil'", "did you mean 'file'?"),
        changes={"data": {"source": "fil", "path": "mine.csv"}},
    ),
    "an address and a checksum that are none": Bad(
        "define",
        (
            f"{PROBLEM_FILE}: data.files.0.url: should be an address",
            "data.files.0.sha256: should be the file's SHA-256",
        ),
        changes={"data": {"source": "address", "files": [{"url": "example.org/t.csv", "sha256": "abc"}]}},
    ),
    "a measure of another type": Bad(
        "define", (f"{PROBLEM_FILE}: measure: mae does not suit type binary", "accuracy"), changes={"measure": "mae"}
    ),
    "a column with two roles": Bad(
        "define", (f"{PROBLEM_FILE}: time: column 'label' is already named by target",), changes={"time": "label"}
    ),
    "a test set chosen by the answer": Bad(
        "define", (f"{PROBLEM_FILE}: test: 'label' is a target",), changes={"test": {"column": "label", "value": "yes"}}
    ),
    "time and shuffling": Bad(
        "define",
        (f"{PROBLEM_FILE}: protocol: rows in time order", "choose k_fold or hold_out"),
        changes={"time": "size", "protocol": "iterated_k_fold"},
    ),
    "nested without end": Bad(
        "define",
        (f"{PROBLEM_FILE} is not YAML: line 7, column", "nested more than 20 deep"),
        problem=ENOUGH + "drop: " + "[" * 3000 + "]" * 3000,
    ),
    "aliases that expand to billions": Bad(
        "define",
        (f"{PROBLEM_FILE} is not YAML: line 11", "more than 50,000 values"),
        problem=ENOUGH
        + "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)),
    ),
    "aliases nested in each other": Bad(
        "define",
        (f"{PROBLEM_FILE} is not YAML: line", "nested more than 20 deep"),
        problem=ENOUGH + "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 50)),
    ),
    "an alias of itself": Bad(
        "define",
        (f"{PROBLEM_FILE} is not YAML: line 7", "*a contains itself"),
        problem=ENOUGH + "drop: &a [*a]\n",
    ),
    "a large file": Bad("define", (f"{PROBLEM_FILE} has", "may have 262,144"), problem=ENOUGH + "#" * 2**18),
    "an integer of thousands of digits": Bad(
        "define",
        (f"{PROBLEM_FILE} is not YAML: line 7, column 7", "more than 18 digits", "in quotes it is text"),
        problem=ENOUGH + "seed: " + "9" * 5000,
    ),
    "a character beyond the last": Bad(
        "define", (f"{PROBLEM_FILE} is not YAML", "0x110000"), problem=ENOUGH + 'unit: "\\U00110000"\n'
    ),
    "half a character": Bad(
        "define",
        (f"{PROBLEM_FILE} is not YAML: line 7, column 7", "the character '\\ud800' cannot stand in a text"),
        problem=ENOUGH + 'unit: "\\ud800"\n',
    ),
    "half a character in a key": Bad(
        "define", (f"{PROBLEM_FILE} is not YAML: line 7", "'\\udfff'"), problem=ENOUGH + 'columns: {"\\udfff": date}\n'
    ),
    "a character that ends a path": Bad(
        "define",
        (f"{PROBLEM_FILE} is not YAML: line 4", "'\\x00' cannot stand in a text"),
        problem=ENOUGH.replace("mine.csv", '"mine\\0.csv"'),
    ),
    "a control character": Bad(
        "define", (f"{PROBLEM_FILE} is not YAML: line 7 holds the character '\\x01'",), problem=ENOUGH + "unit: \x01\n"
    ),
    **{
        f"the tag {tag}": Bad(
            "define",
            (f"{PROBLEM_FILE} is not YAML: line 7, column 7", f"the tag {tag.split()[0]} is not allowed"),
            problem=ENOUGH + f"seed: {tag}\n",
        )
        for tag in ("!!int many", "!!float many", "!!bool many", "!!timestamp many", "!!map a", "!!set {a}", "!own a")
    },
    "more repeats than anyone waits for": Bad(
        "define",
        (f"{PROBLEM_FILE}: repeats: should be less than or equal to 1000 or 'auto', given 1000000000",),
        changes={"protocol": "iterated_k_fold", "repeats": 10**9},
    ),
    "more lines passed over than a file has": Bad(
        "define",
        (f"{PROBLEM_FILE}: data.skip_lines: should be less than or equal to 1000000",),
        changes={"data": {"source": "file", "path": "mine.csv", "skip_lines": 10**12}},
    ),
    "no number": Bad(
        "define",
        (f"{PROBLEM_FILE}: training.learning_rate: should be", "given nan"),
        changes={"training": {"learning_rate": float("nan")}},
    ),
    **{
        f"the encoding {encoding}": Bad(
            "define",
            (f"{PROBLEM_FILE}: data.encoding: {encoding!r} is not a text encoding", "try utf-8"),
            changes={"data": {"source": "file", "path": "mine.csv", "encoding": encoding}},
        )
        for encoding in ("utf8x", "base64", "punycode", "idna", "unicode_escape", "undefined", "utf-8/../x", "")
    },
    **{
        f"the path {path}": Bad(
            "define",
            (f"{PROBLEM_FILE}: path: '{path}' leads out of the folder; copy the file into data/local/",),
            changes={"data": {"source": "file", "path": path}},
        )
        for path in ("../../problems/mine.yaml", "/etc/hostname", "a/../../mine.csv")
    },
    "an address whose file would lie elsewhere": Bad(
        "define",
        (f"{PROBLEM_FILE}: url: https://", "'/home/me/keep.txt', leads into another folder", "use it in data/local/"),
        changes={
            "data": {
                "source": "address",
                "files": [{"url": "https://example.org/%2Fhome%2Fme%2Fkeep.txt", "sha256": "0" * 64}],
            }
        },
    ),
    "a path that is too long": Bad(
        "define",
        (f"{PROBLEM_FILE}: path: 'a/a/a/", "is longer than 1,000 bytes"),
        changes={"data": {"source": "file", "path": "a/" * 2500 + "mine.csv"}},
    ),
    "a name that is too long": Bad(
        "define",
        (f"{PROBLEM_FILE}: path: 'aaaa", "holds a name that is longer than 200 bytes"),
        changes={"word_vectors": {"path": "a" * 300 + ".txt"}},
    ),
    "a large value": Bad(
        "define", (f"{PROBLEM_FILE}: seed: should be a whole number, given 'x", "…"), changes={"seed": "x" * 5000}
    ),
}
