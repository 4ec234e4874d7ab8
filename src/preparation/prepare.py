"""From the raw typed table to training rows, a sealed test set and the folds.

Whatever is decided here from values (types of columns, classes, the automatic measure and protocol) is decided from
the training rows alone. Shapes: N rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.core.errors import UserError
from src.core.text import listing
from src.inputs.vectors import WordVectors
from src.kinds.registry import kind_of
from src.kinds.series.encoding import with_windows
from src.kinds.text.start import with_vectors
from src.kinds.tokens.encoding import with_sentences
from src.models.measures import TABLE
from src.models.types.classes import choose_positive, in_order
from src.models.types.problem_type import ProblemType, Target
from src.models.types.registry import TYPES
from src.preparation.sealing import equal_inputs, sealed_rows, units
from src.problem.steps import FurtherTarget, PrepareSettings, TableSettings
from src.results.data import FeatureSummary, Prepared
from src.results.verdicts import Choice
from src.tables.columns import feature_type, label_numbers, label_texts, time_numbers
from src.tables.protocols import Folds, Order, Split, choose_protocol, draw_folds
from src.tables.table import Feature, FurtherHead, Schema, rows_of
from src.tables.windows import first_moments

Index = NDArray[np.intp]

# Seeds of the draws, far enough apart that repeats of one never meet another, nor that of the sealed test set.
DEVELOPMENT_SEED, EVALUATION_SEED, LABELLED_SEED = 10_000, 20_000, 40_000
# Rows without a target that a network can learn anything from.
FEWEST_UNLABELLED = 100

# How a target column is kept, by what it holds.
_AS: dict[Target | None, Callable[[pd.Series], pd.Series]] = {
    "class": label_texts,
    "flag": label_numbers,
    "number": lambda values_N: values_N,
}


@dataclass(frozen=True)
class Preparation:
    """What `prepare` writes. `train` and `test` hold `__row__`, the features, targets and role columns; `vectors` those
    of the words of the training texts; `unlabelled` the features of training rows without a target."""

    train: pd.DataFrame
    test: pd.DataFrame
    schema: Schema
    development: Folds
    evaluation: Folds
    summary: Prepared
    duplicates_across: int
    vectors: WordVectors | None = None
    unlabelled: pd.DataFrame | None = None


def prepare_table(
    raw: pd.DataFrame, settings: PrepareSettings, vectors_file: Path | None = None, test_N: Index | None = None
) -> Preparation:
    """Seal the test set, decide column types, classes, measure and protocol from the training rows, and draw the folds.

    `raw` is the canonical typed table of `src.datasets.read_split`, test_N the positions of its sealed rows where they
    are known, vectors_file one of vectors of words. Raises UserError where a split is impossible.
    """
    types = dict.fromkeys(settings.targets, settings.type) | {name: head.type for name, head in settings.heads.items()}
    frame = raw.assign(**{name: _AS[TYPES[type_].target](raw[name]) for name, type_ in types.items()})
    units_N = units(frame, settings)
    if test_N is None:
        test_N = sealed_rows(raw, settings)
    train_N = np.setdiff1d(np.arange(len(frame)), test_N)
    if settings.pretrain != "none":
        test_N = test_N[frame[settings.targets].iloc[test_N].notna().all(axis=1)]
    train_N, unlabelled_N = _labelled(frame, settings, train_N, test_N)
    if not len(test_N) or not len(train_N):
        raise UserError(
            f"the split leaves {len(train_N)} training and {len(test_N)} test rows of {len(frame)}: change `test`"
        )

    schema, choices = _schema(frame.iloc[train_N], settings)
    vectors = None
    if vectors_file is not None:
        train = frame.iloc[train_N]
        vectors, features, more = with_vectors(train, schema.features, vectors_file, settings.text.train_vectors)
        schema, choices = schema.model_copy(update={"features": features}), choices + more
    frame = kind_of(schema.features).store(frame, schema.features)
    frame = frame.assign(__row__=np.arange(len(frame)))
    kept = dict.fromkeys(["__row__", *(f.name for f in schema.features), *schema.kept])
    frame = frame[[name for name in kept if name in frame]]  # what a series forecasts is not there yet
    unlabelled = None
    if settings.pretrain != "none":
        unlabelled = frame[["__row__", *(f.name for f in schema.features)]].iloc[unlabelled_N].reset_index(drop=True)
        choices.append(_pretrains(schema, len(unlabelled)))
    train = rows_of(frame.iloc[train_N], schema)
    if not (len(train) and len(rows_of(frame.iloc[test_N], schema))):
        raise UserError(
            f"series: no window of series.lookback and series.delay moments fits into the {len(train_N)} rows for "
            f"training or the {len(test_N)} of the sealed test; choose a shorter lookback or another `test`"
        )
    for number, asked in enumerate(schema.questions):
        if not asked.classes:
            continue
        [name] = asked.targets
        unseen = sorted(set(frame[name].iloc[test_N].dropna()) - set(asked.classes))
        if unseen:
            key = f"heads.{name}" if number else "target"
            raise UserError(f"{key}: the test rows hold classes that no training row has: {unseen}; change `test`")
    shares = _class_counts(train, schema)
    measure: str = settings.measure
    if measure == "auto":
        measure, reason = settings.problem_type.choose_measure({k: v / len(train) for k, v in shares.items()})
        if settings.references and settings.problem_type.referenced is not None:
            measure, reason = settings.problem_type.referenced
        choices.append(Choice(setting="measure", chosen=measure, reason=reason))
    if TABLE[measure].reads_reference:
        _check_reference(train, schema.references[0])
    if settings.problem_type.searched_by is not None:
        reason = "the network is the one whose codes rebuild rows best; no reference column has a say"
        choices.append(Choice(setting="measure of the search", chosen=settings.problem_type.searched_by, reason=reason))
    order = _order(settings)
    protocol, more = choose_protocol(settings, len(train), order)
    if order == "temporal":
        reason = "rows in time order can be cut in one way only, so the folds of the search score the choice too"
        choices.append(Choice(setting="evaluation folds", chosen="the development folds", reason=reason))
    strata_N = _strata(train, schema) if order in ("stratified", "grouped") else None
    train_time_N = None if settings.time is None else time_numbers(train[settings.time])
    since_N = None if schema.window is None else first_moments(train, schema.window)
    # Numbered anew, so that a test row equal to a training row does not change the order in which units are dealt.
    train_units_N = pd.factorize(units_N[train["__row__"]])[0]
    once = protocol.model_copy(update={"repeats": 1, "most_repeats": None})
    of_rows = (train_units_N, strata_N, train_time_N)
    development = draw_folds(once, *of_rows, settings.seed + DEVELOPMENT_SEED, since_N)
    evaluation = draw_folds(protocol, *of_rows, settings.seed + EVALUATION_SEED, since_N)
    _check_heads(train, schema, [*development, *evaluation])
    equal_rows_matter = settings.groups is None and settings.series is None
    _check_folds(development, protocol.folds)
    _check_folds(evaluation, protocol.folds)
    return Preparation(
        train=frame.iloc[train_N].reset_index(drop=True),
        test=frame.iloc[test_N].reset_index(drop=True),
        schema=schema,
        development=development,
        evaluation=evaluation,
        vectors=vectors,
        unlabelled=unlabelled,
        duplicates_across=int(np.isin(units_N[test_N], units_N[train_N]).sum()) if equal_rows_matter else 0,
        summary=Prepared(
            type=settings.type,
            rows=len(train),
            features=[FeatureSummary(name=f.name, type=f.read_as) for f in schema.features],
            targets=schema.targets,
            classes=shares,
            positive=schema.positive,
            measure=measure,
            direction=TABLE[measure].direction,
            protocol=protocol,
            fold_hashes={"development": development.sha256, "evaluation": evaluation.sha256},
            choices=choices + more,
        ),
    )


def _labelled(frame: pd.DataFrame, settings: PrepareSettings, train_N: Index, test_N: Index) -> tuple[Index, Index]:
    """The training rows to learn from with their targets, and those whose inputs alone may be learnt from.

    `settings.labelled` rows are drawn evenly from the order of the first target, so that every class keeps its share.
    Rows with the inputs of a row that is held out at some time count as neither.
    """
    target_N = frame[settings.targets].iloc[train_N]
    has_N = target_N.notna().all(axis=1).to_numpy()
    labelled_N, others_N = (train_N, train_N[:0]) if settings.pretrain == "none" else (train_N[has_N], train_N[~has_N])
    if settings.labelled is not None:
        if settings.labelled >= len(labelled_N):
            raise UserError(f"labelled: {settings.labelled:,} of {len(labelled_N):,} training rows; choose fewer")
        rng = np.random.default_rng(settings.seed + LABELLED_SEED)
        shuffled_N = rng.permutation(labelled_N)
        order = frame[settings.targets[0]].iloc[shuffled_N].argsort(kind="stable").to_numpy()
        places = ((np.arange(settings.labelled) + rng.random()) * len(order) / settings.labelled).astype(np.intp)
        drawn_N = np.sort(shuffled_N[order[places]])
        others_N, labelled_N = np.setdiff1d(train_N, drawn_N), drawn_N
    if not len(others_N):
        return labelled_N, others_N
    inputs_N = equal_inputs(frame, settings)
    held_out = np.isin(inputs_N[others_N], inputs_N[np.concatenate([labelled_N, test_N])])
    return labelled_N, others_N[~held_out]


def _pretrains(schema: Schema, rows: int) -> Choice:
    """What is said of the rows without a target. Raises UserError where networks can learn nothing from them."""
    if not kind_of(schema.features).pretrains:
        kinds = listing(sorted({feature.read_as for feature in schema.features}))
        raise UserError(f"pretrain: networks on columns of this kind are not pretrained yet: {kinds}; remove the key")
    if rows < FEWEST_UNLABELLED:
        raise UserError(
            f"pretrain: {rows} training rows have no target, and {FEWEST_UNLABELLED} are the fewest to learn from; add "
            "rows whose target is empty, set `labelled` to keep fewer targets, or remove the key"
        )
    reason = "their inputs alone are learnt from, before the targets of the others; none of them is held out or scored"
    return Choice(setting="rows without a target", chosen=f"{rows:,} rows", reason=reason)


def _schema(train: pd.DataFrame, settings: PrepareSettings) -> tuple[Schema, list[Choice]]:
    roles = {
        *settings.targets,
        *settings.heads,
        *settings.drop,
        *settings.references,
        *_role_columns(settings),
        settings.test.column,
        "__role__",
    }
    names = [name for name in train.columns if name not in roles]
    features = [Feature(name=n, type=feature_type(train[n], settings.columns.get(n))) for n in names]
    features = with_sentences(train, with_windows(train, features, settings), settings)
    if not features:
        raise UserError("no column is left to learn from: every one is a target, dropped or has another role")
    if settings.given is not None:
        features = _without_class(features, settings.given)
    kind = kind_of(features)
    if settings.problem_type.networks not in kind.ladders:
        kinds = listing(sorted({feature.read_as for feature in features}))
        raise UserError(f"type: {settings.type} does not take columns of this kind yet: {kinds}; drop them")
    features, choices = kind.encode(train, features, settings)
    if settings.given is not None and not kind.class_beside:
        _check_given(settings.given, features)
    window, heads, code = features[0].window, [], settings.code
    classes, positive, more = _classes(train, settings.targets, settings.problem_type, settings.positive, "positive")
    choices += more
    for name, further in settings.heads.items():
        head, more = _head(train, name, further)
        heads.append(head)
        choices += more
    return (
        Schema(
            type=settings.type,
            features=features,
            targets=settings.targets if window is None else window.outputs,
            classes=classes,
            positive=positive,
            groups=settings.groups,
            time=settings.time,
            weights=settings.weights,
            heads=heads,
            references=settings.references,
            given=settings.given,
            code=code.length if code is not None else 0,
            bits=code is not None and code.bits is not None,
            active=(code and code.active) or 0,
            clusters=settings.clusters.number if settings.clusters is not None else 0,
            mixture=settings.clusters is not None and settings.clusters.by == "mixture",
        ),
        choices,
    )


_CLASSES = "name a column of classes beside pictures or other columns of a table (see `columns`), or remove the key"


def _without_class(features: list[Feature], given: str) -> list[Feature]:
    """The features without the class that rows are drawn of, where it comes beside the inputs."""
    others = [feature for feature in features if feature.name != given]
    if not 0 < len(others) < len(features):
        raise UserError(
            f"given: {given!r} is {'all there is' if not others else 'no column to learn from'}; {_CLASSES}"
        )
    return others if kind_of(others).class_beside else features


def _check_given(name: str, features: Sequence[Feature]) -> None:
    """Raise UserError if this feature of a table holds no classes."""
    [feature] = [feature for feature in features if feature.name == name]
    if "categories" not in feature.encoding:
        raise UserError(f"given: {name!r} is {feature.type}; {_CLASSES}")


def _head(train: pd.DataFrame, name: str, settings: FurtherTarget) -> tuple[FurtherHead, list[Choice]]:
    """A further target by its training rows that have it, and what was chosen."""
    problem_type, shares = TYPES[settings.type], train[name].value_counts(normalize=True)
    if problem_type.single_label and len(shares) < 2:
        raise UserError(f"heads.{name}: the training rows have {len(shares)} of its classes; remove the head")
    classes, positive, choices = _classes(train, [name], problem_type, settings.positive, f"positive of {name}")
    measure, reason = problem_type.choose_measure({label: shares[label] for label in classes})
    choices.append(Choice(setting=f"measure of {name}", chosen=measure, reason=reason))
    return FurtherHead(
        name=name, type=settings.type, classes=classes, positive=positive, weight=settings.weight, measure=measure
    ), choices


def _check_heads(train: pd.DataFrame, schema: Schema, splits: Sequence[Split]) -> None:
    """Raise UserError where a fold has no row to learn or to score a further target by."""
    for head in schema.heads:
        known_N = train[head.name].notna().to_numpy()
        if not all(known_N[split.training].any() and known_N[split.validation].any() for split in splits):
            raise UserError(
                f"heads.{head.name}: {int(known_N.sum())} training rows have it, and some fold has none of them; "
                "remove the head, or choose fewer folds"
            )


def _classes(
    frame: pd.DataFrame, names: Sequence[str], problem_type: ProblemType, wanted: str | int | bool | None, setting: str
) -> tuple[list[str], str | None, list[Choice]]:
    """The classes of the target in the order of their codes, the positive one last, and why it was chosen.

    names: the target columns. wanted: what the problem says is the positive class, under the key `setting`.
    """
    if not problem_type.single_label:
        return [], None, []
    [name] = names
    counts = frame[name].value_counts()
    classes = in_order(counts.index)
    if not problem_type.has_positive:
        return classes, None, []
    if wanted is not None and str(wanted) not in classes:
        raise UserError(f"{setting}: {str(wanted)!r} is not a class of {name!r}; classes: {classes}")
    positive, reason = (str(wanted), "") if wanted is not None else choose_positive(counts.to_dict())
    choices = [Choice(setting=setting, chosen=positive, reason=reason)] if reason else []
    return [*(label for label in classes if label != positive), positive], positive, choices


def _check_reference(train: pd.DataFrame, name: str) -> None:
    """Raise UserError where a reference names no groups to compare with."""
    values = train[name].dropna()
    if not 2 <= values.nunique() <= len(values) / 2:
        raise UserError(
            f"reference: {name!r} has {values.nunique():,} different values in {len(values):,} training rows, which "
            "are no groups to compare clusters with; name another column first, or choose measure: agreement"
        )


def _role_columns(settings: TableSettings) -> list[str]:
    return [name for name in (settings.groups, settings.time, settings.weights) if name is not None]


def _class_counts(train: pd.DataFrame, schema: Schema) -> dict[str, int]:
    if schema.classes:
        counts = train[schema.targets[0]].value_counts()
        return {c: int(counts[c]) for c in schema.classes}
    if schema.problem_type.target == "flag":
        return {name: int(train[name].sum()) for name in schema.targets}
    return {}


def _order(settings: PrepareSettings) -> Order:
    if settings.time is not None:
        return "temporal"
    if settings.groups is not None:
        return "grouped"
    return "stratified" if settings.problem_type.single_label else "shuffled"


def _strata(train: pd.DataFrame, schema: Schema) -> Index | None:
    if not schema.classes:
        return None
    return pd.Index(schema.classes, dtype="str").get_indexer(train[schema.targets[0]])


def _check_folds(folds: Folds, wanted: int) -> None:
    drawn = [split for split in folds if len(split.training) and len(split.validation)]
    if len(drawn) < wanted * len(folds.fold_RN):
        raise UserError(
            f"folds: too few different rows, groups or moments in time to give each of {wanted} folds some; "
            "choose fewer folds or protocol: hold_out"
        )
