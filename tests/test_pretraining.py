"""Networks that learn from rows without a target first: what they learn from, what they keep, and whether it helps."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.special
import torch
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional

from benchmarks.pretraining import gains, markdown
from src.core.errors import UserError
from src.core.files import Layout
from src.judging.probe import probe
from src.models.measures import TABLE
from src.models.pretraining import EXCHANGED, METHODS, TEMPERATURE, Informing, contrast, exchanged, information
from src.networks.mlp import MLP
from src.networks.pictures import Convnet
from src.preparation.fold import fit_fold
from src.problem.load import load_problem
from src.problem.training import Engine
from src.results.data import Prepared
from src.results.evaluate import Evaluate
from src.results.networks import Candidate, Regularize
from src.tables.protocols import read_folds
from src.tables.table import read_schema, read_table
from src.training.fit import fit
from src.training.looped import initial_network
from src.training.members import Member
from src.training.pretraining import with_initial_weights
from tasks.baseline import baseline
from tasks.define import define
from tasks.evaluate import evaluate
from tasks.fetch import fetch
from tasks.overfit import overfit
from tasks.prepare import prepare
from tasks.regularize import regularize
from tasks.report import report
from tasks.validate import validate
from tests.kinds.workflow import new_layout

ROWS, CPU = 400, Engine(workers=1, accelerator="cpu")
EARLY = (define, fetch, validate, prepare)
PROBLEM: dict[str, Any] = {
    "question": "Which of two shapes is it?",
    "data": {"source": "file", "path": "shapes.csv"},
    "target": "shape",
    "type": "binary",
    "pretrain": "denoise",
    "protocol": "k_fold",
    "folds": 2,
    "committee": 1,
    "training": {"epochs": 4, "batch_size": 16},
    "overfit": {"max_rungs": 2},
    "search": {"budget": 4},
    "engine": {"workers": 1, "accelerator": "cpu"},
}


def shapes(empty: int = 300) -> pd.DataFrame:
    """Eight numbers that follow from one, whose sign is the target; the last `empty` rows have none."""
    rng = np.random.default_rng(0)
    hidden_N = rng.normal(size=ROWS)
    x_ND = np.sin(hidden_N[:, None] * np.arange(1, 9) / 4) + 0.3 * rng.normal(size=(ROWS, 8))
    frame = pd.DataFrame(x_ND, columns=[f"x{d}" for d in range(8)])
    shape = np.where(hidden_N > 0, "round", "square").astype(object)
    shape[ROWS - empty :] = None
    return frame.assign(shape=shape)


def layout_of(root: Path, frame: pd.DataFrame, **changes: Any) -> Layout:
    layout = new_layout("shapes", root)
    frame.to_csv(layout.local / "shapes.csv", index=False)
    layout.problem_file.write_text(yaml.safe_dump({k: v for k, v in (PROBLEM | changes).items() if v is not None}))
    return layout


def prepared(root: Path, frame: pd.DataFrame, **changes: Any) -> Layout:
    layout = layout_of(root, frame, **changes)
    for step in EARLY:
        step(layout)
    return layout


def candidate(pretrained: str, **changes: Any) -> Candidate:
    network = {"architecture": "mlp", "units": [16], "activation": "relu", "dropout": 0.0}
    settings = {"optimizer": "adam", "learning_rate": 0.01, "l1": 0.0, "l2": 0.0, "batch_size": 16, "epochs": 3}
    return Candidate(network=network | changes, pretrained=pretrained, **settings)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return prepared(tmp_path_factory.mktemp("shapes"), shapes())


@pytest.mark.slow
def test_all_steps_run_and_the_verdict_compares_with_random_initial_weights(layout: Layout):
    for step in (baseline, overfit, regularize, evaluate, report):
        step(layout)
    tried = pd.read_csv(layout.results / "candidates.csv")
    assert set(tried["pretrained"].fillna("none")) == {"none", "denoise"}
    verdicts = {verdict.name: verdict for verdict in Evaluate.read(layout.result("evaluate")).verdicts}
    chosen = Regularize.read(layout.result("regularize")).chosen
    told = verdicts["pretraining_helps"]
    if chosen.pretrained == "none":
        assert told.evidence == "the search chose random initial weights"
    else:
        assert told.comparison is not None
    page = (layout.results / "report.html").read_text()
    assert "rows without a target" in page
    assert "A linear probe on the evaluation folds" in page
    probed = Evaluate.read(layout.result("evaluate")).probe
    assert probed.method == "denoise"
    for told in (probed.pretrained, probed.random):
        assert told.low <= told.value <= told.high


def test_rows_without_a_target_are_in_no_fold_and_not_sealed(layout: Layout):
    table = read_table(layout.train, read_schema(layout.train))
    test = read_table(layout.test, table.schema)
    assert table.unlabelled is not None
    rows = [set(part["__row__"]) for part in (table.frame, test.frame, table.unlabelled)]
    assert rows[0] | rows[1] == set(range(100))
    assert rows[2] <= set(range(100, ROWS))
    assert "shape" not in table.unlabelled
    assert Prepared.read(layout.result("prepare")).rows == len(rows[0])
    [choice] = [c for c in Prepared.read(layout.result("prepare")).choices if c.setting == "rows without a target"]
    assert choice.chosen == f"{len(table.unlabelled)} rows"


def test_a_row_with_the_inputs_of_one_that_is_held_out_is_not_learnt_from_before(tmp_path: Path):
    frame = shapes()
    names = [name for name in frame if name != "shape"]
    frame.loc[100:199, names] = frame.loc[0:99, names].to_numpy()  # those of labelled rows, sealed ones among them
    layout = prepared(tmp_path, frame)
    table = read_table(layout.train, read_schema(layout.train))
    assert table.unlabelled is not None
    assert set(table.unlabelled["__row__"]) <= set(range(200, ROWS))


def test_labelled_draws_so_many_rows_of_every_class_and_leaves_the_sealed_ones(tmp_path: Path):
    whole = prepared(tmp_path / "whole", shapes(0), pretrain=None)
    few = prepared(tmp_path / "few", shapes(0), labelled=120)
    schema = read_schema(whole.train)
    every, table = read_table(whole.train, schema), read_table(few.train, read_schema(few.train))
    assert len(table) == 120
    assert table.unlabelled is not None
    assert len(table.unlabelled) == len(every) - 120
    assert not set(table.unlabelled["__row__"]) & set(table.frame["__row__"])
    share = [(part.frame["shape"] == "round").mean() for part in (every, table)]
    assert share[1] == pytest.approx(share[0], abs=0.01)
    pd.testing.assert_frame_equal(read_table(few.test, schema).frame, read_table(whole.test, schema).frame)


def test_the_seed_draws_the_labelled_rows_of_numbers_too(tmp_path: Path):
    rng = np.random.default_rng(0)
    frame = shapes(0).assign(shape=rng.permutation(ROWS) / 10)
    drawn = []
    for seed in (0, 1):
        layout = prepared(tmp_path / str(seed), frame, type="regression", labelled=50, seed=seed)
        table = read_table(layout.train, read_schema(layout.train))
        drawn.append(set(table.rows_N.tolist()))
        assert table.y_NT.mean() == pytest.approx(frame["shape"].mean(), abs=1)
    assert drawn[0] != drawn[1]


def test_held_out_rows_change_neither_scales_nor_initial_weights(layout: Layout):
    table = read_table(layout.train, read_schema(layout.train))
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    frame = table.frame.copy()
    frame.iloc[split.validation, frame.columns.get_loc("x0")] = 1e6
    changed = replace(table, frame=frame)
    folds = [fit_fold(each, split.training, split.validation) for each in (table, changed)]
    assert folds[0].vectorizer == folds[1].vectorizer
    starts = [with_initial_weights(each, [candidate("contrast")], CPU, 0).starts for each in (table, changed)]
    assert json.dumps(_numbers(starts[0])) == json.dumps(_numbers(starts[1]))


def _numbers(starts: Any) -> Any:
    return {key: {name: value.tolist() for name, value in start.items()} for key, start in starts.items()}


def test_a_probe_is_a_logistic_regression_on_frozen_codes_of_the_training_rows_alone(layout: Layout):
    table = read_table(layout.train, read_schema(layout.train))
    pretrained = candidate("denoise")
    started = with_initial_weights(table, [pretrained], CPU, 0)
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    [told_VK] = probe(pretrained, [split], started, 0).predictions
    fold, weights = fit_fold(started, split.training, split.validation), started.starts[pretrained.start]
    codes = [np.maximum(x @ weights["layers.0.weight"].T + weights["layers.0.bias"], 0) for x in (fold.x_AD, fold.x_VD)]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(codes[0], fold.y_AT[:, 0])
    np.testing.assert_allclose(told_VK[:, 0], model.predict_proba(codes[1])[:, 1], atol=1e-4)

    frame, y_NT = table.frame.copy(), table.y_NT.copy()
    frame.iloc[split.validation[0], frame.columns.get_loc("x0")] = 50.0
    y_NT[split.validation] = 1 - y_NT[split.validation]
    [changed_VK] = probe(pretrained, [split], replace(started, frame=frame, y_NT=y_NT), 0).predictions
    assert changed_VK[1:].tobytes() == told_VK[1:].tobytes()
    assert changed_VK[0, 0] != told_VK[0, 0]


@pytest.mark.parametrize("method", METHODS)
def test_a_network_starts_from_all_layers_but_the_last(layout: Layout, method: str):
    table = read_table(layout.train, read_schema(layout.train))
    pretrained = candidate(method)
    started = with_initial_weights(table, [pretrained, candidate(method, dropout=0.5), candidate("none")], CPU, 0)
    assert list(started.starts) == [pretrained.start], "dropout leaves the weights alone"
    more = with_initial_weights(started, [pretrained, candidate(method, units=[8])], CPU, 0)
    assert more.starts[pretrained.start] is started.starts[pretrained.start]
    assert len(more.starts) == 2
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    fold = fit_fold(started, split.training, split.validation)
    random, learnt = (
        initial_network(Member.of_split(each, split, 0), fold, started, torch.float32).state_dict()
        for each in (candidate("none"), pretrained)
    )
    assert list(started.starts[pretrained.start]) == ["layers.0.weight", "layers.0.bias"]
    assert not torch.equal(random["layers.0.weight"], learnt["layers.0.weight"])
    assert torch.equal(random["layers.3.weight"], learnt["layers.3.weight"])


def test_members_of_a_stack_start_from_their_own_weights_and_equal_those_trained_alone(layout: Layout):
    table = read_table(layout.train, read_schema(layout.train))
    both = [candidate("none"), candidate("denoise")]
    started = with_initial_weights(table, both, CPU, 0)
    split = next(iter(read_folds(layout.folds, len(table))["development"]))
    members = [Member.of_split(each, split, 0) for each in both]
    measure = TABLE["accuracy"]
    together = fit(members, started, measure, CPU, "together")
    for member, trained in zip(members, together, strict=True):
        [alone] = fit([member], started, measure, CPU, "alone")
        for name, weights in trained.weights.items():
            np.testing.assert_allclose(weights, alone.weights[name], atol=1e-6)
    assert not np.allclose(together[0].weights["layers.0.weight"], together[1].weights["layers.0.weight"])


def test_contrast_is_the_cross_entropy_of_finding_the_other_view():
    z_BK = functional.normalize(torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    losses = []
    for row, other in enumerate([3, 4, 5, 0, 1, 2]):
        scores = {n: torch.exp(z_BK[row] @ z_BK[n] / TEMPERATURE) for n in range(6) if n != row}
        losses.append(-torch.log(scores[other] / sum(scores.values())))
    assert contrast(z_BK) == pytest.approx(float(torch.stack(losses).mean()), abs=1e-12)


def test_information_is_the_jensen_shannon_estimate_of_all_pairs_of_rows():
    generator = torch.Generator().manual_seed(0)
    x_PBK, y_BK = (torch.randn(*size, 5, 4, dtype=torch.float64, generator=generator) for size in ((3,), ()))
    values = []
    for place_BK in x_PBK:
        scores = [[float(x_K @ y_K) for y_K in y_BK] for x_K in place_BK]
        same = [-np.log1p(np.exp(-scores[n][n])) for n in range(5)]
        others = [np.log1p(np.exp(scores[n][m])) for n in range(5) for m in range(5) if n != m]
        values.append(np.mean(same) - np.mean(others))
    assert float(information(x_PBK, y_BK)) == pytest.approx(np.mean(values), abs=1e-12)
    assert float(information(x_PBK[1], y_BK)) == pytest.approx(values[1], abs=1e-12)
    assert float(information(torch.zeros(5, 4), torch.zeros(5, 4))) == pytest.approx(-2 * np.log(2))
    assert float(information(9 * torch.eye(5) - 5, 9 * torch.eye(5))) == pytest.approx(0, abs=1e-9)


def test_best_scores_estimate_the_divergence_of_pairs_of_one_row_from_pairs_of_two():
    """With the best scores, log p(x, y) / (p(x) p(y)), it is twice the Jensen-Shannon divergence, less 2 log 2."""
    rows = 6  # x = y, one of six values: a pair of one row has probability 1/6, one of any two rows 1/36
    best = torch.full((rows, rows), -30.0).fill_diagonal_(np.log(rows))
    every = -functional.softplus(-best.diagonal()).mean() - functional.softplus(best).mean()
    same, independent = np.eye(rows).ravel() / rows, np.full(rows**2, 1 / rows**2)
    middle = (same + independent) / 2
    divergence = (scipy.special.rel_entr(same, middle) + scipy.special.rel_entr(independent, middle)).sum() / 2
    assert float(every) == pytest.approx(2 * divergence - 2 * np.log(2), abs=1e-6)


def test_convnets_tell_of_places_and_of_the_whole_and_others_of_the_whole_alone():
    torch.manual_seed(0)
    convnet = Informing(lambda outputs: Convnet(1, outputs, (8, 8), [4, 6]), torch.Size((1, 8, 8)))
    x_BCHW = torch.randn(7, 1, 8, 8)
    features_BCHW = convnet.network.features(x_BCHW)
    assert features_BCHW.shape == (7, 6, 2, 2)
    summary_BK = convnet.summary(convnet.network.answer(features_BCHW))
    at_places = [information(convnet.places(features_BCHW)[:, :, h, w], summary_BK) for h in range(2) for w in range(2)]
    expected = -information(convnet.whole(features_BCHW), summary_BK) - torch.stack(at_places).mean()
    assert convnet.loss(x_BCHW).item() == pytest.approx(expected.item(), abs=1e-5)
    assert torch.equal(convnet.network(x_BCHW), convnet.network.answer(convnet.network.features(x_BCHW)))
    assert Informing(lambda outputs: MLP(5, outputs, [8]), torch.Size((5,))).places is None


def test_exchanged_numbers_are_those_of_other_rows_in_the_same_column():
    torch.manual_seed(0)
    x_BD = torch.arange(4000.0).view(1000, 4)
    changed_BD = exchanged(x_BD)
    assert torch.equal(changed_BD % 4, x_BD % 4)
    assert (changed_BD != x_BD).float().mean() == pytest.approx(EXCHANGED, abs=0.03)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(24,), (3, 8, 8), (1, 8, 8)])
def test_every_method_lowers_its_loss_on_rows_and_on_pictures(method: str, size: tuple[int, ...]):
    torch.manual_seed(0)
    x = torch.randn(64, *size)

    def build(outputs: int) -> nn.Module:
        if len(size) == 1:
            return MLP(size[0], outputs, [16])
        return Convnet(size[0], outputs, size[1:], [4, 8])

    module = METHODS[method](build, torch.Size(size))
    optimizer = module.configure_optimizers()
    losses = []
    for _ in range(200):
        loss = module.loss(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-20:]) < 0.97 * np.mean(losses[:5])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"type": "autoencode", "target": None, "code": 2}, "pretrain: type autoencode has no target"),
        ({"groups": "x0"}, "pretrain: rows that belong together"),
        ({"image": {"pretrained": "squeezenet1_0"}}, "pretrain: image.pretrained names a network"),
        ({"pretrain": "guess"}, "pretrain"),
        ({"labelled": 3}, "labelled"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, changes: dict[str, Any], message: str):
    with pytest.raises(UserError, match=message):
        load_problem(layout_of(tmp_path, shapes(), **changes))


@pytest.mark.parametrize(
    ("empty", "changes", "message"),
    [
        (0, {}, "pretrain: 0 training rows have no target"),
        (0, {"labelled": 390}, "labelled: 390 of 320 training rows; choose fewer"),
        (300, {"pretrain": None}, "or set `pretrain` to learn from their inputs alone"),
        (300, {"columns": {"x0": "text"}, "drop": [f"x{d}" for d in range(1, 8)]}, "are not pretrained yet"),
    ],
)
def test_data_that_networks_cannot_be_pretrained_on_is_refused(
    tmp_path: Path, empty: int, changes: dict[str, Any], message: str
):
    frame = shapes(empty)
    if "columns" in changes:
        frame["x0"] = [f"row {n} of many others" for n in range(ROWS)]
    with pytest.raises(UserError, match=message):
        prepared(tmp_path, frame, **changes)


@pytest.mark.slow
def test_the_benchmark_pairs_its_draws(layout: Layout):
    table = read_table(layout.train, read_schema(layout.train))
    rows = gains(table, candidate("none").network, TABLE["accuracy"], labelled=20, draws=3, engine=CPU)
    assert [row.start for row in rows] == ["none", *METHODS]
    assert rows[0].gain is None
    for row in rows[1:]:
        assert row.gain is not None
        assert row.gain.value == pytest.approx(row.measure - rows[0].measure)
    assert markdown(rows).splitlines()[2].startswith("| random | ")
