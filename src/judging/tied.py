"""A network that rebuilds rows, with tied weights and without: half the parameters, and what that costs.

Source: Vincent et al. 2010, "Stacked denoising autoencoders", section 2.3.
"""

from src.judging.chosen import Given, Learnt
from src.judging.committee import Committee, committees_of, held_out, members_of
from src.judging.evaluation import compare, estimate
from src.results.evaluate import TiedWeights, Weights
from src.training.fit import fit

TIED = "tied"


def tied_weights(given: Given, learnt: Learnt) -> TiedWeights | None:
    """The chosen network as it is, and trained anew the other way; None of networks that cannot have tied weights."""
    network, table, measure = given.candidate.network, given.table, given.measure
    if not table.schema.problem_type.has_code or not network.names(TIED):
        return None
    is_tied = bool(network.settings[TIED])
    other = given.candidate.model_copy(update={"network": network.changed(**{TIED: not is_tied})})
    members = members_of(other, learnt.splits, given.starts)
    results = fit(members, table, measure, given.engine, "evaluate, tied and untied weights", final=True)
    committees = {is_tied: learnt.committees, not is_tied: committees_of(results, len(given.starts))}
    scored = {tied: held_out(learnt.splits, each, table.schema.problem_type) for tied, each in committees.items()}
    name, seed = "tied_weights", given.settings.seed
    compared = compare(
        name, scored[True], [scored[False]], "untied weights", table, learnt.folds, measure, seed, "tied weights"
    )
    assert compared.comparison is not None
    tied, untied = (
        Weights(parameters=_parameters(committees[key][0]), score=estimate(scored[key], table, measure))
        for key in (True, False)
    )
    return TiedWeights(tied=tied, untied=untied, comparison=compared.comparison)


def _parameters(committee: Committee) -> int:
    """Those of one network."""
    return sum(weight.size for weight in committee[0].weights.values())
