"""Every problem type answers whatever the workflow asks, and no other module knows one by its name."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from src.kinds.registry import KINDS
from src.models.heads import HEADS
from src.models.measures import TABLE
from src.models.samples import SIDES, STATISTICS
from src.models.types.classes import choose_positive, in_order
from src.models.types.problem_type import ProblemType
from src.models.types.registry import TYPES
from src.report.outcomes import FIGURES
from src.saved.additions import ADDITIONS
from src.tracking.sources import code_behind
from tests.models.answers import PREDICTING, names_of, outputs_of, targets_of
from tests.models.answers import predictions_of as answers_of
from tests.workspaces import ROOT

every_type = pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
every_type_with_targets = pytest.mark.parametrize("kind", PREDICTING.values(), ids=PREDICTING)


def predictions_of(kind: ProblemType, rows: int = 40) -> np.ndarray:
    """What a head of this type says, or the statistics of rows that it draws, (N, K)."""
    if kind.has_clusters:
        return answers_of(kind, rows)
    torch.manual_seed(0)
    if kind.generates:
        return np.hstack([np.ones((rows, SIDES)), torch.randn(rows, STATISTICS - SIDES).double().numpy()])
    return HEADS[kind.name](nn.Identity()).predictions(torch.randn(rows, outputs_of(kind))).double().numpy()


def test_types_are_listed_under_their_names_and_have_a_head_each():
    assert [kind.name for kind in TYPES.values()] == list(TYPES) == list(HEADS)


@every_type
def test_a_type_has_words_a_loss_and_figures(kind: ProblemType):
    assert all((kind.words, kind.returns, kind.reason, kind.loss, kind.noun, kind.described(2)))
    assert kind.figures in FIGURES
    assert kind.adds in ADDITIONS
    assert kind.targets in ("any", "none") or kind.otherwise in TYPES


@every_type
def test_a_type_s_measures_are_defined_and_take_its_predictions(kind: ProblemType):
    y_NT, p_NK = targets_of(kind), predictions_of(kind)
    assert kind.measures
    for name in kind.measures:
        assert np.isfinite(TABLE[name].value(y_NT, p_NK, np.ones(len(y_NT))))
        assert TABLE[name].title
        assert TABLE[name].meaning
    chosen, reason = kind.choose_measure({"a": 0.5, "b": 0.5} if kind.single_label else {})
    assert chosen in kind.measures
    assert reason


def test_every_measure_is_one_of_some_type():
    assert set(TABLE) == {name for kind in TYPES.values() for name in kind.measures}


@every_type_with_targets
def test_common_sense_gives_every_row_an_answer_such_as_a_network_gives(kind: ProblemType):
    truth_AK, w_A = kind.perfect_predictions(targets_of(kind), outputs_of(kind)), np.linspace(1, 2, 40)
    assert kind.common_sense
    for rule in kind.common_sense.values():
        p_VK = rule(truth_AK, w_A, 7, np.random.default_rng(0))
        assert p_VK.shape == (7, outputs_of(kind))
        assert ((p_VK >= kind.lowest) & (p_VK <= kind.highest)).all()


@every_type_with_targets
def test_a_perfect_answer_is_what_the_head_learns_towards_and_scores_best(kind: ProblemType):
    y_NT, outputs = targets_of(kind), outputs_of(kind)
    truth_NK = kind.perfect_predictions(y_NT, outputs)
    learnt_NK = HEADS[kind.name](nn.Identity()).targets(torch.from_numpy(y_NT), outputs).numpy()
    np.testing.assert_array_equal(truth_NK, learnt_NK)
    for name in kind.measures:
        best = TABLE[name].lowest if TABLE[name].direction == "minimize" else TABLE[name].highest
        assert TABLE[name].value(y_NT, truth_NK, np.ones(len(y_NT))) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize(
    "kind", [kind for kind in TYPES.values() if kind.targets == "none"], ids=lambda kind: kind.name
)
def test_without_targets_common_sense_and_shallow_models_score_rows_as_a_network_does(kind: ProblemType):
    x_ND = np.random.default_rng(0).integers(1, 9, (40, 12)).astype(float)
    if kind.networks == "likelihood":
        x_ND[:, 1::2] = 0  # numbers in cells, see `src.inputs.places`
    shallow = kind.shallow
    if kind.family is not None:
        of_tables = KINDS["tabular"].shallow[kind.family]
        shallow = {name: lambda seed, rows, code, of=of: of.estimator(seed, rows) for name, of in of_tables.items()}
    for models in (kind.of_rows or KINDS["tabular"].of_rows[kind.networks], shallow):
        assert models
        for make in models.values():
            fitted = make(0, 40, 3).fit(x_ND, sample_weight=np.ones(40))
            if kind.generates:
                assert fitted.sample(7, np.random.default_rng(0)).shape == (7, 12)
                continue
            s_NS = fitted.score_samples(x_ND)
            measured = len(kind.measured_columns([], []))
            assert len(s_NS) == 40
            assert measured <= s_NS.shape[1] <= outputs_of(kind)


@every_type
def test_the_predictions_of_the_head_lie_in_the_stated_range(kind: ProblemType):
    p_NK = predictions_of(kind)
    assert ((p_NK >= kind.lowest) & (p_NK <= kind.highest)).all()
    assert kind.targets != "none" or not kind.unbounded
    assert kind.targets == "none" or kind.unbounded == bool((p_NK < 0).any())


@every_type_with_targets
def test_shallow_models_of_every_kind_of_input_suit(kind: ProblemType):
    assert all(of.shallow[kind.family] for of in KINDS.values())
    classes, targets = names_of(kind)
    answered = len(classes) or (2 if kind.target == "flag" else 1)
    of_columns = [np.full((5, answered), 1 / answered) for _ in targets]
    np.testing.assert_allclose(kind.joined(of_columns), np.full((5, outputs_of(kind)), 1 / answered))


@every_type
def test_the_columns_of_predictions_hold_what_the_measures_read(kind: ProblemType):
    p_NK = predictions_of(kind)
    columns = kind.columns(p_NK, *names_of(kind))
    read = [columns[name] for name in kind.measured_columns(*names_of(kind))]
    assert bool(read) != kind.generates
    np.testing.assert_array_equal(np.transpose(read), p_NK[:, : len(read)] if read else [])
    assert any(name.startswith("predicted") for name in columns) == (kind.targets != "none")
    assert all(len(values_N) == len(p_NK) for values_N in columns.values())


@every_type
def test_where_nothing_is_predicted_every_column_is_empty(kind: ProblemType):
    p_NK = predictions_of(kind, 2)
    p_NK[1] = np.nan
    for values_N in kind.columns(p_NK, *names_of(kind)).values():
        known_N = ~np.ma.getmaskarray(values_N) & np.array([v is not None and v == v for v in np.ma.getdata(values_N)])
        assert known_N.tolist() == [True, False]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [({"no": 1, "yes": 9}, "yes"), ({"cat": 9, "dog": 1}, "dog"), ({"a": 5, "b": 5}, "a"), ({"y": 9, "1": 1}, "1")],
)
def test_the_positive_class_is_the_only_one_that_affirms_or_else_the_rarer_one(counts: dict, expected: str):
    assert choose_positive(counts)[0] == expected


def test_classes_are_in_the_order_of_numbers_before_words():
    assert in_order(["ten", "10", "9", "-1", "nan", "1e1"]) == ["-1", "9", "10", "1e1", "nan", "ten"]


@dataclass(frozen=True)
class Facts:
    """A target column as `ProblemType.guess` sees it."""

    distinct: int = 30
    rarest: int = 1
    is_number: bool = True
    is_whole: bool = False
    is_flag: bool = False
    ends: tuple[float, float] = (-3.0, 3.0)
    name: str = "y"


FLAG = Facts(2, is_whole=True, is_flag=True, ends=(0.0, 1.0))


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([FLAG], "binary"),
        ([Facts(2, is_number=False)], "binary"),
        ([Facts(3, is_number=False)], "multiclass"),
        ([Facts(5, rarest=10, is_whole=True)], "multiclass"),
        ([FLAG, FLAG], "multilabel"),
        ([Facts(5, rarest=9, is_whole=True)], "regression"),
        ([Facts(), FLAG], "regression"),
        ([Facts(ends=(0.0, 1.0))], "unit_interval_regression"),
        ([Facts(is_number=False), Facts()], None),
    ],
)
def test_targets_suggest_the_first_type_that_has_a_reason(targets: list[Facts], expected: str | None):
    reasons = {name: kind.guess(targets) for name, kind in TYPES.items()}
    assert next((name for name, reason in reasons.items() if reason), None) == expected


# Types whose name is a word of its own (a group of rows, of computers); their modules are looked for.
ORDINARY = {"cluster"}


def texts_outside_of_models() -> Iterator[tuple[Path, str]]:
    """All text of the code but its docstrings, and the modules that it imports."""
    for top in ("src", "tasks", "flows"):
        for file in sorted((ROOT / top).rglob("*.py")):
            if ROOT / "src/models" in file.parents:
                continue
            tree = ast.parse(file.read_text())
            documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
                    yield file, node.value
                if isinstance(node, ast.ImportFrom) and str(node.module).startswith("src.models"):
                    yield file, str(node.module).replace(".", " ")


def test_no_module_outside_of_models_names_a_problem_type():
    names = [name for name in (*TYPES, "unit_interval") if name not in ORDINARY]
    name = re.compile(rf"\b({'|'.join(names)}|types ({'|'.join(ORDINARY)}))\b")
    naming = {f"{file.relative_to(ROOT)}: {text!r}" for file, text in texts_outside_of_models() if name.search(text)}
    assert not naming


def test_types_import_numpy_alone_so_that_steps_which_train_nothing_import_no_torch():
    files, packages = code_behind(Path("src/models/types/registry.py"), ROOT)
    assert packages == {"numpy", "scipy", "sklearn", "threadpoolctl"}  # inside of functions
    models = {Path(f"src/models/{name}.py") for name in ("components", "bits", "clusters", "kneser_ney", "samples")}
    inputs = {Path("src/inputs/__init__.py"), Path("src/inputs/clusters.py")}
    outside = {file for file in files if "types" not in file.parts} - {*Path("src/core").glob("*.py")}
    assert outside == {Path("src/__init__.py"), Path("src/models/__init__.py"), *models, *inputs}
    asked = "import sys, src.models.types.registry; print({'torch', 'sklearn', 'pandas'} & {*sys.modules})"
    told = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
