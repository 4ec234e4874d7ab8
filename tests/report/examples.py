"""Data sets as problems: one for each problem type, with real data and quick models."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn import datasets

from src.inputs.clusters import CLUSTER, HALVES
from src.models.clusters import KMeansClusters, OneCluster
from src.models.components import Components
from src.models.kneser_ney import KneserNey
from src.models.samples import FEATURES, SIDES
from src.models.types import registry

CODE = 4
TYPES = tuple(registry.TYPES)


@dataclass(frozen=True)
class Example:
    """One data set as a problem: `y` holds texts for single-label classification, numbers otherwise, (N, T).

    scored: without targets, the statistics of rows held out by a model of the rows learnt from; by its strength, 1 is
    the network, 0 common sense.
    """

    name: str
    type: str
    question: str
    features: list[str]
    targets: list[str]
    x: np.ndarray
    y: np.ndarray
    measure: str
    unit: str = ""
    positive: str | None = None
    scored: Callable[[np.ndarray, np.ndarray, float], np.ndarray] | None = None


def example(kind: str) -> Example:
    assert kind in EXAMPLES, f"tests/report/examples.py: add an example of type {kind} to EXAMPLES"
    return EXAMPLES[kind]()


def _cancer() -> Example:
    data = datasets.load_breast_cancer()
    y = data.target_names[data.target].astype(str)[:, None]
    names = [str(name) for name in data.feature_names]
    question = "Can we tell malignant from benign tumours by measurements of cell nuclei?"
    return Example("cancer", "binary", question, names, ["diagnosis"], data.data, y, "accuracy", positive="malignant")


def _wine() -> Example:
    data = datasets.load_wine()
    y = np.array(["Barolo", "Grignolino", "Barbera"])[data.target][:, None]
    question = "Which of three cultivars does a wine come from?"
    return Example("wine", "multiclass", question, list(data.feature_names), ["cultivar"], data.data, y, "accuracy")


def _cells() -> Example:
    x, y = datasets.make_multilabel_classification(300, 12, n_classes=5, random_state=0)
    labels = ["mitochondria", "nucleus", "membrane", "cytosol", "vacuole"]
    names = [f"expression {index}" for index in range(12)]
    question = "In which parts of a cell does a protein work?"
    return Example("cells", "multilabel", question, names, labels, x, y.astype(float), "mean_average_precision")


def _diabetes() -> Example:
    data = datasets.load_diabetes()
    y = np.column_stack([data.target, data.target**0.5 * 3 + data.data[:, 2] * 100])
    question = "How far will a patient's diabetes have progressed in a year?"
    targets = ["progression", "second opinion"]
    return Example("diabetes", "regression", question, list(data.feature_names), targets, data.data, y, "mae", "points")


def _share() -> Example:
    data = datasets.load_diabetes()
    y, names = (data.target[:, None] - 20) / 330, list(data.feature_names)
    question = "Which share of the worst progression does a patient reach?"
    return Example("share", "unit_interval_regression", question, names, ["share"], data.data, y, "mae")


def _codes() -> Example:
    data = datasets.load_breast_cancer()
    names = [str(name) for name in data.feature_names]
    question = "What is a cell nucleus like, in four numbers?"
    empty = data.data[:, :0]
    return Example("codes", "autoencode", question, names, [], data.data, empty, "reconstruction_mse", scored=_rebuilt)


def _rebuilt(a: np.ndarray, b: np.ndarray, strength: float) -> np.ndarray:
    scored = Components(CODE if strength else 0).fit(a).score_samples(b)
    scored[:, 0] *= 1 if strength == 1 else 1.5
    return scored


def _lines() -> Example:
    digits = datasets.load_digits().data[:400].astype(int) // 2 + 2
    question = "How predictable is a row of pixels, one after another?"
    empty = digits[:, :0]
    return Example("lines", "language_model", question, ["text"], [], digits, empty, "bits_per_character", scored=_read)


def _read(a: np.ndarray, b: np.ndarray, strength: float) -> np.ndarray:
    return KneserNey(3 if strength == 1 else 2 if strength else 1).fit(a).score_samples(b)


def _wines() -> Example:
    data = datasets.load_wine()
    question, names, empty = "How likely is a wine?", list(data.feature_names), data.data[:, :0]
    return Example("wines", "density", question, names, [], data.data, empty, "bits_per_dimension", scored=_bits)


def _bits(a: np.ndarray, b: np.ndarray, strength: float) -> np.ndarray:
    """Those of standardized numbers that are normal and recorded in tenths, and how many numbers there are."""
    bits_N = stats.norm.logpdf(b).sum(axis=1) / -np.log(2) + b.shape[1] * np.log2(10)
    factor = 1 if strength == 1 else 1.5 if strength else 1.9
    return np.column_stack([factor * bits_N, np.full(len(b), b.shape[1])])


def _draws() -> Example:
    data = datasets.load_wine()
    question, names, empty = "Can we draw wines?", list(data.feature_names), data.data[:, :0]
    return Example("draws", "generate", question, names, [], data.data, empty, "frechet_distance", scored=_beside)


def _beside(a: np.ndarray, b: np.ndarray, strength: float) -> np.ndarray:
    """Rows of numbers beside real ones, as a judge would see them: the farther off, the weaker the model."""
    real_NF = np.resize(b, (len(b), FEATURES))
    drawn_NF = np.resize(a[: len(b)], (len(b), FEATURES)) + (0 if strength == 1 else 1 if strength else 2)
    sides_N = np.ones((len(b), SIDES))
    return np.hstack([sides_N, real_NF, drawn_NF])


def _kinds() -> Example:
    data = datasets.load_iris()
    question, names, empty = "Into which kinds do irises fall?", list(data.feature_names), data.data[:, :0]
    return Example("irises", "cluster", question, names, [], data.data, empty, "agreement", scored=_clusters)


def _clusters(a: np.ndarray, b: np.ndarray, strength: float) -> np.ndarray:
    models = [(KMeansClusters if strength else OneCluster)(CODE, seed) for seed in range(3)]
    whole, *halves = [
        model.fit(part).score_samples(b) for model, part in zip(models, (a, a[::2], a[1::2]), strict=True)
    ]
    whole[:, HALVES] = np.column_stack([half[:, CLUSTER] for half in halves])
    if strength < 1:
        whole[::5, HALVES.start] = 1
    return whole


# One for each problem type.
EXAMPLES: dict[str, Callable[[], Example]] = {
    "binary": _cancer,
    "multiclass": _wine,
    "multilabel": _cells,
    "regression": _diabetes,
    "unit_interval_regression": _share,
    "autoencode": _codes,
    "language_model": _lines,
    "density": _wines,
    "generate": _draws,
    "cluster": _kinds,
}
