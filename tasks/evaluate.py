"""Step 8, evaluate: fresh folds, the comparison with the baselines, the refit, and the sealed test set.

Only this step reads the sealed test set, and it does so last: nothing before depends on it. Book: "Evaluate the final
model on the test set, once". A pipeline cannot prevent further runs with other settings, so it counts them: see
`src.results.openings`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from src.core.files import Layout, atomic_file
from src.core.hashes import folder_sha256
from src.judging.baselines import common_sense, shallow
from src.judging.chosen import Given, Learnt, pretraining_helps, train
from src.judging.committee import Committee, committee_helps
from src.judging.evaluation import compare, estimate, recommended, score_sealed_test, times_as_wide
from src.judging.further_targets import score_heads
from src.judging.half_samples import PAIRS
from src.judging.held_out import HeldOut
from src.judging.printer import printer_of, worded
from src.judging.probe import probe
from src.judging.tied import tied_weights
from src.models.measures import TABLE
from src.models.measures.measure import Measure
from src.problem.load import load_settings
from src.problem.steps import EvaluateSettings
from src.problem.training import Engine
from src.results.baseline import Baseline
from src.results.data import Prepared
from src.results.evaluate import CrossValidation, Evaluate, Nested, Probe, SealedTest, saved_model
from src.results.networks import Overfit, Regularize
from src.results.openings import Ledger, identity, rows_sha256
from src.results.verdicts import AGAINST_SHALLOW, GATE, SEALED_TEST_VERDICT, SHALLOW_GATE, Verdict
from src.results.wording import MODELS, scored
from src.saved.additions import ADDITIONS, Finished
from src.saved.final import final_network, final_shallow
from src.saved.inference import Model
from src.saved.predicted_rows import predicted_rows
from src.search.candidates import candidates_of
from src.search.fold_ensemble import score_fold_ensemble
from src.search.nested import NestedSearch, search_in_folds
from src.tables.protocols import read_folds
from src.tables.table import Table, read_schema, read_table
from src.training.pretraining import with_initial_weights


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
    learnt = train(given)
    judged = _judge(given, learnt)
    finished = _finish(given, learnt, judged)

    table, measure, schema = given.table, given.measure, given.table.schema
    sealed, evaluation = rows_sha256(layout.test, schema.targets), _identity(layout, given)
    ledger.open(sealed, evaluation)
    test = read_table(layout.test, schema)
    addition = ADDITIONS[schema.problem_type.adds]
    answers = addition.answers(finished, test)
    score = score_sealed_test(test, schema.split(answers["network"])[0], measure)
    sealed_test = SealedTest(**score.model_dump(), opening=ledger.scored(sealed, evaluation, score.value))
    of_heads = [np.mean([t.further for t in committee], axis=0) for committee in learnt.committees]
    heads, beats = score_heads(
        table, test, of_heads, answers["network"], learnt.folds, given.development, given.settings.seed
    )

    advice = recommended({verdict.name: verdict.holds for verdict in judged.verdicts})
    name = saved_model(advice, bool(heads))
    findings = addition.findings(finished, test, answers, name)
    shallow_estimate = estimate(judged.shallow, table, measure)
    result = worded(
        Evaluate(
            measure=measure.name,
            direction=measure.direction,
            baseline=judged.dummy.value(table, measure),
            shallow=shallow_estimate.value,
            shallow_estimate=shallow_estimate,
            cross_validation=_cross_validation(given, learnt, judged),
            nested=judged.nested,
            sample_sizes=learnt.sample_sizes,
            code=findings.code,
            final=given.settings.final,
            test=sealed_test,
            shallow_test=score_sealed_test(test, answers["shallow"], measure),
            shallow_model=finished.shallow.card.model,
            heads=heads,
            half_widths=_half_widths(finished.models[name]),
            chosen=given.candidate,
            choices=learnt.choices,
            extra=_other_measures(finished.held_out[name], table, answers[name], test, measure),
            writings=findings.writings,
            drawn=findings.drawn,
            concepts=findings.concepts,
            tied_weights=tied_weights(given, learnt),
            probe=_probe(given, learnt),
            recommended=advice,
            verdicts=[*judged.verdicts, *beats, *learnt.more_data, *findings.verdicts],
        )
    )
    result = result.model_copy(update={"verdicts": [*result.verdicts, _test_agrees(result)]})
    with atomic_file(layout.results / "predictions.parquet") as partial:
        rows = predicted_rows(table, test, finished.held_out, of_heads, answers, findings.rebuilt)
        rows.to_parquet(partial, index=False)
    _write_scores(layout, learnt, judged, given)
    _write_csv(layout, "evaluate_curves.csv", pd.concat([_curves(committee) for committee in learnt.committees]))
    [alternative] = (model for other, model in finished.models.items() if other != name)
    finished.models[name].save(layout.model)
    alternative.save(layout.alternative)
    result.write(layout.result("evaluate"))
    return result


def _read(layout: Layout) -> Given:
    prepared = Prepared.read(layout.result("prepare"))
    settings, engine = load_settings(layout, "evaluate", EvaluateSettings), load_settings(layout, "engine", Engine)
    candidate = Regularize.read(layout.result("regularize")).chosen
    table = read_table(layout.train, read_schema(layout.train))
    folds = read_folds(layout.folds, len(table))
    return Given(
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


def _identity(layout: Layout, given: Given) -> str:
    """A digest of what determines the model and its score, except the code."""
    rivals = given.rivals.common_sense.name, given.rivals.shallow.name
    return identity(
        folder_sha256(layout.train),
        given.prepared.model_dump(mode="json", include={"measure", "protocol", "fold_hashes"}),
        given.settings.model_dump(mode="json"),
        given.candidate.model_dump(mode="json"),
        rivals,
    )


def _judge(given: Given, learnt: Learnt) -> _Judged:
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
        *ADDITIONS[table.schema.problem_type.adds].verdicts(network, boosted, table.schema),
    ]
    if given.settings.committee > 1:
        verdicts.append(committee_helps(splits, learnt.committees, table, learnt.folds, measure, seed))
    if given.settings.pretrain != "none":
        verdicts.append(pretraining_helps(given, learnt))
    if given.settings.final == "fold_ensemble":
        verdicts.append(compared("fold_ensemble_beats_refit", network, refit, "refit", "fold ensemble"))
    return _Judged(network, dummy, boosted, nested, verdicts)


def _probe(given: Given, learnt: Learnt) -> Probe | None:
    """What a linear model makes of the chosen network before it learns from targets, pretrained and not."""
    method = given.settings.pretrain
    if method == "none":
        return None
    candidates = [given.candidate.model_copy(update={"pretrained": name}) for name in (method, "none")]
    table = with_initial_weights(given.table, candidates, given.engine, given.settings.seed)
    probes = [probe(candidate, learnt.splits, table, given.starts[0]) for candidate in candidates]
    pretrained, random = (estimate(held_out, table, given.measure) for held_out in probes)
    return Probe(method=method, pretrained=pretrained, random=random)


def _network_called(given: Given) -> str:
    """The name of the scored network in a comparison; a single one of its networks scores otherwise."""
    if given.settings.final == "fold_ensemble":
        return "network (fold ensemble)"
    return f"network (committee of {given.settings.committee})" if given.settings.committee > 1 else "network"


def _finish(given: Given, learnt: Learnt, judged: _Judged) -> Finished:
    """The final models. The network is refitted on all rows, or made of those of the first repeat's folds."""
    pairs = zip(learnt.splits, learnt.committees, strict=True)
    of_folds = [committee for split, committee in pairs if split.repeat == 0]
    committees = [learnt.final] if given.settings.final == "refit" else of_folds
    return Finished(
        network=final_network(committees, judged.network, given.table),
        shallow=final_shallow(given.rivals.shallow.name, judged.shallow, given.table, given.settings.seed),
        held_out={"network": judged.network, "shallow": judged.shallow},
        first=learnt.splits[0],
        networks=learnt.final,
        table=given.table,
        seed=given.settings.seed,
    )


def _cross_validation(given: Given, learnt: Learnt, judged: _Judged) -> CrossValidation:
    table, measure = given.table, given.measure
    estimated = estimate(judged.network, table, measure, learnt.variance)
    return CrossValidation(
        mean=estimated.value,
        low=estimated.low,
        high=estimated.high,
        folds=given.prepared.protocol.folds,
        repeats=len(learnt.folds.fold_RN),
        half_samples=0 if learnt.variance is None else 2 * PAIRS,
        widened=times_as_wide(estimated, estimate(judged.network, table, measure)),
        scores=judged.network.scores(table, measure).tolist(),
    )


def _other_measures(
    held_out: HeldOut, table: Table, p_NK: np.ndarray, test: Table, measure: Measure
) -> dict[str, float]:
    """The saved model by the other measures that suit. p_NK: its answers for the sealed rows."""
    suitable = [TABLE[name] for name in table.schema.problem_type.measures if name != measure.name]
    others = [other for other in suitable if table.schema.references or not other.reads_reference]
    p_main = table.schema.split(p_NK)[0]
    return {f"cross_validation_{other.name}": held_out.value(table, other) for other in others} | {
        f"test_{other.name}": other.value(test.truth_NT, p_main, test.w_N) for other in others
    }


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


def _write_scores(layout: Layout, learnt: Learnt, judged: _Judged, given: Given) -> None:
    compared = {"network": judged.network, "common_sense": judged.dummy, "shallow": judged.shallow}
    scores = {name: held_out.scores(given.table, given.measure) for name, held_out in compared.items()}
    where = {"repeat": [s.repeat for s in learnt.splits], "fold": [s.fold for s in learnt.splits]}
    _write_csv(layout, "fold_scores.csv", pd.DataFrame(where | scores))


def _write_csv(layout: Layout, name: str, frame: pd.DataFrame) -> None:
    with atomic_file(layout.results / name) as partial:
        frame.to_csv(partial, index=False, float_format="%.8g")


if __name__ == "__main__":
    from tasks.cli import main

    main(evaluate)
