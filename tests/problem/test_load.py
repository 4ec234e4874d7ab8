"""A problem file merged with its defaults: what fits is taken, what does not is refused in one readable line."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from src.core.errors import UserError
from src.core.files import Layout, write_json
from src.models.types.registry import TYPES
from src.problem.load import load_problem, load_settings, settings_of
from src.problem.steps import STEP_SETTINGS, EvaluateSettings, Problem, RegularizeSettings

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(path.stem for path in (ROOT / "problems").glob("*.yaml"))
GOOD = {
    "question": "Which one is it?",
    "data": {"source": "file", "path": "table.csv"},
    "target": "kind",
    "type": "multiclass",
}
ADDRESS = {"source": "address", "files": [{"url": "https://example.org/a.csv", "sha256": "0" * 64}]}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "problems").mkdir()
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    return Layout("which", tmp_path)


def write(layout: Layout, **changes: Any) -> Layout:
    layout.problem_file.write_text(yaml.safe_dump({**GOOD, **changes}))
    return layout


def message(layout: Layout) -> str:
    """What `load_problem` says, the folder taken away."""
    with pytest.raises(UserError) as error:
        load_problem(layout)
    return str(error.value).replace(f"{layout.root}/", "")


def address(**changes: Any) -> dict[str, Any]:
    return {"source": "address", "files": [{**ADDRESS["files"][0], **changes}]}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_problem_file_is_good(name):
    problem = load_problem(Layout(name, ROOT))
    assert problem.question.endswith("?")
    for step in STEP_SETTINGS:
        STEP_SETTINGS[step].model_validate(settings_of(problem, step))


def test_defaults_fill_what_the_file_leaves_out_and_give_way_where_it_speaks(layout):
    defaults = yaml.safe_load((ROOT / "params.yaml").read_text())["defaults"]
    plain = load_problem(write(layout))
    assert plain.training.model_dump() == defaults["training"]
    assert plain.search.budget == defaults["search"]["budget"]
    changed = load_problem(write(layout, training={"epochs": 7}, seed=3, search={"dropout": [0.5]}))
    assert changed.training.model_dump() == defaults["training"] | {"epochs": 7}
    assert changed.search.dropout == [0.5]
    assert changed.search.l2 == defaults["search"]["l2"]
    assert (changed.seed, changed.measure) == (3, "auto")


UNKNOWN = [
    ({"tagret": "x"}, "tagret: unknown key; did you mean 'target'?"),
    ({"folds_": 5}, "folds_: unknown key; did you mean 'folds'?"),
    ({"xyzzy": 5}, "xyzzy: unknown key (allowed: clusters, code, columns, committee,"),
    (
        {"training": {"lerning_rate": 1.0}},
        "training.lerning_rate: unknown key; did you mean 'learning_rate'? (allowed: activation,",
    ),
    ({"search": {"buget": 1}}, "search.buget: unknown key; did you mean 'budget'?"),
    ({"test": {"shar": 0.2}}, "test.shar: unknown key; did you mean 'share'? (allowed: column, share, value)"),
    (
        {"data": {"source": "file", "path": "x", "seperator": ";"}},
        "data.seperator: unknown key; did you mean 'separator'?",
    ),
    ({"data": {"source": "sklearn", "name": "wine", "path": "x"}}, "data.path: unknown key (allowed: name, source)"),
    ({"data": address(sha="0")}, "data.files.0.sha: unknown key; did you mean 'sha256'?"),
]
WRONG = [
    (
        {"data": {"source": "sklern", "name": "wine"}},
        "data.source: should be 'sklearn', 'file', 'address', given 'sklern'; did you mean 'sklearn'?",
    ),
    ({"data": {"name": "wine"}}, "data.source: this key is missing; allowed: address, file, sklearn"),
    (
        {"data": {"source": "sklearn", "name": "win"}},
        "data.name: should be 'breast_cancer', 'diabetes', 'digits', 'iris', 'linnerud' or 'wine', given 'win'; did",
    ),
    ({"data": {"source": "file"}}, "data.path: this key is missing"),
    ({"data": "wine"}, "data: should be a mapping of keys to values, given 'wine'"),
    ({"data": None}, "data: should be a mapping of keys to values, given nothing"),
    (
        {"data": {"source": "file", "path": "x", "separator": "||"}},
        "separator: '||' should be one character, or the word whitespace",
    ),
    ({"data": {"source": "address", "files": []}}, "data.files: should be a list of at least 1, given []"),
    (
        {"data": address(url="file:///etc/passwd")},
        "data.files.0.url: should be an address that begins with https://, http:// or ftp://, given 'file:///etc",
    ),
    (
        {"data": address(sha256="00")},
        "data.files.0.sha256: should be the file's SHA-256, 64 digits and letters a to f, given '00'",
    ),
    (
        {"data": address(role="tset")},
        "data.files.0.role: should be 'any' or 'test', given 'tset'; did you mean 'test'?",
    ),
    ({"target": 3}, 'target: should be text or a list, given 3; in quotes it is text: "3"'),
    ({"type": "multi_class"}, "given 'multi_class'; did you mean 'multiclass'?"),
    (
        {"type": None},
        "type: should be 'binary', 'multiclass', 'multilabel', 'regression', 'unit_interval_regression', "
        "'autoencode', 'language_model', 'density', 'generate' or 'cluster'",
    ),
    ({"measure": "acuracy"}, "given 'acuracy'; did you mean 'accuracy'?"),
    (
        {"protocol": "kfold"},
        "protocol: should be 'auto', 'hold_out', 'k_fold', 'iterated_k_fold' or 'nested', given 'kfold'; did you",
    ),
    ({"folds": "five"}, "folds: should be a whole number or 'auto', given 'five'"),
    ({"folds": 2.5}, "folds: should be a whole number or 'auto', given 2.5"),
    ({"folds": True}, "folds: should be a whole number or 'auto', given true"),
    ({"folds": 1}, "folds: should be greater than or equal to 2 or 'auto', given 1"),
    ({"repeats": 0}, "repeats: should be greater than or equal to 1 or 'auto', given 0"),
    ({"seed": -1}, "seed: should be greater than or equal to 0, given -1"),
    ({"seed": 2**31}, "seed: should be less than 2147483648"),
    ({"test": {"share": 0.9}}, "test.share: should be less than or equal to 0.5, given 0.9"),
    ({"test": {"share": 0}}, "test.share: should be greater than 0, given 0"),
    ({"test": 0.2}, "test: should be a mapping of keys to values, given 0.2"),
    ({"training": {"learning_rate": "fast"}}, "training.learning_rate: should be a number, given 'fast'"),
    ({"training": {"learning_rate": 0}}, "training.learning_rate: should be greater than 0, given 0"),
    ({"training": {"optimizer": "admm"}}, "given 'admm'; did you mean 'adam'?"),
    ({"training": {"batch_size": 0}}, "training.batch_size: should be greater than or equal to 1 or 'auto', given 0"),
    ({"training": None}, "training: should be a mapping of keys to values, given nothing"),
    ({"search": {"dropout": 0.5}}, "search.dropout: should be a list, given 0.5"),
    ({"search": {"dropout": []}}, "search.dropout: should be a list of at least 1, given []"),
    ({"search": {"dropout": [1.0]}}, "search.dropout.0: should be less than 1, given 1.0"),
    ({"search": {"l2": [0.0, -0.1]}}, "search.l2.1: should be greater than or equal to 0, given -0.1"),
    ({"search": {"budget": 0}}, "search.budget: should be greater than or equal to 1 or 'auto', given 0"),
    ({"committee": 0}, "committee: should be greater than or equal to 1, given 0"),
    ({"engine": {"accelerator": "cuda"}}, "engine.accelerator: should be 'auto', 'cpu' or 'gpu', given 'cuda'"),
    ({"columns": {"zip": "category"}}, "given 'category'; did you mean 'categorical'?"),
    ({"columns": {3: "numeric"}}, 'columns.3: should be text, given 3; in quotes it is text: "3"'),
    ({"heads": {"a": {"type": "multilabel"}}}, "heads.a.type: should be 'binary', 'multiclass', 'regression' or"),
    ({"heads": {"a": {"type": "binary", "wieght": 1}}}, "heads.a.wieght: unknown key; did you mean 'weight'?"),
    ({"heads": {"a": {"type": "binary", "weight": 0}}}, "heads.a.weight: should be greater than 0, given 0"),
    ({"drop": "id"}, "drop: should be a list, given 'id'"),
    ({"question": ""}, "question: should be text of at least 1 character, given ''"),
]
IMPOSSIBLE = [
    ({"search": {"loss": ["auto", "huber"]}}, "search.loss: huber does not suit type multiclass; allowed: auto"),
    (
        {"type": "regression", "search": {"label_smoothing": [0.0, 0.1]}},
        "search.label_smoothing: type regression has no classes to smooth; remove this key",
    ),
    ({"target": []}, "target: give one column or several different ones, not []"),
    ({"target": ["a", "a"], "type": "multilabel"}, "target: give one column or several different ones, not ['a', 'a']"),
    ({"target": ["a", "b"]}, "target: type multiclass has one target column, given ['a', 'b']; try multilabel"),
    ({"type": "multilabel"}, "target: type multilabel needs a list of at least two target columns; try binary"),
    ({"positive": "1"}, "positive: only type binary has a positive class, not multiclass"),
    ({"measure": "mae"}, "measure: mae does not suit type multiclass; allowed: auto, accuracy,"),
    ({"protocol": "hold_out", "folds": 5}, "protocol hold_out has neither folds nor repeats"),
    ({"protocol": "hold_out", "repeats": 2}, "protocol hold_out has neither folds nor repeats"),
    ({"protocol": "k_fold", "repeats": 2}, "protocol k_fold has one repeat: remove repeats or choose iterated_k_fold"),
    ({"drop": ["kind"]}, "drop: column 'kind' is already named by target; one column, one role"),
    ({"groups": "kind"}, "groups: column 'kind' is already named by target; one column, one role"),
    ({"groups": "a", "weights": "a"}, "weights: column 'a' is already named by groups; one column, one role"),
    ({"time": "a", "drop": ["a"]}, "time: column 'a' is already named by drop; one column, one role"),
    ({"time": "a", "groups": "b"}, "time: a problem is split by time or by groups, not by both"),
    ({"time": "a", "protocol": "iterated_k_fold"}, "protocol: rows in time order cannot be shuffled anew"),
    ({"time": "a", "protocol": "nested"}, "protocol: the first rows in time order leave none to search in"),
    ({"time": "a", "final": "fold_ensemble"}, "final: in time order most networks of the folds know only the distant"),
    ({"time": "a", "repeats": 3}, "repeats: rows in time order cannot be shuffled anew"),
    ({"image": {"fine_tune": 2}}, "image.fine_tune: name the network to be trained further"),
    (
        {"image": {"pretrained": ["mobilenet_v2", "mobilenet_v2"]}},
        "image.pretrained: one network or several, each once",
    ),
    ({"series": {"lookback": 3}}, "series: name the column with the moments of the rows as `time`"),
    (
        {"time": "a", "series": {"lookback": 3, "steps": 2}},
        "series.steps: type multiclass has one target, one step ahead",
    ),
    ({"text": {"layers": 2}}, "text.layers: network embedding has no recurrent layers; choose gru or lstm"),
    (
        {"time": "a", "series": {"lookback": 3, "relative": True}},
        "series.relative: a change is forecast by type regression only, not by multiclass",
    ),
    ({"heads": {"kind": {"type": "binary"}}}, "heads: column 'kind' is already named by target; one column, one role"),
    ({"heads": {"a": {"type": "regression", "positive": 1}}}, "heads: positive: only type binary has a positive class"),
    (
        {"time": "a", "type": "regression", "series": {"lookback": 3, "steps": 2}, "heads": {"b": {"type": "binary"}}},
        "series.steps: further targets (`heads`) are forecast one step ahead; choose steps: 1",
    ),
    (
        {"text": {"order": "reversed", "encoding": "count"}},
        "text.order: a bag of words has none; choose text.encoding: sequence",
    ),
    (
        {"time": "a", "type": "regression", "series": {"lookback": 3, "order": "shuffled", "relative": True}},
        "series.order: a change since the last moment needs it last; choose relative: false",
    ),
    ({"text": {"train_vectors": True}}, "text.train_vectors: there are no vectors to train; name their file as"),
    ({"word_vectors": {}}, "word_vectors: give the path of a file below data/local/, or its url and sha256"),
    (
        {"word_vectors": {"path": "a", "url": "https://b/c"}},
        "word_vectors: give the path of a file below data/local/, or",
    ),
    (
        {"word_vectors": {"path": "a"}, "text": {"encoding": "tf_idf"}},
        "word_vectors: they are of words read in order; choose text: {encoding: sequence, tokens: words}",
    ),
    ({"test": {"column": "part"}}, "test: give both column and value (the rows of the sealed test set), or neither"),
    ({"test": {"value": "x"}}, "test: give both column and value (the rows of the sealed test set), or neither"),
    ({"test": {"column": "kind", "value": "x"}}, "test: 'kind' is a target; seal the rows by another column"),
]


@pytest.mark.parametrize(("changes", "says"), [*UNKNOWN, *WRONG, *IMPOSSIBLE], ids=lambda value: str(value)[:40])
def test_what_does_not_fit_is_refused_in_one_readable_line_that_names_the_file(layout, changes, says):
    said = message(write(layout, **copy.deepcopy(changes)))
    lines = said.splitlines()
    line = next((line for line in lines if says in line), said)
    assert line.startswith("problems/which.yaml: "), said
    assert says in line
    assert len(lines) == 1
    for noise in ("Input should", "type=", "pydantic", "validation error", "For further information", "function-after"):
        assert noise not in said


def test_several_mistakes_are_told_at_once_each_in_its_line(layout):
    lines = message(write(layout, tagret="x", folds="five", test={"shar": 1})).splitlines()
    assert len(lines) == 3
    assert {line.split(": ")[1] for line in lines} == {"tagret", "folds", "test.shar"}


def test_a_missing_key_is_asked_of_the_problem_file(layout):
    layout.problem_file.write_text(yaml.safe_dump({key: value for key, value in GOOD.items() if key != "target"}))
    assert message(layout) == "problems/which.yaml: target: this key is missing: type multiclass needs a target column"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("seed: 0", "sed: 0", "params.yaml: sed: unknown key; did you mean 'seed'?"),
        (
            "budget: auto",
            "budget: many",
            "params.yaml: search.budget: should be a whole number or 'auto', given 'many'",
        ),
        ("max_rungs: 6", "max_rung: 6", "params.yaml: overfit.max_rung: unknown key; did you mean 'max_rungs'?"),
        ("protocol: auto", "protocol: kfold", "params.yaml: protocol: should be"),
    ],
)
def test_a_mistake_in_the_defaults_names_params_yaml(layout, old, new, says):
    write(layout)
    text = layout.params_file.read_text()
    assert text.count(old) == 1
    layout.params_file.write_text(text.replace(old, new))
    assert any(line.startswith(says) for line in message(layout).splitlines())


def test_a_key_that_the_problem_file_overrides_is_its_own_mistake_and_the_defaults_beside_it_are_not(layout):
    write(layout, training={"epochs": 10})
    layout.params_file.write_text(layout.params_file.read_text().replace("optimizer: rmsprop", "optimizer: rmsprob"))
    assert message(layout).startswith("params.yaml: training.optimizer: should be")
    write(layout, training={"optimizer": "rmsprob"})
    assert message(layout).startswith("problems/which.yaml: training.optimizer: should be")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("# a remark only\n", "is empty"),
        ("[1, 2]", "expected lines of the form `key: value`"),
        ("just text", "expected lines of the form `key: value`"),
        ("question: [", "is not YAML: line 1"),
        ("question: a: b", "quote a text that holds `: `"),
        ("\tquestion: x", "indent with spaces"),
        ("question: x\nquestion: y\n", "the key 'question' is there twice"),
        ("question: !!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_told_apart(layout, text, says):
    layout.problem_file.write_text(text)
    said = message(layout)
    assert said.startswith("problems/which.yaml")
    assert says in said


def test_words_and_numbers_mean_what_a_person_means_by_them(layout):
    write(layout, type="binary")
    layout.problem_file.write_text(
        layout.problem_file.read_text()
        + "positive: yes\ntraining: {learning_rate: 1e-2}\ntest: {column: day, value: 2026-11-21}\n"
    )
    problem = load_problem(layout)
    assert problem.positive == "yes"
    assert problem.training.learning_rate == 0.01
    assert problem.test.value == "2026-11-21"


def test_a_problem_that_is_not_there_has_its_nearest_name(layout):
    write(layout)
    said = message(Layout("wich", layout.root))
    assert said == "problems/wich.yaml does not exist; did you mean 'which'?"
    assert message(Layout("zzz", layout.root)) == "problems/zzz.yaml does not exist; there are: which"


READS = {
    "data": {"fetch", "validate", "prepare"},
    "word_vectors": {"fetch", "validate", "prepare"},
    "target": {"validate", "prepare"},
    "heads": {"validate", "prepare"},
    "columns": {"validate", "prepare"},
    "test": {"validate", "prepare"},
    "protocol": {"validate", "prepare"},
    "seed": {"validate", "prepare", "baseline", "overfit", "regularize", "evaluate"},
    "measure": {"prepare"},
    "validation": {"validate"},
    "training": {"overfit", "regularize", "evaluate"},
    "overfit": {"overfit"},
    "search": {"regularize", "evaluate"},
    "committee": {"evaluate"},
    "question": {"report"},
    "unit": {"report"},
    "engine": {"engine"},
}
CHANGES = {
    "data": {"source": "file", "path": "other.csv"},
    "word_vectors": {"path": "glove.txt"},
    "target": "sort",
    "heads": {"age": {"type": "regression"}},
    "columns": {"zip": "categorical"},
    "test": {"share": 0.3},
    "protocol": "k_fold",
    "seed": 5,
    "measure": "macro_f1",
    "validation": {"max_categories": 50},
    "training": {"epochs": 3},
    "overfit": {"max_rungs": 2},
    "search": {"budget": 2},
    "committee": 2,
    "question": "What else?",
    "unit": "points",
    "engine": {"workers": 1},
}


@pytest.mark.parametrize("key", list(READS))
def test_a_change_of_a_key_changes_the_settings_of_just_the_steps_that_read_it(layout, key):
    before = load_problem(write(layout))
    after = load_problem(write(layout, **{key: CHANGES[key]}))
    changed = {step for step in STEP_SETTINGS if settings_of(before, step) != settings_of(after, step)}
    assert changed == READS[key]


def test_every_key_of_a_problem_is_read_by_some_step():
    read = {name for settings in STEP_SETTINGS.values() for name in settings.model_fields}
    assert set(Problem.model_fields) - {"engine"} <= read


def numbers(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every number in a JSON schema with the keys that lead to it."""
    if isinstance(schema, dict):
        if schema.get("type") in ("integer", "number"):
            yield path, schema
        schema = schema.items()
    elif isinstance(schema, list):
        schema = enumerate(schema)
    else:
        return
    for key, value in schema:
        yield from numbers(value, f"{path}.{key}")


def test_every_number_has_bounds():
    """But the values of the user's own table: the positive class and the one that seals the test set."""
    of_the_table = (".positive.", ".value.")
    without = [
        path
        for path, number in numbers(Problem.model_json_schema())
        if not {"minimum", "exclusiveMinimum"} & number.keys() or not {"maximum", "exclusiveMaximum"} & number.keys()
        if not any(key in path for key in of_the_table)
    ]
    assert without == []


def test_settings_come_back_from_their_file_as_they_were(layout):
    problem = load_problem(write(layout))
    for step, kind in STEP_SETTINGS.items():
        write_json(layout.settings(step), settings_of(problem, step))
        settings = load_settings(layout, step, kind)
        assert settings.model_dump(mode="json") == settings_of(problem, step)
    assert load_settings(layout, "evaluate", EvaluateSettings).seed == problem.seed


def test_settings_that_were_never_written_name_the_step_that_writes_them(layout):
    with pytest.raises(UserError, match=r"python -m tasks\.define which"):
        load_settings(layout, "regularize", RegularizeSettings)


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_every_measure_of_a_type_may_be_named(layout, kind):
    given = {"target": {"none": None, "several": ["a", "b"]}.get(kind.targets, "kind")}
    given |= {"code": 2} if kind.has_code else {}
    given |= {"clusters": 2, "committee": 1, "reference": "group"} if kind.has_clusters else {}
    for measure in ("auto", *kind.measures):
        assert load_problem(write(layout, type=kind.name, measure=measure, **given)).measure == measure
