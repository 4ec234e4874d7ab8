"""Step 8, evaluate: fresh folds, the comparison with the baselines, the refit, and the sealed test set.

Only this step reads the sealed test set, and it does so last: nothing before depends on it. Book: "Evaluate the final
model on the test set, once". A pipeline cannot prevent further runs with other settings, so it counts them: see
`src.results.openings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from src.core.files import Layout, atomic_file
from src.core.hashes import folder_sha256
from src.inputs.clusters import HALVES
from src.judging.baselines import common_sense, shallow
from src.judging.code_use import code_is_used
from src.judging.committee import Committee, committee_helps, committees_of, held_out, members_of, starts_of
from src.judging.draws import generating_verdicts
from src.judging.evaluation import (
    compare,
    estimate,
    recommended,
    repeats_wanted,
    score_sealed_test,
    times_as_wide,
)
from src.judging.further_targets import score_heads
from src.judging.half_samples import PAIRS, half_sample_variance, half_samples
from src.judging.held_out import HeldOut
from src.judging.printer import printer_of, worded
from src.judging.sample_sizes import Trial, learning_curve, trials
from src.judging.stability import clusters_are_stable
from src.kinds.text.language import passages
from src.models.measures import TABLE
from src.models.measures.measure import Measure
from src.models.types.problem_type import ProblemType
from src.problem.load import load_settings
from src.problem.steps import EvaluateSettings
from src.problem.training import Engine
from src.results.baseline import Baseline
from src.results.data import Prepared
from src.results.evaluate import (
    CrossValidation,
    Drawn,
    Evaluate,
    Nested,
    SampleSize,
    Saved,
    SealedTest,
    Writings,
    saved_model,
)
from src.results.networks import Candidate, Overfit, Regularize
from src.results.openings import Ledger, identity, rows_sha256
from src.results.verdicts import AGAINST_SHALLOW, GATE, SEALED_TEST_VERDICT, SHALLOW_GATE, Choice, Verdict
from src.results.wording import MODELS, scored
from src.saved.code_views import code_views
from src.saved.drawings import drawings
from src.saved.final import final_network, final_shallow
from src.saved.halved import by_halves
from src.saved.inference import Model
from src.saved.judged import sealed_statistics
from src.saved.latent import latent_verdicts
from src.saved.network_model import NetworkModel
from src.saved.predicted_rows import predicted_rows, rebuilt_rows
from src.saved.recitation import writings
from src.search.candidates import candidates_of
from src.search.fold_ensemble import score_fold_ensemble
from src.search.nested import NestedSearch, search_in_folds
from src.tables.protocols import Folds, Split, read_folds
from src.tables.table import Table, read_schema, read_table
from src.training.fit import fit
from src.training.members import Trained
from src.training.pretraining import with_initial_weights


@dataclass(frozen=True)
class _Given:
    """What earlier steps left, without the sealed test set."""

    settings: EvaluateSettings
    engine: Engine
    prepared: Prepared
    rivals: Baseline
    climbed: Overfit
    candidate: Candidate
    table: Table
    measure: Measure
    evaluation: Folds
    development: Folds

    @property
    def starts(self) -> list[int]:
        return starts_of(self.settings.seed, self.settings.committee)


@dataclass(frozen=True)
class _Learnt:
    """The trainings of the chosen configuration: on the evaluation folds, on fewer rows, and on all training rows.

    variance: that of the cross-validated estimate, from half samples where they were trained.
    """

    problem_type: ProblemType
    folds: Folds
    committees: list[Committee]
    final: Committee
    sample_sizes: list[SampleSize]
    more_data: list[Verdict]
    variance: float | None
    choices: list[Choice]

    @property
    def splits(self) -> list[Split]:
        return list(self.folds)

    @property
    def held_out(self) -> HeldOut:
        return held_out(self.splits, self.committees, self.problem_type)


@dataclass(frozen=True)
class _Judged:
    """The models that are compared on the evaluation folds (the network made as `final` says), and the verdicts."""

    network: HeldOut
    dummy: HeldOut
    shallow: HeldOut
    nested: Nested | None
    verdicts: list[Verdict]


def evaluate(layout: Layout) -> Evaluate:
    """Write evaluate.json, predictions.parquet, the tables of folds and curves, and both models."""
    ledger = Ledger.of(layout)
    ledger.read()  # report a damaged one before training anything
    given = _read(layout)
    learnt = _train(given)
    judged = _judge(given, learnt)
    table, measure, protocol = given.table, given.measure, given.prepared.protocol
    network, estimated = judged.network, estimate(judged.network, table, measure, learnt.variance)
    shallow_estimate, by_rows = (estimate(model, table, measure) for model in (judged.shallow, network))

    shallow_final = final_shallow(given.rivals.shallow.name, judged.shallow, table, given.settings.seed)
    models: dict[Saved, Model] = {
        "network": final_network(_final_committees(given, learnt), network, table),
        "shallow": shallow_final,
    }
    sealed, evaluation = rows_sha256(layout.test, table.schema.targets), _identity(layout, given)
    ledger.open(sealed, evaluation)
    test = read_table(layout.test, table.schema)
    held_out_by: dict[Saved, HeldOut] = {"network": network, "shallow": judged.shallow}
    p_test = {
        name: sealed_statistics(model, table, test, held_out_by[name], given.settings.seed)
        if table.schema.problem_type.generates
        else model.row_predictions(test.frame)
        for name, model in models.items()
    }
    if table.schema.problem_type.has_clusters:
        halved = by_halves(learnt.final, given.rivals.shallow.name, network, table, test, given.settings.seed)
        p_test = {name: _filled(p_NK, halved[name]) for name, p_NK in p_test.items()}
    p_NK = table.schema.split(p_test["network"])[0]
    of_heads = [np.mean([t.further for t in committee], axis=0) for committee in learnt.committees]
    heads, beats = score_heads(
        table, test, of_heads, p_test["network"], learnt.folds, given.development, given.settings.seed
    )
    score = score_sealed_test(test, p_NK, measure)
    sealed_test = SealedTest(**score.model_dump(), opening=ledger.scored(sealed, evaluation, score.value))

    network_J = network.scores(table, measure)
    others = [
        name for name in table.schema.problem_type.measures if name != measure.name and _can_be(TABLE[name], table)
    ]
    advice = recommended({verdict.name: verdict.holds for verdict in judged.verdicts})
    name = saved_model(advice, bool(heads))
    rebuilt = rebuilt_rows(models, test, p_test, p_test[name]) if table.schema.problem_type.has_code else {}
    drawn, latent = _drawn(models, name, table, test, given.settings.seed)
    saved = models.pop(name)
    [alternative] = models.values()
    views = (
        code_views(saved, table, learnt.splits[0], test, p_test[name]) if table.schema.problem_type.has_code else None
    )
    p_saved = table.schema.split(p_test[name])[0]
    written, recites = _writings(saved, MODELS[name], table, test, given.settings.seed)
    stable = []
    if table.schema.problem_type.has_clusters:
        stable = [clusters_are_stable(held_out_by[name], MODELS[name], table)]
    result = worded(
        Evaluate(
            measure=measure.name,
            direction=measure.direction,
            baseline=judged.dummy.value(table, measure),
            shallow=shallow_estimate.value,
            shallow_estimate=shallow_estimate,
            cross_validation=CrossValidation(
                mean=estimated.value,
                low=estimated.low,
                high=estimated.high,
                folds=protocol.folds,
                repeats=len(learnt.folds.fold_RN),
                half_samples=0 if learnt.variance is None else 2 * PAIRS,
                widened=times_as_wide(estimated, by_rows),
                scores=network_J.tolist(),
            ),
            nested=judged.nested,
            sample_sizes=learnt.sample_sizes,
            code=views,
            final=given.settings.final,
            test=sealed_test,
            shallow_test=score_sealed_test(test, p_test["shallow"], measure),
            shallow_model=shallow_final.card.model,
            heads=heads,
            half_widths=_half_widths(saved),
            chosen=given.candidate,
            choices=learnt.choices,
            extra={f"cross_validation_{other}": held_out_by[name].value(table, TABLE[other]) for other in others}
            | {f"test_{other}": TABLE[other].value(test.truth_NT, p_saved, test.w_N) for other in others},
            writings=written,
            drawn=drawn,
            recommended=advice,
            verdicts=[*judged.verdicts, *beats, *learnt.more_data, *recites, *latent, *stable],
        )
    )
    result = result.model_copy(update={"verdicts": [*result.verdicts, _test_agrees(result)]})
    with atomic_file(layout.results / "predictions.parquet") as partial:
        predicted_rows(table, test, held_out_by, of_heads, p_test, rebuilt).to_parquet(partial, index=False)
    compared = {"network": network, "common_sense": judged.dummy, "shallow": judged.shallow}
    scores = {name: held_out.scores(table, measure) for name, held_out in compared.items()}
    where = {"repeat": [s.repeat for s in learnt.splits], "fold": [s.fold for s in learnt.splits]}
    _write_csv(layout, "fold_scores.csv", pd.DataFrame(where | scores))
    _write_csv(layout, "evaluate_curves.csv", pd.concat([_curves(committee) for committee in learnt.committees]))
    saved.save(layout.model)
    alternative.save(layout.alternative)
    result.write(layout.result("evaluate"))
    return result


def _writings(model: Model, called: str, table: Table, test: Table, seed: int) -> tuple[Writings | None, list[Verdict]]:
    """Texts that a model writes if it reads on, and whether it recites its training texts."""
    if not table.schema.problem_type.reads_on:
        return None, []
    [feature] = table.schema.features
    training, held_out = (passages(rows.frame, feature) for rows in (table, test))
    written, verdict = writings(model, called, training, held_out, seed)
    return written, [verdict]


def _filled(p_NK: np.ndarray, half_N2: np.ndarray) -> np.ndarray:
    """The answers of a model with the clusters by models that learnt from halves."""
    filled = p_NK.copy()
    filled[:, HALVES] = half_N2
    return filled


def _can_be(measure: Measure, table: Table) -> bool:
    """Whether the problem has what a measure reads."""
    return bool(table.schema.references) or not measure.reads_reference


def _drawn(
    models: Mapping[Saved, Model], saved: Saved, table: Table, test: Table, seed: int
) -> tuple[Drawn | None, list[Verdict]]:
    """Rows that the saved model draws, and what the network makes of its random numbers; nothing of other types."""
    network = models["network"]
    if not table.schema.problem_type.draws or not isinstance(network, NetworkModel):
        return None, []
    latent = [] if table.schema.problem_type.generates else latent_verdicts(network, test.frame)
    return drawings(models[saved], network, table, test, seed), latent


def _read(layout: Layout) -> _Given:
    prepared = Prepared.read(layout.result("prepare"))
    settings, engine = load_settings(layout, "evaluate", EvaluateSettings), load_settings(layout, "engine", Engine)
    candidate = Regularize.read(layout.result("regularize")).chosen
    table = read_table(layout.train, read_schema(layout.train))
    folds = read_folds(layout.folds, len(table))
    return _Given(
        settings=settings,
        engine=engine,
        prepared=prepared,
        rivals=Baseline.read(layout.result("baseline")),
        climbed=Overfit.read(layout.result("overfit")),
        candidate=candidate,
        table=with_initial_weights(table, [candidate], engine, settings.seed),
        measure=TABLE[prepared.measure],
        evaluation=folds["evaluation"],
        development=folds["development"],
    )


def _identity(layout: Layout, given: _Given) -> str:
    """A digest of what determines the model and its score, except the code."""
    rivals = given.rivals.common_sense.name, given.rivals.shallow.name
    return identity(
        folder_sha256(layout.train),
        given.prepared.model_dump(mode="json", include={"measure", "protocol", "fold_hashes"}),
        given.settings.model_dump(mode="json"),
        given.candidate.model_dump(mode="json"),
        rivals,
    )


def _train(given: _Given) -> _Learnt:
    """Train the chosen configuration for every estimate in one go, then on further repeats where they are needed."""
    table, measure, protocol, starts = given.table, given.measure, given.prepared.protocol, given.starts
    folds = given.evaluation.first(protocol.repeats)
    splits = list(folds)
    everything = np.arange(len(table))
    whole = Split(0, 0, everything, everything[:0])
    smaller = trials(given.candidate, [s for s in splits if s.repeat == 0], table, starts[0])
    # The distances of drawn rows depend on how many rows are judged, so those of halves say nothing about all.
    halved = protocol.method == "iterated_k_fold" and not table.schema.problem_type.generates
    halves = half_samples(protocol.folds, table, given.settings.seed) if halved else []
    members = [
        members_of(given.candidate, [*splits, whole], starts),
        [member for trial in smaller for member in trial.members],
        members_of(given.candidate, [split for half in halves for split in half], starts[:1]),
    ]
    results = iter(fit([m for group in members for m in group], table, measure, given.engine, "evaluate", final=True))
    of_folds, of_shares, of_halves = ([next(results) for _ in group] for group in members)

    *committees, final = committees_of(of_folds, len(starts))
    alone = held_out(splits, [committee[:1] for committee in committees], table.schema.problem_type)
    points, more_data = _learning_curve(smaller, of_shares, alone, folds.first(1), given)
    of_half = committees_of(of_halves, protocol.folds)
    predicted = [HeldOut(half, [t.predictions for t in group]) for half, group in zip(halves, of_half, strict=True)]
    variance = half_sample_variance(predicted, table, measure) if predicted else None
    choices = []
    if protocol.most_repeats is not None:
        folds, committees, choice = _repeat_until_stable(given, folds, committees, variance)
        choices = [choice]
    return _Learnt(table.schema.problem_type, folds, committees, final, points, more_data, variance, choices)


def _learning_curve(
    smaller: list[Trial], results: list[Trained], alone: HeldOut, folds: Folds, given: _Given
) -> tuple[list[SampleSize], list[Verdict]]:
    """The curve over the number of training rows, on the first repeat; `results` are those of all members of `smaller`,
    in their order; `alone` is what single networks say that learnt from all rows."""
    one_by_one = iter(results)
    predicted = [(trial, [next(one_by_one).predictions for _ in trial.members]) for trial in smaller]
    tried = [(trial, HeldOut(trial.splits, predictions)) for trial, predictions in predicted]
    count = len(list(folds))
    first = HeldOut(alone.splits[:count], alone.predictions[:count])
    return learning_curve(tried, first, folds, given.table, given.measure, given.settings.seed)


def _repeat_until_stable(
    given: _Given, folds: Folds, committees: list[Committee], variance: float | None
) -> tuple[Folds, list[Committee], Choice]:
    """Train on more of the drawn repeats until the estimate hardly depends on how the rows were shuffled.

    folds: those of `committees`. Returns the final folds and committees, and the reason for stopping.
    """
    table, measure = given.table, given.measure
    most = given.prepared.protocol.most_repeats
    assert most is not None
    while True:
        splits = list(folds)
        wanted, why = repeats_wanted(
            held_out(splits, committees, table.schema.problem_type), table, measure, most, variance
        )
        if wanted == len(folds.fold_RN):
            return folds, committees, Choice(setting="repeats", chosen=str(wanted), reason=why)
        folds = given.evaluation.first(wanted)
        members = members_of(given.candidate, list(folds)[len(splits) :], given.starts)
        results = fit(members, table, measure, given.engine, "evaluate, more repeats", final=True)
        committees = committees + committees_of(results, len(given.starts))


def _judge(given: _Given, learnt: _Learnt) -> _Judged:
    """Compare the network with the baselines on the evaluation folds; the first verdict is the gate."""
    table, measure, seed = given.table, given.measure, given.settings.seed
    splits, plain = learnt.splits, learnt.held_out
    network, of_splits, nested = plain, [given.candidate] * len(splits), None
    if given.prepared.protocol.method == "nested":
        candidates = candidates_of(given.climbed.rungs, given.climbed.chosen, given.settings, table)
        table = with_initial_weights(table, candidates, given.engine, seed)
        searched_by = TABLE[given.prepared.searched_by]
        searched = search_in_folds(
            candidates, splits, given.development, table, searched_by, given.engine, seed, given.starts
        )
        network, of_splits, nested = searched.held_out, searched.chosen, _nested(searched, plain, table, measure)
    refit = network
    if given.settings.final == "fold_ensemble":
        network = score_fold_ensemble(of_splits, splits, given.development, table, measure, given.engine, given.starts)
    names = given.rivals.common_sense.name, given.rivals.shallow.name
    dummy = HeldOut(splits, [common_sense(table.schema)[names[0]](table, split, seed) for split in splits])
    boosted = HeldOut(splits, [shallow(names[1], table, split, seed) for split in splits])

    common, simple = f"common sense ({names[0]})", f"shallow model ({names[1]})"

    ours = _network_called(given)
    chosen_here = given.prepared.protocol.order == "temporal"

    def compared(name: str, model: HeldOut, reference: HeldOut, called: str, model_called: str = ours) -> Verdict:
        folds = learnt.folds
        return compare(
            name, model, [reference], called, table, folds, measure, seed, model_called, chosen_here=chosen_here
        )

    verdicts = [
        compared(GATE, network, dummy, common),
        compared(AGAINST_SHALLOW, network, boosted, simple),
        compared(SHALLOW_GATE, boosted, dummy, common, simple),
    ]
    if table.schema.problem_type.has_code:
        verdicts.append(code_is_used(network, "bit" if table.schema.bits else "number"))
    if table.schema.problem_type.generates:
        verdicts += generating_verdicts(network, boosted, table.schema.given is not None)
    if given.settings.committee > 1:
        verdicts.append(committee_helps(splits, learnt.committees, table, learnt.folds, measure, seed))
    if given.settings.pretrain != "none":
        verdicts.append(_pretraining_helps(given, learnt))
    if given.settings.final == "fold_ensemble":
        verdicts.append(compared("fold_ensemble_beats_refit", network, refit, "refit", "fold ensemble"))
    return _Judged(network, dummy, boosted, nested, verdicts)


def _pretraining_helps(given: _Given, learnt: _Learnt) -> Verdict:
    """Whether the chosen configuration is better than the same one from random initial weights."""
    if given.candidate.pretrained == "none":
        return Verdict(name="pretraining_helps", holds=False, evidence="the search chose random initial weights")
    candidate = given.candidate.model_copy(update={"pretrained": "none"})
    members = members_of(candidate, learnt.splits, given.starts)
    title = "evaluate, from random initial weights"
    results = fit(members, given.table, given.measure, given.engine, title, final=True)
    random = held_out(learnt.splits, committees_of(results, len(given.starts)), given.table.schema.problem_type)
    return compare(
        "pretraining_helps",
        learnt.held_out,
        [random],
        "from random initial weights",
        given.table,
        learnt.folds,
        given.measure,
        given.settings.seed,
        f"pretrained ({given.candidate.pretrained})",
    )


def _network_called(given: _Given) -> str:
    """The name of the scored network in a comparison; a single one of its networks scores otherwise."""
    if given.settings.final == "fold_ensemble":
        return "network (fold ensemble)"
    return f"network (committee of {given.settings.committee})" if given.settings.committee > 1 else "network"


def _final_committees(given: _Given, learnt: _Learnt) -> list[Committee]:
    """The networks of the final model: refitted on all rows, or those of the first repeat's folds."""
    if given.settings.final == "refit":
        return [learnt.final]
    return [committee for split, committee in zip(learnt.splits, learnt.committees, strict=True) if split.repeat == 0]


def _half_widths(model: Model) -> dict[str, float]:
    """By target."""
    if model.card.interval is None:
        return {}
    return dict(zip(model.schema.targets, model.card.interval.half_widths, strict=True))


def _nested(nested: NestedSearch, plain: HeldOut, table: Table, measure: Measure) -> Nested:
    value = plain.value(table, measure)
    optimism = measure.gain(value, nested.held_out.value(table, measure))
    return Nested(chosen=nested.chosen, plain=value, optimism=optimism)


def _test_agrees(evaluation: Evaluate) -> Verdict:
    """The sealed test confirms the estimate of the saved model when the two intervals meet."""
    cross, test, printing = evaluation.saved_estimate, evaluation.saved_test, printer_of(evaluation)
    return Verdict(
        name=SEALED_TEST_VERDICT,
        holds=test.low <= cross.high and cross.low <= test.high,
        evidence=f"{MODELS[evaluation.saved]} on the sealed test {printing.bare(test.value)} (95% interval "
        f"{printing.interval(test.low, test.high)}), {scored(evaluation.test.opening)}; its cross-validated interval "
        f"{printing.interval(cross.low, cross.high)}",
    )


def _curves(committee: Committee) -> pd.DataFrame:
    """The learning curves of one fold: means over its networks."""
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
