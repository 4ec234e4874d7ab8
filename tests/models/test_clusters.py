"""Measures of clusters are scikit-learn's but for a single cluster; shallow models against scikit-learn and SciPy.

Shapes: N rows, C clusters.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats
from sklearn import metrics
from sklearn.cluster import KMeans

from src.inputs.clusters import CLUSTER, ERROR, HALVES, PROBABILITIES
from src.models.clusters import LEAST, MOST_NUMBERS, KMeansClusters, MixtureClusters, OneCluster, k_means
from src.models.measures import TABLE
from src.networks.codes import Code

AGREEMENT, ADJUSTED_RAND = TABLE["agreement"], TABLE["adjusted_rand"]
HALVED = (slice(0, 300), slice(300, 600))
MODELS = (OneCluster, KMeansClusters, MixtureClusters)


def answers(cluster_N: np.ndarray, half_N2: np.ndarray | None = None) -> np.ndarray:
    """What a model says of rows that lie in these clusters, from 0; and by halves."""
    half_N2 = np.zeros((len(cluster_N), 2)) if half_N2 is None else half_N2 + 1
    return np.column_stack([np.zeros(len(cluster_N)), cluster_N + 1, half_N2, np.eye(9)[cluster_N]])


def groups(rows: int = 120, columns: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group_N = rng.permutation(np.repeat(range(3), [rows // 2, rows // 3, rows - rows // 2 - rows // 3]))
    centres = rng.normal(size=(3, columns)) * 4
    return centres[group_N] + rng.normal(size=(rows, columns)) * [[0.5], [1.0], [0.7]][0], group_N


@given(rows=st.integers(2, 60), one=st.integers(2, 6), other=st.integers(2, 6), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_both_measures_are_scikit_learn_s_adjusted_rand_index(rows, one, other, seed):
    rng = np.random.default_rng(seed)
    y_N, cluster_N = rng.integers(0, one, rows), rng.integers(0, other, rows)
    y_N[:2], cluster_N[:2] = [0, 1], [1, 0]
    expected, w_N = metrics.adjusted_rand_score(y_N, cluster_N), np.ones(rows)
    if len(set(y_N)) == len(set(cluster_N)) == rows:
        expected = 0.0  # every row by itself, twice: nothing is kept together
    value = ADJUSTED_RAND.value(y_N[:, None].astype(float), answers(cluster_N), w_N)
    assert value == pytest.approx(expected, abs=1e-12)
    by_halves = answers(cluster_N, np.column_stack([y_N, cluster_N]))
    assert AGREEMENT.value(np.empty((rows, 0)), by_halves, w_N) == pytest.approx(expected, abs=1e-12)
    assert ADJUSTED_RAND.lowest <= value <= 1


def test_a_single_cluster_wins_nothing_where_scikit_learn_gives_it_everything():
    same_N, varied_N, w_N = np.zeros(30, int), np.arange(30) % 3, np.ones(30)
    assert metrics.adjusted_rand_score(same_N, same_N) == 1
    assert AGREEMENT.value(np.empty((30, 0)), answers(same_N, np.column_stack([same_N, same_N])), w_N) == 0
    assert AGREEMENT.value(np.empty((30, 0)), answers(same_N, np.column_stack([same_N, varied_N])), w_N) == 0
    assert ADJUSTED_RAND.value(varied_N[:, None].astype(float), answers(same_N), w_N) == 0
    assert ADJUSTED_RAND.value(same_N[:, None].astype(float), answers(same_N), w_N) == 0
    assert ADJUSTED_RAND.value(varied_N[:, None].astype(float), answers((varied_N + 1) % 3), w_N) == 1


def test_a_pair_weighs_as_much_as_its_rows_together():
    rng = np.random.default_rng(3)
    y_N, cluster_N, w_N = rng.integers(0, 3, 25), rng.integers(0, 4, 25), rng.uniform(0.2, 3, 25)
    together = [np.equal.outer(label_N, label_N)[np.triu_indices(25, 1)] for label_N in (y_N, cluster_N)]
    pair = np.outer(w_N, w_N)[np.triu_indices(25, 1)]
    both, one, other = ((pair * kept).sum() / pair.sum() for kept in (together[0] & together[1], *together))
    expected = (both - one * other) / ((one + other) / 2 - one * other)
    assert ADJUSTED_RAND.value(y_N[:, None].astype(float), answers(cluster_N), w_N) == pytest.approx(expected)


def test_rows_without_a_group_do_not_count_and_answers_that_are_missing_give_no_value():
    rng = np.random.default_rng(4)
    y_N, cluster_N, w_N = rng.integers(0, 3, 40).astype(float), rng.integers(0, 3, 40), rng.uniform(1, 2, 40)
    y_N[::4] = -1
    kept = y_N >= 0
    value = ADJUSTED_RAND.value(y_N[:, None], answers(cluster_N), w_N)
    assert value == ADJUSTED_RAND.value(y_N[kept][:, None], answers(cluster_N[kept]), w_N[kept])
    assert np.isnan(AGREEMENT.value(np.empty((40, 0)), answers(cluster_N), w_N))
    assert np.isnan(ADJUSTED_RAND.value(y_N[:, None], np.full((40, 7), np.nan), w_N))


def test_each_fold_is_measured_by_itself_because_clusters_have_no_common_names():
    group_N = np.arange(20) % 2
    fold = ADJUSTED_RAND.statistics(group_N[:, None].astype(float), answers(group_N)[None])[0]
    swapped = ADJUSTED_RAND.statistics(group_N[:, None].astype(float), answers(1 - group_N)[None])[0]
    assert ADJUSTED_RAND.joined([(fold, np.ones(20)), (swapped, np.ones(20))]) == 1


def test_k_means_is_that_of_scikit_learn_and_its_largest_cluster_comes_first():
    x_ND, group_N = groups()
    w_N = np.linspace(1, 2, len(x_ND))
    scored = KMeansClusters(3).fit(x_ND, sample_weight=w_N).score_samples(x_ND)
    theirs = KMeans(3, n_init=4, random_state=0).fit(x_ND, sample_weight=w_N)
    assert metrics.adjusted_rand_score(theirs.labels_, scored[:, CLUSTER]) == 1
    assert (scored[:, ERROR] * w_N).sum() * x_ND.shape[1] == pytest.approx(theirs.inertia_)
    sizes = np.bincount(scored[:, CLUSTER].astype(int), w_N)[1:]
    assert (np.diff(sizes) <= 0).all()
    assert (scored[:, HALVES] == 0).all()
    assert metrics.adjusted_rand_score(group_N, scored[:, CLUSTER]) > 0.9


def test_probabilities_of_k_means_are_those_of_equal_spheres():
    x_ND, _ = groups(columns=2)
    model = KMeansClusters(3).fit(x_ND)
    spheres = [stats.multivariate_normal(centre, model.variance_ * np.eye(2)).pdf(x_ND) for centre in model.centres_]
    scored = model.score_samples(x_ND)
    np.testing.assert_allclose(scored[:, PROBABILITIES], np.transpose(spheres) / np.sum(spheres, axis=0)[:, None])
    assert (scored[:, PROBABILITIES].argmax(1) + 1 == scored[:, CLUSTER]).all()


def test_probabilities_of_the_mixture_are_those_of_its_normal_distributions():
    x_ND, group_N = groups(columns=3, seed=1)
    model = MixtureClusters(3).fit(x_ND)
    covariances = model.lower_ @ model.lower_.transpose(0, 2, 1)
    parts = zip(model.log_shares_, model.centres_, covariances, strict=True)
    joint_CN = [np.exp(log) * stats.multivariate_normal(centre, cov).pdf(x_ND) for log, centre, cov in parts]
    scored = model.score_samples(x_ND)
    np.testing.assert_allclose(
        scored[:, PROBABILITIES], np.transpose(joint_CN) / np.sum(joint_CN, axis=0)[:, None], atol=1e-9
    )
    assert metrics.adjusted_rand_score(group_N, scored[:, CLUSTER]) > 0.9


def test_the_mixture_s_maximum_is_the_weighted_mean_and_the_covariance_drawn_towards_the_common_one():
    x_ND, group_N = groups(columns=2)
    w_N, model = np.linspace(1, 2, len(x_ND)), MixtureClusters(3)
    model._maximize(x_ND, np.eye(3)[group_N] * w_N[:, None])
    within = [np.cov(x_ND[group_N == c].T, aweights=w_N[group_N == c], ddof=0) for c in range(3)]
    whole = [w_N[group_N == c].sum() for c in range(3)]
    common = sum(part * weight for part, weight in zip(within, whole, strict=True)) / w_N.sum()
    for c in range(3):
        expected = (within[c] * whole[c] + 4 * common) / (whole[c] + 4) + LEAST * np.eye(2)
        np.testing.assert_allclose(model.lower_[c] @ model.lower_[c].T, expected)
        np.testing.assert_allclose(model.centres_[c], np.average(x_ND[group_N == c], axis=0, weights=w_N[group_N == c]))


@pytest.mark.parametrize("model", MODELS)
def test_wide_and_sparse_rows_are_clustered_by_their_components_and_the_rest_is_error(model):
    rng = np.random.default_rng(0)
    x_ND = np.where(rng.random((80, MOST_NUMBERS + 20)) < 0.2, rng.normal(size=(80, MOST_NUMBERS + 20)), 0)
    dense, thin = (model(2).fit(rows).score_samples(rows) for rows in (x_ND, sparse.csr_array(x_ND)))
    np.testing.assert_allclose(dense[:, ERROR], thin[:, ERROR], rtol=1e-6)
    if model is OneCluster:
        np.testing.assert_allclose(dense[:, ERROR], np.square(x_ND - x_ND.mean(0)).mean(1))


def test_one_cluster_gives_back_the_mean():
    x_ND, _ = groups()
    scored = OneCluster(3).fit(x_ND).score_samples(x_ND)
    np.testing.assert_allclose(scored[:, ERROR], np.square(x_ND - x_ND.mean(0)).mean(1))
    assert (scored[:, CLUSTER] == 1).all()
    assert (scored[:, PROBABILITIES] == [1, 0, 0]).all()


@pytest.mark.parametrize("model", MODELS)
def test_rows_that_are_all_alike_or_fewer_than_the_clusters_have_finite_answers(model):
    for x_ND in (np.zeros((9, 2)), np.array([[0.0, 1], [2, 3]] * 3)):
        scored = model(4).fit(x_ND).score_samples(x_ND)
        assert np.isfinite(scored).all()
        np.testing.assert_allclose(scored[:, PROBABILITIES].sum(1), 1)


def test_a_network_s_answers_from_its_centres_are_those_of_k_means_on_its_codes():
    import torch

    code_NC, _ = groups(columns=6)
    centres, variance = k_means(code_NC, np.ones(len(code_NC)), 3, 0)
    code = Code(clusters=3).eval()
    code.load_state_dict({"centres": torch.from_numpy(centres), "variance": torch.tensor(variance)})
    code.double()
    answers_NK = torch.from_numpy(np.column_stack([np.full(len(code_NC), 0.5), code_NC]))
    told = code.charged(answers_NK, numbers=6).numpy()
    expected = KMeansClusters(3).fit(code_NC).score_samples(code_NC)
    np.testing.assert_allclose(told[:, CLUSTER:], expected[:, CLUSTER:], atol=1e-5)
    assert (told[:, ERROR] == 0.5).all()


def test_halves_of_rows_without_any_groups_agree_too_so_that_agreement_proves_no_groups():
    """`docs/cluster.md` and the verdict say so."""
    x_N1 = np.random.default_rng(0).random((900, 1))
    halves = [KMeansClusters(2, seed).fit(x_N1[part]).score_samples(x_N1[600:]) for seed, part in enumerate(HALVED)]
    half_N2 = np.column_stack([half[:, CLUSTER] for half in halves]) - 1
    assert AGREEMENT.value(np.empty((300, 0)), answers(np.zeros(300, int), half_N2), np.ones(300)) > 0.8
