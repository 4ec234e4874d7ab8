"""Step 6, scale up: climb a ladder of networks until one surely has more capacity than the data can use.

The climb starts with the smallest network and tries at least three. It ends on the first rung that overfits (its
validation loss has turned), is ahead of common sense, and has a saturated training measure; or at the end of the
ladder. The step chooses the largest rung that overfits and is ahead of common sense, otherwise the rung with the best
validation measure. `src.search.climbing` holds the rule. Book: "Scaling up: developing a model that overfits".
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from src.core.files import Layout, atomic_file
from src.judging.baselines import common_sense as common_sense_models
from src.judging.baselines import searched_sense
from src.judging.evaluation import compare_scores, left_out, verdict_of
from src.judging.printer import worded
from src.kinds.registry import kind_of
from src.models.measures import TABLE
from src.models.measures.measure import Measure
from src.networks import Configuration
from src.problem.load import load_settings
from src.problem.steps import OverfitSettings
from src.problem.training import Engine
from src.results.baseline import Baseline, RivalScore
from src.results.data import Prepared
from src.results.networks import Candidate, Overfit, Rung
from src.results.verdicts import Verdict
from src.search.climbing import FEWEST_RUNGS, choose, is_enough, is_perfect, saturated
from src.search.curves import RISE, Turn, find_turn
from src.tables.protocols import Split, read_folds
from src.tables.table import Table, read_schema, read_table
from src.training.fit import fit
from src.training.members import Member, Trained
from src.training.settings import batch_size, epochs, schedule

ADVICE = "the book's advice: add layers, make them bigger, or train for more epochs"
PERFECT = "the validation measure is perfect already, so a larger network or longer training has nothing to gain"
ADVICE_BASELINE = (
    "the book's advice: the answer may not be in the data, or the network does not suit it; "
    "look at the data checks and the features before anything else"
)
ADVICE_SHALLOW = (
    "the shallow model is better than common sense on these folds, so the answer is in the data: "
    "the network does not suit it yet, or there are too few rows for one"
)


@dataclass(frozen=True)
class Climb:
    """A rung with its trainings and its turning point."""

    rung: Rung
    turn: Turn
    trained: list[Trained]


def overfit(layout: Layout) -> Overfit:
    """Climb the ladder on the development folds; write overfit.json and overfit_curves.csv."""
    settings = load_settings(layout, "overfit", OverfitSettings)
    engine = load_settings(layout, "engine", Engine)
    prepared = Prepared.read(layout.result("prepare"))
    baseline = Baseline.read(layout.result("baseline"))
    advice = ADVICE_SHALLOW if baseline.verdicts[0].holds else ADVICE_BASELINE
    table = read_table(layout.train, read_schema(layout.train))
    folds = list(read_folds(layout.folds, len(table))["development"])
    reference = searched_sense(baseline.common_sense, prepared, table, folds, settings.seed)
    common_sense = reference.development.mean
    measure = TABLE[prepared.searched_by]
    training, features = settings.training, table.schema.features
    most = epochs(training, table)

    kind = kind_of(features)
    asked = table.schema.problem_type
    networks = kind.ladders[asked.networks](features, settings.overfit, training)
    if asked.of_networks:
        networks = [network.changed(**asked.of_networks) for network in networks]
    climbs: list[Climb] = []
    for together in [networks[:FEWEST_RUNGS], *([network] for network in networks[FEWEST_RUNGS:])]:
        candidates = [
            Candidate(
                network=network,
                optimizer=training.optimizer,
                learning_rate=training.learning_rate,
                l1=0.0,
                l2=0.0,
                batch_size=batch_size(training, table),
                epochs=most,
                clip_norm=network.clip_norm,
                **schedule(training, most),
            )
            for network in together
        ]
        members = [Member.of_split(candidate, split, settings.seed) for candidate in candidates for split in folds]
        title = f"overfit {', '.join(network.text for network in together)}"
        trained = iter(fit(members, table, measure, engine, title))
        for network in together:
            before = climbs[-1].rung.final_training if climbs else None
            climbs.append(_judge(network, [next(trained) for _ in folds], before, measure, common_sense))
        if is_enough(climbs[-1].rung):
            break

    rungs = [climb.rung for climb in climbs]
    chosen = choose(rungs, measure)
    best = rungs[chosen].best_validation
    result = worded(
        Overfit(
            measure=measure.name,
            direction=measure.direction,
            rungs=rungs,
            chosen=chosen,
            verdicts=[
                _beats(climbs[chosen], reference, folds, table, measure, settings.seed, advice),
                overfits(climbs, chosen, most, kind.larger, is_perfect(best, common_sense, measure)),
            ],
        )
    )
    _write_curves(layout, climbs)
    result.write(layout.result("overfit"))
    return result


def _judge(
    network: Configuration, trained: list[Trained], before: float | None, measure: Measure, common_sense: float
) -> Climb:
    """Describe a rung by its trainings on all folds; `before`: the final training measure of the rung below."""
    turn = find_turn([t.history.training_loss for t in trained], [t.history.validation_loss for t in trained])
    validation_E = np.mean([t.history.validation for t in trained], axis=0)
    best = float(validation_E[turn.epoch - 1])
    final_training = float(np.mean([t.history.training[-1] for t in trained]))
    rung = Rung(
        network=network,
        parameters=sum(w.size for w in trained[0].weights.values()),
        turning_epoch=turn.epoch,
        best_validation=best,
        final_validation=float(validation_E[-1]),
        final_training=final_training,
        overfits=turn.overfits,
        beats_baseline=measure.better(best, common_sense),
        saturated=saturated(final_training, before, common_sense, measure),
    )
    return Climb(rung, turn, trained)


def _beats(
    climb: Climb,
    reference: RivalScore,
    folds: list[Split],
    table: Table,
    measure: Measure,
    seed: int,
    advice: str,
) -> Verdict:
    """Whether the chosen rung beats common sense at its turning point; `advice` says what to try where it does not.

    With a single fold, the interval rests on the network's predictions after its last epoch.
    """
    left_out_B = None
    if len(folds) == 1:
        sense_VK = common_sense_models(table.schema)[reference.name](table, folds[0], seed)
        ours_B, theirs_B = (
            left_out(p_VK, folds[0], table, measure) for p_VK in (climb.trained[0].predictions, sense_VK)
        )
        left_out_B = measure.gain(ours_B, theirs_B)
    called = f"network of {climb.rung.network.phrase} at its turning point"
    scores_J = np.array([t.history.validation[climb.turn.epoch - 1] for t in climb.trained])
    sense = f"common sense ({reference.name})", np.array(reference.development.scores)
    verdict = compare_scores("beats_the_baseline", (called, scores_J), sense, folds, table, measure, left_out_B)
    if verdict.holds or verdict.comparison is None:
        return verdict
    return verdict_of(verdict.name, verdict.comparison.model_copy(update={"note": f"; {advice}"}))


def overfits(climbs: list[Climb], chosen: int, epochs: int, larger: str, perfect: bool) -> Verdict:
    """larger: the settings that let the ladder climb on. perfect: the chosen rung leaves nothing to gain."""
    rung, turn = climbs[chosen].rung, climbs[chosen].turn
    if rung.overfits:
        # One fold has no standard error.
        error = f", one standard error over the folds ({turn.rise_error:.2g})" if turn.rise_error else ""
        evidence = (
            f"the network of {rung.network.phrase} has its lowest validation loss {turn.lowest:.4g} at epoch "
            f"{turn.epoch} of {epochs}; afterwards it rises by {turn.rise:.2g} while the training loss goes on "
            f"falling. The rule asks for more than {RISE:.0%} of the lowest ({RISE * turn.lowest:.2g}){error} and the "
            f"luck of a ragged curve ({turn.noise:.2g})"
        )
    else:
        advice = PERFECT if perfect else f"{ADVICE} ({larger}, training.epochs)"
        evidence = (
            f"up to the network of {climbs[-1].rung.network.phrase} the validation loss does not turn within "
            f"{epochs} epochs (lowest {turn.lowest:.4g} at epoch {turn.epoch}, "
            f"rise {turn.rise:.2g}); {advice}"
        )
    return Verdict(name="overfits", holds=rung.overfits, evidence=evidence)


def _write_curves(layout: Layout, climbs: list[Climb]) -> None:
    tables = []
    for number, climb in enumerate(climbs):
        curves = {
            name: np.mean([getattr(t.history, name) for t in climb.trained], axis=0)
            for name in ("training", "validation", "training_loss", "validation_loss")
        }
        head = {
            "rung": number,
            "network": climb.rung.network.text,
            "parameters": climb.rung.parameters,
            "epoch": np.arange(1, len(curves["training"]) + 1),
        }
        tables.append(pd.DataFrame(head | curves))
    with atomic_file(layout.results / "overfit_curves.csv") as partial:
        pd.concat(tables).to_csv(partial, index=False, float_format="%.6g")


if __name__ == "__main__":
    from tasks.cli import main

    main(overfit)
