"""What the step evaluate does and stores for some problem types, beyond what it does for all.

Shapes: N sealed rows, K outputs or statistics.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.inputs.clusters import HALVES
from src.judging.code_use import code_is_used
from src.judging.committee import Committee
from src.judging.draws import generating_verdicts
from src.judging.held_out import HeldOut
from src.judging.stability import clusters_are_stable
from src.kinds.text.language import passages
from src.results.evaluate import CodeViews, Concepts, Drawn, Saved, Writings
from src.results.verdicts import Verdict
from src.results.wording import MODELS
from src.saved.code_views import code_views
from src.saved.concepts import concepts
from src.saved.drawings import drawings
from src.saved.halved import by_halves
from src.saved.inference import Model
from src.saved.judged import sealed_statistics
from src.saved.latent import latent_verdicts
from src.saved.network_model import NetworkModel
from src.saved.predicted_rows import rebuilt_rows
from src.saved.recitation import writings
from src.saved.shallow_model import ShallowModel
from src.tables.protocols import Split
from src.tables.table import Schema, Table

Answers = Mapping[Saved, NDArray[np.float64]]


@dataclass(frozen=True)
class Finished:
    """The final models.

    held_out: what networks and shallow models of the folds say of training rows. first: the first fold. networks: those
    that learnt from all training rows.
    """

    network: NetworkModel
    shallow: ShallowModel
    held_out: Mapping[Saved, HeldOut]
    first: Split
    networks: Committee
    table: Table
    seed: int

    @property
    def models(self) -> dict[Saved, Model]:
        return {"network": self.network, "shallow": self.shallow}


@dataclass(frozen=True)
class Findings:
    """What the report shows of the saved model. rebuilt: by model, see `rebuilt_rows`; the others as in `Evaluate`."""

    verdicts: list[Verdict] = field(default_factory=list)
    rebuilt: Mapping[Saved, pd.DataFrame] = field(default_factory=dict)
    code: CodeViews | None = None
    writings: Writings | None = None
    drawn: Drawn | None = None
    concepts: list[Concepts] = field(default_factory=list)


class Addition:
    """Of a type that needs nothing besides, and the base of the others."""

    def verdicts(self, network: HeldOut, shallow: HeldOut, schema: Schema) -> list[Verdict]:
        """On the evaluation folds, after the comparisons."""
        return []

    def answers(self, finished: Finished, test: Table) -> Answers:
        """What both models say of the sealed rows, (N, K) each."""
        return {name: model.row_predictions(test.frame) for name, model in finished.models.items()}

    def findings(self, finished: Finished, test: Table, answers: Answers, saved: Saved) -> Findings:
        """saved: the model that is recommended."""
        return Findings()


class _Codes(Addition):
    def verdicts(self, network: HeldOut, shallow: HeldOut, schema: Schema) -> list[Verdict]:
        return [code_is_used(network, "bit" if schema.bits else "number")]

    def findings(self, finished: Finished, test: Table, answers: Answers, saved: Saved) -> Findings:
        return Findings(
            rebuilt=rebuilt_rows(finished.models, test, answers, answers[saved]),
            code=code_views(finished.models[saved], finished.table, finished.first, test, answers[saved]),
            concepts=concepts(finished.models[saved], finished.table, test, finished.seed),
        )


class _Texts(Addition):
    def findings(self, finished: Finished, test: Table, answers: Answers, saved: Saved) -> Findings:
        [feature] = finished.table.schema.features
        learnt, held_out = (passages(rows.frame, feature) for rows in (finished.table, test))
        written, recites = writings(finished.models[saved], MODELS[saved], learnt, held_out, finished.seed)
        return Findings([recites], writings=written)


class _Draws(Addition):
    """Models that draw rows, and are judged by what they say of given ones."""

    def findings(self, finished: Finished, test: Table, answers: Answers, saved: Saved) -> Findings:
        return replace(_drawn(finished, test, saved), verdicts=latent_verdicts(finished.network, test.frame))


class _Samples(Addition):
    """Models that are judged by the rows that they draw."""

    def verdicts(self, network: HeldOut, shallow: HeldOut, schema: Schema) -> list[Verdict]:
        return generating_verdicts(network, shallow, schema.given is not None)

    def answers(self, finished: Finished, test: Table) -> Answers:
        return {
            name: sealed_statistics(model, finished.table, test, finished.held_out[name], finished.seed)
            for name, model in finished.models.items()
        }

    def findings(self, finished: Finished, test: Table, answers: Answers, saved: Saved) -> Findings:
        return _drawn(finished, test, saved)


class _Clusters(Addition):
    def answers(self, finished: Finished, test: Table) -> Answers:
        """With the clusters by models that learnt from halves of the training rows."""
        name, held_out = finished.shallow.card.model.name, finished.held_out["network"]
        halved = by_halves(finished.networks, name, held_out, finished.table, test, finished.seed)
        answers = super().answers(finished, test)
        for name, p_NK in answers.items():
            p_NK[:, HALVES] = halved[name]
        return answers

    def findings(self, finished: Finished, test: Table, answers: Answers, saved: Saved) -> Findings:
        return Findings([clusters_are_stable(finished.held_out[saved], MODELS[saved], finished.table)])


def _drawn(finished: Finished, test: Table, saved: Saved) -> Findings:
    network, table, seed = finished.network, finished.table, finished.seed
    return Findings(
        drawn=drawings(finished.models[saved], network, table, test, seed),
        concepts=concepts(network, table, test, seed),
    )


ADDITIONS: dict[str, Addition] = {
    "nothing": Addition(),
    "codes": _Codes(),
    "texts": _Texts(),
    "draws": _Draws(),
    "samples": _Samples(),
    "clusters": _Clusters(),
}
