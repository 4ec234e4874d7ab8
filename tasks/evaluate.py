"""Step 8, evaluate once: fresh folds, the comparison with the baselines, the refit, and the sealed test set.

The only step that reads the sealed test set, and it reads it last: nothing before depends on it.
Book: "Evaluate the final model on the test set, once".
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from src.baselines import common_sense, shallow
from src.evaluation import HeldOut, compare, estimate, half_widths, repeats_wanted, score_sealed_test
from src.files import Layout, atomic_file
from src.fold_ensemble import score_fold_ensemble
from src.inference import Interval, Model, ModelCard, Preprocessing, actual_columns, prediction_columns
from src.intervals import CONFIDENCE
from src.kinds.kind import kind_of
from src.measures import TABLE, Measure
from src.nested import NestedSearch, search_in_folds
from src.problem import MEASURES, Engine, EvaluateSettings, load_settings
from src.protocols import Folds, Split, read_folds
from src.results import (
    Baseline,
    Choice,
    CrossValidation,
    Evaluate,
    Nested,
    Overfit,
    Prepared,
    Regularize,
    SampleSize,
    Verdict,
)
from src.sample_sizes import Trial, learning_curve, trials
from src.search import candidates_of
from src.tables import Table, read_schema, read_table
from src.training.fit import fit
from src.training.members import Member, Trained


def evaluate(layout: Layout) -> Evaluate:
    """Write evaluate.json, predictions.parquet, fold_scores.csv, evaluate_curves.csv and the model."""
    settings = load_settings(layout, "evaluate", EvaluateSettings)
    engine = load_settings(layout, "engine", Engine)
    prepared = Prepared.read(layout.result("prepare"))
    references = Baseline.read(layout.result("baseline"))
    protocol = prepared.protocol
    candidate = Regularize.read(layout.result("regularize")).chosen
    table = read_table(layout.train, read_schema(layout.train))
    stored = read_folds(layout.folds)
    folds = stored["evaluation"].first(protocol.repeats)
    splits = list(folds)
    measure = TABLE[prepared.measure]
    seed = settings.seed

    everything = np.arange(len(table))
    whole = Split(0, 0, everything, everything[:0])
    starts = _starts(seed, settings.committee)
    smaller = trials(candidate, [s for s in splits if s.repeat == 0], table, starts[0])
    members = [Member.of_split(candidate, split, start) for split in [*splits, whole] for start in starts]
    shares = [member for trial in smaller for member in trial.members]
    results = fit([*members, *shares], table, measure, engine, "evaluate")
    *trained, final = _committees(results[: len(members)], settings.committee)
    points, more_data = _learning_curve(smaller, results[len(members) :], splits, trained, folds, table, measure, seed)

    def train_more(more: list[Split]) -> list[list[Trained]]:
        members = [Member.of_split(candidate, split, start) for split in more for start in starts]
        return _committees(fit(members, table, measure, engine, "evaluate, more repeats"), settings.committee)

    choices = []
    if protocol.most_repeats is not None:
        drawn = stored["evaluation"].first(protocol.most_repeats)
        folds, trained, choice = _repeat_until_stable(drawn, folds, trained, table, measure, train_more)
        splits, choices = list(folds), [choice]
    plain = _held_out(splits, trained)

    network, of_splits, nested = plain, [candidate] * len(splits), None
    if protocol.kind == "nested":
        climbed = Overfit.read(layout.result("overfit"))
        candidates = candidates_of(climbed.rungs, climbed.chosen, settings, table)
        nested = search_in_folds(candidates, splits, stored["development"], table, measure, engine, seed, starts)
        network, of_splits = nested.held_out, nested.chosen
    ensemble = None
    if settings.final == "fold_ensemble":
        ensemble = score_fold_ensemble(of_splits, splits, stored["development"], table, measure, engine, starts)
        refit, network = network, ensemble
    dummy_name, shallow_name = references.common_sense.name, references.shallow.name
    dummy = HeldOut(splits, [common_sense(table.schema)[dummy_name](table, split, seed) for split in splits])
    boosted = HeldOut(splits, [shallow(shallow_name, table, split, seed) for split in splits])
    verdicts = [
        compare("beats_common_sense", network, dummy, f"common sense ({dummy_name})", table, folds, measure, seed),
        compare(
            "beats_shallow_model", network, boosted, f"shallow model ({shallow_name})", table, folds, measure, seed
        ),
    ]
    found = estimate(network, table, measure)
    network_J, shallow_J = network.scores(table, measure), boosted.scores(table, measure)
    dummy_J = dummy.scores(table, measure)
    extra = _other_measures("cross_validation", measure, table, network)
    if settings.committee > 1:
        verdicts.append(_committee_helps(splits, trained, plain, table, measure))
    if ensemble is not None:
        verdicts.append(
            compare("fold_ensemble_beats_refit", ensemble, refit, "refit", table, folds, measure, seed, "fold ensemble")
        )
    verdicts += more_data

    fold_members = [committee for split, committee in zip(splits, trained, strict=True) if split.repeat == 0]
    widths = half_widths(network, table)
    model = _model([final] if ensemble is None else fold_members, widths, table)
    test = read_table(layout.test, table.schema)
    p_NK = model.row_predictions(test.frame)
    test_score = score_sealed_test(test, p_NK, measure)
    extra |= {
        f"test_{name}": TABLE[name].value(test.y_NT, p_NK, test.w_N)
        for name in MEASURES[table.schema.type]
        if name != measure.name
    }
    verdicts.append(_test_agrees(found.low, found.high, test_score.low, test_score.high, test_score.value))
    shallow_wins = measure.better(float(shallow_J.mean()), float(network_J.mean()))
    result = Evaluate(
        measure=measure.name,
        direction=measure.direction,
        baseline=float(dummy_J.mean()),
        shallow=boosted.value(table, measure),
        cross_validation=CrossValidation(
            mean=found.value,
            low=found.low,
            high=found.high,
            folds=protocol.folds,
            repeats=len(folds.fold_RN),
            scores=network_J.tolist(),
        ),
        nested=None if nested is None else _nested(nested, plain, table, measure),
        sample_sizes=points,
        final=settings.final,
        test=test_score,
        half_widths={} if widths is None else dict(zip(table.schema.targets, widths, strict=True)),
        chosen=candidate,
        choices=choices,
        extra=extra,
        recommended="common sense" if not verdicts[0].holds else "shallow model" if shallow_wins else "network",
        verdicts=verdicts,
    )
    _write_predictions(layout, table, network, test, p_NK)
    scores = {"network": network_J, "common_sense": dummy_J, "shallow": shallow_J}
    where = {"repeat": [s.repeat for s in splits], "fold": [s.fold for s in splits]}
    _write_csv(layout, "fold_scores.csv", pd.DataFrame(where | scores))
    _write_csv(layout, "evaluate_curves.csv", pd.concat([_curves(t) for t in trained]))
    model.save(layout.model)
    result.write(layout.result("evaluate"))
    return result


def _repeat_until_stable(
    drawn: Folds,
    folds: Folds,
    trained: list[list[Trained]],
    table: Table,
    measure: Measure,
    train: Callable[[list[Split]], list[list[Trained]]],
) -> tuple[Folds, list[list[Trained]], Choice]:
    """Take more of the repeats that were `drawn` until the estimate hardly depends on how the rows were shuffled.

    folds: those of which `trained` holds the committees. Returns both as they are in the end, and why.
    """
    while True:
        splits = list(folds)
        most = len(drawn.fold_RN)
        wanted, why = repeats_wanted(_held_out(splits, trained), table, measure, most)
        if wanted == len(folds.fold_RN):
            return folds, trained, Choice(setting="repeats", chosen=str(wanted), reason=why)
        folds = drawn.first(wanted)
        trained = trained + train(list(folds)[len(splits) :])


def _committees(results: list[Trained], size: int) -> list[list[Trained]]:
    return [results[i : i + size] for i in range(0, len(results), size)]


def _model(committees: list[list[Trained]], half_widths: list[float] | None, table: Table) -> Model:
    """The final model of one committee, or of those of several folds."""
    first, *others = [of[0] for of in committees]
    card = ModelCard(
        table=table.schema,
        vectorizer=first.vectorizer,
        target_scaler=first.target_scaler,
        network=first.member.candidate.network,
        inputs=first.inputs,
        interval=Interval(coverage=CONFIDENCE, half_widths=half_widths) if half_widths else None,
        further=[
            Preprocessing(vectorizer=of.vectorizer, target_scaler=of.target_scaler, inputs=of.inputs) for of in others
        ],
    )
    return Model(card, [t.weights for of in committees for t in of])


def _learning_curve(
    smaller: list[Trial],
    results: list[Trained],
    splits: list[Split],
    trained: list[list[Trained]],
    folds: Folds,
    table: Table,
    measure: Measure,
    seed: int,
) -> tuple[list[SampleSize], list[Verdict]]:
    """The curve over the number of training rows, on the first repeat; `results` are those of all members of `smaller`,
    in their order."""
    folds = folds.first(1)
    splits = splits[: len(list(folds))]
    one_by_one = iter(results)
    predicted = [(trial, [next(one_by_one).predictions for _ in trial.members]) for trial in smaller]
    tried = [(trial, HeldOut(trial.splits, predictions)) for trial, predictions in predicted]
    alone = HeldOut(splits, [committee[0].predictions for committee in trained[: len(splits)]])
    return learning_curve(tried, alone, folds, table, measure, seed)


def _held_out(splits: list[Split], trained: list[list[Trained]]) -> HeldOut:
    """What the committees of the splits say of the rows held out."""
    return HeldOut(splits, [np.mean([t.predictions for t in committee], axis=0) for committee in trained])


def _nested(nested: NestedSearch, plain: HeldOut, table: Table, measure: Measure) -> Nested:
    value = plain.value(table, measure)
    optimism = measure.gain(value, nested.held_out.value(table, measure))
    return Nested(chosen=nested.chosen, plain=value, optimism=optimism)


def _starts(seed: int, count: int) -> list[int]:
    """The seeds of a committee's networks."""
    return [int(state) for state in np.random.SeedSequence(seed).generate_state(count) >> 1]


def _committee_helps(
    splits: list[Split], trained: list[list[Trained]], network: HeldOut, table: Table, measure: Measure
) -> Verdict:
    alone = [HeldOut(splits, [committee[k].predictions for committee in trained]) for k in range(len(trained[0]))]
    single = float(np.mean([one.scores(table, measure).mean() for one in alone]))
    together = float(network.scores(table, measure).mean())
    return Verdict(
        name="committee_helps",
        holds=measure.better(together, single),
        evidence=f"{measure.title} on the evaluation folds: {len(alone)} networks averaged {together:.4g}, "
        f"one network {single:.4g} on average",
    )


def _test_agrees(cv_low: float, cv_high: float, low: float, high: float, value: float) -> Verdict:
    """The sealed test confirms the estimate when the two intervals meet."""
    return Verdict(
        name="test_agrees_with_cross_validation",
        holds=low <= cv_high and cv_low <= high,
        evidence=f"sealed test {value:.4g} (95% interval {low:.4g} to {high:.4g}); "
        f"cross-validated interval {cv_low:.4g} to {cv_high:.4g}",
    )


def _other_measures(prefix: str, measure: Measure, table: Table, network: HeldOut) -> dict[str, float]:
    names = [name for name in MEASURES[table.schema.type] if name != measure.name]
    return {f"{prefix}_{name}": network.value(table, TABLE[name]) for name in names}


def _write_predictions(layout: Layout, table: Table, network: HeldOut, test: Table, p_NK: np.ndarray) -> None:
    parts = []
    for split, p_VK in zip(network.splits, network.predictions, strict=True):
        parts.append(_rows(table, split.validation, p_VK, "out_of_fold", split.repeat, split.fold))
    parts.append(_rows(test, np.arange(len(test)), p_NK, "test", 0, 0))
    with atomic_file(layout.results / "predictions.parquet") as partial:
        pd.concat(parts, ignore_index=True).to_parquet(partial, index=False)


def _rows(table: Table, rows: np.ndarray, p_NK: np.ndarray, split: str, repeat: int, fold: int) -> pd.DataFrame:
    head = pd.DataFrame({"split": split, "repeat": repeat, "fold": fold, "row": table.rows_N[rows]})
    frame, features = table.frame.iloc[rows], table.schema.features
    shown = kind_of(features).shown
    if shown is not None:
        head["shown"] = shown(frame, features).array
    return pd.concat([head, actual_columns(frame, table.schema), prediction_columns(p_NK, table.schema)], axis=1)


def _curves(committee: list[Trained]) -> pd.DataFrame:
    """Curves of one fold, means over its networks."""
    member = committee[0].member
    head = {"repeat": member.repeat, "fold": member.fold, "epoch": np.arange(1, member.candidate.epochs + 1)}
    names = ("training", "validation", "training_loss", "validation_loss")
    return pd.DataFrame(head | {n: np.mean([getattr(t.history, n) for t in committee], axis=0) for n in names})


def _write_csv(layout: Layout, name: str, frame: pd.DataFrame) -> None:
    with atomic_file(layout.results / name) as partial:
        frame.to_csv(partial, index=False, float_format="%.8g")


if __name__ == "__main__":
    from tasks.cli import main

    main(evaluate)
