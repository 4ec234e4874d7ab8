"""Tables without a target are dealt out into clusters, through all steps; no step learns from the reference.

Shapes: N rows, V held-out rows.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from src.core.errors import UserError
from src.core.files import Layout
from src.inputs.clusters import CLUSTER, HALVES
from src.judging.baselines import common_sense, shallow
from src.judging.held_out import HeldOut
from src.judging.stability import clusters_are_stable
from src.kinds.registry import kind_of
from src.models.measures import TABLE
from src.networks.configurations.autoencoder import AutoencoderConfiguration
from src.problem.load import load_problem
from src.problem.training import Engine, OverfitLadder, Training
from src.results.baseline import Baseline
from src.results.data import Prepared
from src.results.evaluate import Evaluate
from src.results.networks import Candidate, Overfit, Regularize
from src.saved.final import final_network
from src.saved.saved_model import load_model
from src.tables.protocols import Split, read_folds
from src.tables.table import Table, read_schema, read_table
from src.tracking.serving import signature_of
from src.training.fit import fit
from src.training.members import Member
from tests.kinds.pictures import bars, file_of
from tests.kinds.workflow import STEPS, finished, folder_of, new_layout
from tests.test_autoencode_kinds import SMALL, of_series, of_texts

ROWS, CLUSTERS = 150, 3
ENGINE = Engine(workers=1, accelerator="cpu")


def defined(root: Path, **changes: Any) -> Layout:
    """Three groups around different places in five columns, one of them a word, with a few gaps."""
    layout = new_layout("stones", root)
    rng = np.random.default_rng(0)
    group_N = rng.integers(0, CLUSTERS, ROWS)
    centres = np.array([[0, 0, 0, 0], [3, 3, 0, 0], [0, 3, 3, 2]])
    frame = pd.DataFrame(centres[group_N] + 0.8 * rng.normal(size=(ROWS, 4)), columns=list("abcd"))
    frame.loc[::31, "b"] = np.nan
    frame["e"] = np.where(group_N == 0, "round", "flat")
    frame["river"] = np.array(["Elbe", "Oder", "Saale"])[group_N]
    frame.to_csv(layout.local / "stones.csv", index=False)
    problem = {
        "question": "Which kinds of stones are there?",
        "data": {"source": "file", "path": "stones.csv"},
        "type": "cluster",
        "clusters": CLUSTERS,
        "reference": "river",
        "folds": 2,
        "protocol": "k_fold",
        "training": {"epochs": 8, "batch_size": 16, "learning_rate": 0.01},
        "overfit": {"max_rungs": 2},
        "search": {"budget": 2},
        "engine": {"workers": 1, "accelerator": "cpu"},
    }
    given = {name: value for name, value in (problem | changes).items() if value is not None}
    layout.problem_file.write_text(yaml.safe_dump(given))
    return layout


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return finished(defined(tmp_path_factory.mktemp("stones")))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Table, Split]:
    """Prepared rows, whose second reference would be a feature if it were none, and a fold of them."""
    layout = defined(tmp_path_factory.mktemp("stones_prepared"))
    for step in STEPS[:4]:
        step(layout)
    rows = read_table(layout.train, read_schema(layout.train))
    return rows, next(iter(read_folds(layout.folds, len(rows))["development"]))


def candidate(**changes: Any) -> Candidate:
    network = AutoencoderConfiguration(units=[8], activation="relu", clusters=CLUSTERS)
    settings = {"optimizer": "adam", "learning_rate": 0.01, "l1": 0, "l2": 0, "batch_size": 16, "epochs": 3}
    return Candidate(**({"network": network} | settings | changes))


@pytest.mark.slow
def test_the_search_goes_by_what_is_rebuilt_and_only_scores_read_the_reference(layout: Layout):
    prepared, evaluated = Prepared.read(layout.result("prepare")), Evaluate.read(layout.result("evaluate"))
    assert prepared.measure == evaluated.measure == "adjusted_rand"
    assert "measure of the search" in {choice.setting for choice in prepared.choices}
    for step in (Overfit, Regularize):
        assert step.read(layout.result(step.__name__.lower())).measure == "reconstruction_mse"
    baseline = Baseline.read(layout.result("baseline"))
    assert baseline.common_sense.name == "one_cluster"
    assert baseline.common_sense.development.mean == baseline.common_sense.evaluation.mean == 0
    verdicts = {verdict.name: verdict for verdict in evaluated.verdicts}
    assert verdicts["beats_common_sense"].comparison.reference_value == 0
    assert {"beats_shallow_model", "clusters_are_stable", "more_data_would_help"} <= verdicts.keys()
    assert {"cross_validation_agreement", "test_agreement"} == evaluated.extra.keys()


@pytest.mark.slow
def test_scores_are_those_of_scikit_learn_on_the_rows_that_are_told(layout: Layout):
    evaluated = Evaluate.read(layout.result("evaluate"))
    predictions = pd.read_parquet(layout.results / "predictions.parquet").query("model == 'network'")
    held_out = predictions.query("split == 'out_of_fold'").groupby("fold")
    scores = [adjusted_rand_score(rows["reference__river"], rows["cluster"]) for _, rows in held_out]
    assert scores == pytest.approx(evaluated.cross_validation.scores)
    agreed = np.mean([adjusted_rand_score(rows["half_1"], rows["half_2"]) for _, rows in held_out])
    if evaluated.saved == "network":
        assert evaluated.extra["cross_validation_agreement"] == pytest.approx(agreed)
    sealed = predictions.query("split == 'test'")
    assert evaluated.test.value == pytest.approx(adjusted_rand_score(sealed["reference__river"], sealed["cluster"]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["network", "shallow"])
def test_saved_models_tell_new_rows_their_cluster_and_the_probability_of_each(layout: Layout, kind: str):
    test = read_table(layout.test, read_schema(layout.train))
    told = pd.read_parquet(layout.results / "predictions.parquet").query("split == 'test' and model == @kind")
    scored = load_model(folder_of(layout, kind)).predict(test.frame.drop(columns="river"))
    of_clusters = [f"probability__{number}" for number in range(1, CLUSTERS + 1)]
    assert list(scored) == ["reconstruction_error", "cluster", *of_clusters]
    np.testing.assert_allclose(told[list(scored)], scored, rtol=1e-4, atol=1e-6)
    assert (scored[of_clusters].to_numpy().argmax(1) + 1 == scored["cluster"]).all()
    assert scored[of_clusters].sum(axis=1).to_numpy() == pytest.approx(1)
    assert signature_of(test.schema).outputs.input_names() == list(scored)


@pytest.mark.slow
def test_the_report_shows_the_clusters_by_the_reference(layout: Layout):
    page = (layout.results / "report.html").read_text()
    assert "The rows of each cluster by river, which no model learnt from" in page
    assert "reconstruction error" in page
    assert "adjusted Rand index" in (layout.results / "model_card.md").read_text()


def test_halves_of_the_training_rows_have_no_row_in_common_and_part_no_unit():
    rows = np.arange(10, 50)
    one, other = Split(1, 2, rows, np.arange(10)).halves(rows // 4)
    assert sorted([*one.training, *other.training]) == rows.tolist()
    assert not {*(one.training // 4)} & {*(other.training // 4)}
    assert (one.repeat, one.fold) == (1, 2)
    assert (one.validation == np.arange(10)).all()


def test_a_network_s_halves_learn_from_their_own_rows_and_their_own_random_numbers(table: tuple[Table, Split]):
    rows, split = table
    [trained] = fit(
        [Member.of_split(candidate(), split, 0)], rows, TABLE["adjusted_rand"], ENGINE, "halves", final=True
    )
    for number, (half, expected) in enumerate(
        zip(trained.halves, split.halves(rows.units(split.training)), strict=True)
    ):
        assert (half.member.training == expected.training).all()
        assert half.member.seed == trained.member.seed + number + 1
        assert (trained.predictions[:, HALVES][:, number] == half.predictions[:, CLUSTER]).all()
    weights = [one.weights["encoder.layers.0.weight"] for one in (trained, *trained.halves)]
    assert len({one.tobytes() for one in weights}) == 3


def test_the_centres_are_those_of_k_means_on_the_codes_of_the_training_rows(table: tuple[Table, Split]):
    import torch

    from src.networks import build_network

    rows, split = table
    member = Member.of_split(candidate(), split, 0)
    [trained] = fit([member], rows, TABLE["adjusted_rand"], ENGINE, "centres", final=True)
    network = build_network(member.candidate.network, trained.inputs, rows.schema.all_outputs).eval()
    network.load_state_dict({name: torch.from_numpy(value) for name, value in trained.weights.items()})
    with torch.no_grad():
        codes = [
            network.encode(torch.from_numpy(trained.vectorizer.transform(rows.frame.iloc[part]))).double().numpy()
            for part in (split.training, split.validation)
        ]
    model = KMeans(CLUSTERS, n_init=4, random_state=member.seed).fit(codes[0])
    assert adjusted_rand_score(model.predict(codes[1]), trained.predictions[:, CLUSTER]) == 1
    assert not fit([member], rows, TABLE["adjusted_rand"], ENGINE, "on the way")[0].weights["code.centres"].any()


@pytest.mark.parametrize("name", ["k_means", "gaussian_mixture", "one_cluster"])
def test_changing_a_held_out_row_changes_no_other_row_s_cluster(table: tuple[Table, Split], name: str):
    rows, split = table
    frame = rows.frame.copy()
    frame.loc[frame.index[split.validation[0]], list("abcd")] = [90.0, -90.0, 90.0, 0.0]
    models = common_sense(rows.schema) | {
        name: lambda table, split, seed, name=name: shallow(name, table, split, seed)
        for name in ("k_means", "gaussian_mixture")
    }
    one, other = (models[name](table, split, 0) for table in (rows, replace(rows, frame=frame)))
    assert one[1:].tobytes() == other[1:].tobytes()
    assert one[0, 0] != other[0, 0]


def test_members_under_a_mixture_equal_themselves_trained_alone_and_no_held_out_row_counts(table: tuple[Table, Split]):
    rows, split = table
    rows = replace(rows, schema=rows.schema.model_copy(update={"mixture": True}))
    changed = replace(rows, frame=rows.frame.copy())
    changed.frame.loc[changed.frame.index[split.validation[0]], list("abcd")] = 9.0
    network = AutoencoderConfiguration(units=[8], activation="relu", clusters=CLUSTERS, mixture=True)
    members = [Member.of_split(candidate(network=network, l2=l2), split, 0) for l2 in (0, 0.001)]
    measure = TABLE["agreement"]
    together = fit(members, rows, measure, ENGINE, "together", final=True)
    alone = [fit([member], rows, measure, ENGINE, "alone", final=True)[0] for member in members]
    [other] = fit(members[:1], changed, measure, ENGINE, "changed", final=True)
    for stacked, one in zip(together, alone, strict=True):
        for name, value in one.weights.items():
            np.testing.assert_allclose(stacked.weights[name], value, rtol=1e-3, atol=1e-4)
    assert all(other.weights[name].tobytes() == value.tobytes() for name, value in alone[0].weights.items())
    spread = np.exp(alone[0].weights["code.prior.log_spread"])
    assert (spread < 1).all()


@pytest.mark.slow
def test_a_network_under_a_mixture_goes_through_all_steps(tmp_path: Path):
    quick = {"protocol": "hold_out", "folds": "auto", "overfit": {"max_rungs": 1}, "search": {"budget": 1}}
    layout = defined(tmp_path, clusters={"number": CLUSTERS, "by": "mixture"}, **quick)
    for step in STEPS:
        step(layout)
    test = read_table(layout.test, read_schema(layout.train)).frame
    scored = load_model(folder_of(layout, "network")).predict(test)
    probabilities = scored.filter(like="probability__")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (scored["cluster"] == probabilities.to_numpy().argmax(1) + 1).all()
    page = (layout.results / "report.html").read_text()
    assert "whose codes come from a mixture of 3" in page


def test_changing_a_held_out_row_changes_no_weight_and_no_centre(table: tuple[Table, Split]):
    rows, split = table
    frame = rows.frame.copy()
    frame.loc[frame.index[split.validation[0]], list("abcd")] = [90.0, -90.0, 90.0, 0.0]
    member = Member.of_split(candidate(), split, 0)
    one, other = (
        fit([member], table, TABLE["adjusted_rand"], ENGINE, "leak", final=True)[0]
        for table in (rows, replace(rows, frame=frame))
    )
    for first, second in zip((one, *one.halves), (other, *other.halves), strict=True):
        assert all(first.weights[key].tobytes() == second.weights[key].tobytes() for key in first.weights)
    assert one.predictions[1:].tobytes() == other.predictions[1:].tobytes()
    assert one.predictions[0, 0] != other.predictions[0, 0]


def test_changing_the_reference_changes_the_score_and_nothing_else(table: tuple[Table, Split]):
    rows, split = table
    mixed = rows.frame.assign(river=np.random.default_rng(1).permutation(rows.frame["river"]))
    tables = rows, replace(rows, frame=mixed)
    member = Member.of_split(candidate(), split, 0)
    one, other = (fit([member], table, TABLE["adjusted_rand"], ENGINE, "leak", final=True)[0] for table in tables)
    assert all(one.weights[key].tobytes() == other.weights[key].tobytes() for key in one.weights)
    assert one.predictions.tobytes() == other.predictions.tobytes()
    for name in ("training", "validation", "validation_loss"):
        assert getattr(one.history, name).tobytes() == getattr(other.history, name).tobytes()
    known = [shallow("k_means", table, split, 0) for table in tables]
    assert known[0].tobytes() == known[1].tobytes()
    scores = [HeldOut([split], [known[0]]).value(table, TABLE["adjusted_rand"]) for table in tables]
    assert scores[0] > 0.5 > 0.2 > scores[1]
    agreed = [HeldOut([split], [known[0]]).value(table, TABLE["agreement"]) for table in tables]
    assert agreed[0] == agreed[1]


def test_the_shallow_model_is_chosen_by_agreement_whatever_the_reference_says(tmp_path: Path):
    names = []
    for number, keep in enumerate((True, False)):
        layout = defined(tmp_path / str(number))
        path = layout.local / "stones.csv"
        frame = pd.read_csv(path)
        if not keep:
            frame["river"] = np.random.default_rng(1).permutation(frame["river"])
        frame.to_csv(path, index=False)
        for step in STEPS[:5]:
            step(layout)
        names.append(Baseline.read(layout.result("baseline")).shallow.name)
    assert names[0] == names[1]


@pytest.mark.slow
def test_without_a_reference_the_measure_is_the_agreement(tmp_path: Path):
    layout = defined(tmp_path, reference=None, drop=["river"], protocol="hold_out", folds=None)
    finished(layout)
    assert Prepared.read(layout.result("prepare")).measure == "agreement"
    baseline = Baseline.read(layout.result("baseline"))
    assert baseline.common_sense.development.mean == 0
    assert baseline.shallow.development.mean > 0.5
    evaluated = Evaluate.read(layout.result("evaluate"))
    assert (evaluated.measure, evaluated.baseline, evaluated.extra) == ("agreement", 0, {})
    sealed = pd.read_parquet(layout.results / "predictions.parquet").query("split == 'test'").groupby("model")
    for name, score in (("network", evaluated.test), ("shallow", evaluated.shallow_test)):
        rows = sealed.get_group(name)
        assert score.value == pytest.approx(adjusted_rand_score(rows["half_1"], rows["half_2"]))
    assert "agreement of halves" in (layout.results / "report.html").read_text()


def test_clusters_are_stable_only_where_the_whole_interval_says_so(table: tuple[Table, Split]):
    rows, split = table
    rng, count = np.random.default_rng(0), len(split.validation)
    same = rng.integers(1, CLUSTERS + 1, count)

    def told(half: np.ndarray, cluster: np.ndarray = same) -> HeldOut:
        parts = [np.zeros(count), cluster, same, half, np.ones((count, CLUSTERS)) / CLUSTERS]
        return HeldOut([split], [np.column_stack(parts)])

    alike = clusters_are_stable(told(same), "network", rows)
    assert alike.holds
    assert "At least 3 of 3 clusters" in alike.evidence
    assert not clusters_are_stable(told(rng.permutation(same)), "network", rows).holds
    nearly = np.where(rng.random(count) < 0.05, 1, same)
    verdict = clusters_are_stable(told(nearly), "network", rows)
    assert not verdict.holds
    assert TABLE["agreement"].value(rows.truth_NT[split.validation], told(nearly).predictions[0], np.ones(count)) > 0.8
    trivial = HeldOut(
        [split], [np.column_stack([np.zeros(count), np.ones((count, 3)), np.eye(1, CLUSTERS).repeat(count, 0)])]
    )
    one = clusters_are_stable(trivial, "network", rows)
    assert not one.holds
    assert "At least 1 of 3 clusters" in one.evidence


@pytest.mark.parametrize("name", ["a", "same"])
def test_a_reference_that_names_no_groups_is_refused(tmp_path: Path, name: str):
    layout = defined(tmp_path, reference=name)
    path = layout.local / "stones.csv"
    pd.read_csv(path).assign(same="x").to_csv(path, index=False)
    for step in STEPS[:3]:
        step(layout)
    with pytest.raises(UserError, match=rf"reference: '{name}' has \d+ different values in \d+ training rows"):
        STEPS[3](layout)
    other = layout.problem_file.read_text()
    layout.problem_file.write_text(other + "measure: agreement\n")
    for step in (*STEPS[:1], STEPS[3]):
        step(layout)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clusters": None}, "clusters: this key is missing: type cluster needs the number of clusters"),
        ({"clusters": 1}, "clusters.number: should be greater than or equal to 2"),
        ({"type": "density"}, "clusters: type density has no clusters: remove this key"),
        ({"target": "a"}, "target: type cluster has no target"),
        ({"code": 2}, "code: type cluster has no code: remove this key"),
        ({"measure": "reconstruction_mse"}, "measure: reconstruction_mse does not suit type cluster"),
        ({"measure": "adjusted_rand", "reference": None}, "measure: adjusted_rand compares with a reference column"),
        ({"committee": 2}, "committee: clusters of different networks have nothing in common; choose 1"),
        ({"final": "fold_ensemble"}, "final: clusters of different networks have nothing in common; choose refit"),
    ],
)
def test_what_does_not_suit_is_refused(tmp_path: Path, changes: dict[str, Any], message: str):
    with pytest.raises(UserError, match=message):
        load_problem(defined(tmp_path, **changes))


def of_pictures(root: Path) -> Layout:
    layout = new_layout("bars", root)
    pixels_NHWC, labels = bars(90)
    (layout.local / "bars").mkdir()
    for number, (pixels_HWC, label) in enumerate(zip(pixels_NHWC, labels, strict=True)):
        (layout.local / "bars" / f"{label}_{number}.png").write_bytes(file_of(pixels_HWC))
    members = {"members": "(?P<way>[a-z]+)_\\d+[.]png", "content": "image"}
    problem = {
        "question": "What ways are there?",
        "data": {"source": "file", "path": "bars"} | members,
        "reference": "way",
    }
    layout.problem_file.write_text(yaml.safe_dump(SMALL | problem))
    return layout


@pytest.mark.slow
@pytest.mark.parametrize("make", [of_texts, of_series, of_pictures])
def test_texts_series_and_pictures_are_dealt_out_as_tables_are(tmp_path: Path, make: Callable[[Path], Layout]):
    layout = make(tmp_path)
    given = yaml.safe_load(layout.problem_file.read_text())
    del given["code"]
    layout.problem_file.write_text(yaml.safe_dump(given | {"type": "cluster", "clusters": 2}))
    for step in STEPS[:5]:
        step(layout)
    assert {one.name for one in Baseline.read(layout.result("baseline")).shallow_all} == {"k_means", "gaussian_mixture"}
    rows = read_table(layout.train, read_schema(layout.train))
    [split] = read_folds(layout.folds, len(rows))["development"]
    features = rows.schema.features
    for rung, network in enumerate(
        kind_of(features).ladders["rebuild"](features, OverfitLadder(max_rungs=3), Training())
    ):
        mixture = {"mixture": True} if rung == 2 else {}
        one = candidate(network=network.changed(clusters=2, **mixture), epochs=1, batch_size=32)
        [trained] = fit([Member.of_split(one, split, 0)], rows, TABLE["agreement"], ENGINE, "kinds", final=True)
        model = final_network([[trained]], HeldOut([split], [trained.predictions]), rows)
        model.save(tmp_path / network.architecture / str(len(network.units)))
        saved = load_model(tmp_path / network.architecture / str(len(network.units)))
        told = saved.row_predictions(rows.frame.iloc[split.validation])
        np.testing.assert_allclose(told[:, [0, 1, 4, 5]], trained.predictions[:, [0, 1, 4, 5]], rtol=1e-3, atol=1e-5)
        told_of = set(np.unique(trained.predictions[:, CLUSTER : HALVES.stop]))
        assert told_of == {1, 2} or (mixture and told_of <= {1, 2})  # a mixture may leave parts empty
