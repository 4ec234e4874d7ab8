"""Store fitted scikit-learn estimators in a file without pickle, by skops. The same estimators give the same bytes.

skops names arrays by their address in memory and dates the members of its archive; both are replaced here. Reading
constructs only the types in `TRUSTED`, so that a file cannot bring its own code.
"""

import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from src.models.types.registry import TYPES

_SCHEMA = "schema.json"
_DATE = (1980, 1, 1, 0, 0, 0)
# skops does not trust these types, as it cannot check that their nodes point inside the tree; `_check` does.
_TREES = ("sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor")
# Every type that occurs in the fitted shallow models of `src.kinds`.
TRUSTED = frozenset(
    {
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "numpy.float32",
        "numpy.float64",
        "numpy.int64",
        "numpy.ndarray",
        "numpy.random._generator.Generator",
        "numpy.uint64",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss._loss.CyHalfSquaredError",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn.dummy.DummyClassifier",
        "sklearn.ensemble._forest.ExtraTreesClassifier",
        "sklearn.ensemble._forest.ExtraTreesRegressor",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.linear_model._ridge.Ridge",
        "sklearn.linear_model._ridge.RidgeCV",
        "sklearn.linear_model._stochastic_gradient.SGDClassifier",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.tree._classes.ExtraTreeClassifier",
        "sklearn.tree._classes.ExtraTreeRegressor",
        *_TREES,
    }
)


def write_estimators(path: Path, estimators: list[Any]) -> None:
    """Write fitted estimators. Raises ValueError for a type that `read_estimators` would refuse."""
    import skops.io

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimators))) as archive:
        schema = json.loads(archive.read(_SCHEMA))
        _refuse_unknown(schema)
        names = _renamed(schema)
        members = {new: archive.read(old) for old, new in names.items()}
    members[_SCHEMA] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, _DATE), members[name], zipfile.ZIP_DEFLATED)


def read_estimators(path: Path) -> list[Any]:
    """The estimators of a file that `write_estimators` wrote.

    Raises ValueError if the file cannot be read, was written by another version of scikit-learn, or contains a type
    that is not in `TRUSTED`.
    """
    import skops.io
    from sklearn.exceptions import InconsistentVersionWarning
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_unknown(json.loads(archive.read(_SCHEMA)))
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            estimators = skops.io.load(path, trusted=[*_TREES, *_trusted_by_types()])
    except (zipfile.BadZipFile, KeyError, TypeError, EOFError, OSError, UntrustedTypesFoundException) as error:
        raise ValueError(str(error)) from None
    except InconsistentVersionWarning as error:
        raise ValueError(
            f"scikit-learn {error.original_sklearn_version} wrote it, and this is {error.current_sklearn_version}"
        ) from None
    if not isinstance(estimators, list):
        raise ValueError("it does not hold a list of estimators")
    for estimator in estimators:
        _check(estimator)
    return estimators


def _trusted_by_types() -> frozenset[str]:
    return frozenset[str]().union(*(problem_type.trusted for problem_type in TYPES.values()))


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object in a schema of skops, the outer ones first."""
    if isinstance(schema, dict):
        yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            yield from _nodes(each)


def _refuse_unknown(schema: Any) -> None:
    types = {f"{node.get('__module__')}.{node['__class__']}" for node in _nodes(schema) if "__class__" in node}
    if unknown := sorted(types - TRUSTED - _trusted_by_types()):
        raise ValueError(f"it contains types that no shallow model has: {', '.join(unknown)}")


def _renamed(schema: Any) -> dict[str, str]:
    """Number the arrays in place, in the order of the schema. Return the new names by the old ones."""
    names: dict[str, str] = {}
    for node in _nodes(schema):
        node.pop("__id__", None)  # only needed if the same object occurs twice
        if "file" in node and "__class__" in node:
            node["file"] = names.setdefault(node["file"], f"{len(names)}.npy")
    return names


def _check(estimator: Any) -> None:
    """Raise ValueError if a tree's nodes point outside it: scikit-learn would follow them anywhere in memory."""
    trees = [tree.tree_ for tree in getattr(estimator, "estimators_", [])]
    for tree in trees:
        _check_nodes(tree.children_left, tree.children_right, tree.feature, tree.children_left == -1, tree.n_features)
    for predictor in np.ravel(getattr(estimator, "_predictors", [])):
        nodes = predictor.nodes
        leaf_N = nodes["is_leaf"].astype(bool)
        _check_nodes(nodes["left"], nodes["right"], nodes["feature_idx"], leaf_N, estimator.n_features_in_)


def _check_nodes(left_N: Any, right_N: Any, feature_N: Any, leaf_N: Any, features: int) -> None:
    number_N = np.arange(len(leaf_N))
    inner_N = ~leaf_N
    children = [child_N[inner_N].astype(np.int64) for child_N in (left_N, right_N)]
    inside = all(((child_I > number_N[inner_N]) & (child_I < len(leaf_N))).all() for child_I in children)
    known = ((feature_N[inner_N] >= 0) & (feature_N[inner_N] < features)).all()
    if not (len(leaf_N) and inside and known):
        raise ValueError("a tree's nodes point outside it")
