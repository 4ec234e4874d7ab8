"""Problem files that are wrong in themselves, and what is said of them."""

import yaml

from tests.bad_input.desk import GOOD_PROBLEM, PROBLEM_FILE, Bad

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
        (f"{PROBLEM_FILE} is not YAML: line 1", "could not determine a constructor"),
        problem="question: !!python/object/apply:os.system [touch harm]\n",
    ),
    "a key given twice": Bad(
        "define",
        (f"{PROBLEM_FILE} is not YAML: line 7", "the key 'target' is there twice", "keep one"),
        problem=yaml.safe_dump(GOOD_PROBLEM, sort_keys=False) + "target: size\n",
    ),
    "missing keys": Bad(
        "define",
        (f"{PROBLEM_FILE}: data: this key is missing", "target: this", "type: this"),
        problem="question: Why?\n",
    ),
    "an unknown key": Bad(
        "define", (f"{PROBLEM_FILE}: tagret: unknown key", "did you mean 'target'?"), changes={"tagret": "label"}
    ),
    "words without sentences": Bad(
        "define",
        (f"{PROBLEM_FILE}: columns:", "which sentence a token of 'size' is of", "`groups`"),
        changes={"columns": {"size": "token"}},
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
}
