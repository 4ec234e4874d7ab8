"""Settings, counts and verdicts as text.

`src.judging.printer` prints the measure's values.
"""

import math
from dataclasses import dataclass

from src.core.text import listing
from src.judging.printer import UNKNOWN, Printer
from src.models.measures import TABLE
from src.plots.style import Scale
from src.results.data import Prepared, Protocol

PROTOCOLS = {
    "hold_out": (
        "One part of the training rows is held out and scored by models that learnt from the other part. "
        "It suits large data sets."
    ),
    "k_fold": (
        "K-fold cross-validation: the training rows are split into {folds} folds, and each fold is scored by "
        "models that learnt from the others. Every row is scored once, by models that had not seen it."
    ),
    "iterated_k_fold": (
        "Iterated K-fold cross-validation: the training rows are split into {folds} folds, and each fold is scored by "
        "models that learnt from the others. This is repeated {repeats} times with the rows shuffled anew. "
        "It suits small data sets, because the luck of a single shuffle averages out."
    ),
    "nested": (
        "Nested cross-validation: the training rows are split into {folds} folds, and each fold is scored by models "
        "that learnt from the others. The network is chosen there, too, so no row scores a network that it helped to "
        "choose."
    ),
}

# Where rows are in time order.
PROTOCOLS_IN_TIME = {
    "hold_out": "The last training rows are held out and scored by models that learnt from those before them.",
    "k_fold": (
        "Forward validation with a rolling origin: the training rows are split in time order, and each of {folds} "
        "folds is scored by models that learnt from all rows before it."
    ),
}

DESIGNED_AND_JUDGED = (
    "The folds on which the models were chosen (development folds) are other folds than those on which they were then "
    "judged (evaluation folds), so that a lucky choice shows."
)
DESIGNED_AND_JUDGED_IN_TIME = (
    "Rows in time order can be split in one way only. The folds on which the models were chosen judge them, too, "
    "which flatters them. Only the sealed test shows whether the choice was a lucky one."
)

PROTOCOL_NAMES = {
    "hold_out": "hold-out",
    "k_fold": "K-fold",
    "iterated_k_fold": "iterated K-fold",
    "nested": "nested cross-validation",
}

ORDERS = {
    "stratified": "Every fold has the same mix of classes.",
    "shuffled": "Rows are assigned to folds at random.",
    "grouped": "Rows of one group always stay together, so that no model can recognize a group it has seen.",
    "temporal": "Validation rows always come after their training rows in time, as in real use.",
}


@dataclass(frozen=True)
class Statement:
    """What a verdict says when it holds, when it does not, and when a comparison leaves it open."""

    holds: str
    fails: str
    unsure: str = ""


def _between(one: str, other: str, advice: str = "") -> str:
    return f"No sure difference between {one} and {other}{advice}"


# Other names are printed as they are.
VERDICTS = {
    "data_fit_to_learn_from": Statement("The data is fit to learn from", "The data is not fit to learn from"),
    "shallow_model_beats_common_sense": Statement(
        "A shallow model beats common sense",
        "The shallow model does worse than common sense",
        _between("the shallow model", "common sense"),
    ),
    "beats_the_baseline": Statement(
        "The chosen network beats common sense",
        "The chosen network does worse than common sense",
        _between("the chosen network", "common sense"),
    ),
    "overfits": Statement("A network overfits, as this step demands", "No network overfits"),
    "regularizing_and_tuning_helps": Statement(
        "Regularizing and tuning helps",
        "Regularizing and tuning does not help",
        _between("the chosen network", "the best unregularized one"),
    ),
    "still_beats_the_baseline": Statement(
        "The chosen candidate still beats common sense",
        "The chosen candidate does worse than common sense",
        _between("the chosen candidate", "common sense"),
    ),
    "test_agrees_with_cross_validation": Statement(
        "The sealed test agrees with cross-validation", "The sealed test disagrees with cross-validation"
    ),
    "code_is_used": Statement("Every part of the code is used", "Parts of the code are dead"),
    "clusters_are_stable": Statement(
        "Clusters from one half of the rows are surely those from the other",
        "It is not sure that clusters from one half of the rows are those from the other",
    ),
    "latent_is_used": Statement("The code is used", "The code is not used"),
    "bound_is_tight": Statement("The bound on the probability is tight", "The bound on the probability is loose"),
    "new_rows": Statement("The network’s rows are not surely copies", "The network repeats its training rows"),
    "shallow_model_new_rows": Statement(
        "The shallow model’s rows are not surely copies", "The shallow model repeats its training rows"
    ),
    "tells_classes": Statement(
        "The network’s rows look like their class", "The network’s rows do not surely look like their class"
    ),
    "covers": Statement("No sure gap in what the network draws", "The network leaves rows out"),
    "committee_helps": Statement(
        "Averaging several networks helps",
        "Averaging several networks makes it worse",
        _between("several networks averaged", "one network"),
    ),
    "pretraining_helps": Statement(
        "Learning from rows without a target first helps",
        "Learning from rows without a target first makes it worse",
        _between("the pretrained network", "the same one from random initial weights"),
    ),
    "fold_ensemble_beats_refit": Statement(
        "Averaging the networks of the folds beats fitting anew to all rows",
        "Averaging the networks of the folds does worse than fitting anew to all rows",
        _between("averaging the networks of the folds", "fitting anew to all rows", ": the refit is simpler"),
    ),
    "more_data_would_help": Statement(
        "More data would help",
        "More data does not help: half of the rows did better",
        _between("all training rows", "half of them"),
    ),
    "beats_common_sense": Statement(
        "The network beats common sense",
        "The network does worse than common sense",
        _between("the network", "common sense"),
    ),
    "does_not_recite": Statement(
        "The model writes texts of its own",
        "It is not sure that the model writes texts of its own: it may recite what it learnt",
    ),
    "beats_shallow_model": Statement(
        "The network beats the shallow model",
        "The shallow model beats the network",
        _between("the network", "the shallow model"),
    ),
    "shallow_model_still_beats_common_sense": Statement(
        "The shallow model still beats common sense",
        "The shallow model does worse than common sense",
        _between("the shallow model", "common sense"),
    ),
}

# What is saved, by `Evaluate.saved`.

OPTIMIZERS = {"rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}


def clause(printer: Printer) -> str:
    """What the measure says, in plain words."""
    return TABLE[printer.measure].meaning


def task(prepared: Prepared, ending: str = "") -> str:
    """What a model does: `predict cost (a number)`, or with an `s` as its verb's ending `predicts cost (a number)`."""
    asked, targets = prepared.problem_type, prepared.targets
    if not targets:
        return f"{asked.verb}{ending} {asked.words}"
    return f"predict{ending} {listing(targets)} ({asked.described(len(targets))})"


def scale_of(printer: Printer) -> Scale:
    """How a figure's axis shows the measure; its numbers have the printer's digits."""
    return Scale(printer.title, printer.form == "share", printer.higher_is_better, printer.bare)


def share(value: float) -> str:
    return f"{value:.1%}" if math.isfinite(value) else UNKNOWN


def number(value: float, digits: int = 3) -> str:
    """A number with `digits` significant digits and no exponent unless it is tiny."""
    if not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    if decimals > 8:
        return _signed(f"{value:.{digits}g}")
    rounded = round(value, decimals)
    return _signed(f"{rounded:,.{max(decimals, 0)}f}")


def setting(value: float) -> str:
    """A setting as a person would type it: 0.001, 0.25, 1e-5."""
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        return f"{value:.6g}"
    mantissa, exponent = f"{value:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _signed(text: str) -> str:
    return text.replace("-", "−")


def spoken(name: str) -> str:
    """A name from the code as words: beats_common_sense becomes `beats common sense`."""
    return name.replace("_", " ").strip()


def chosen_words(choice: str) -> str:
    """What `auto` chose, by its usual name where it has one."""
    return TABLE[choice].title if choice in TABLE else PROTOCOL_NAMES.get(choice, spoken(choice))


def sentence(text: str) -> str:
    """`text` with a capital at its start and a full stop at its end."""
    text = text.strip()
    if not text:
        return text
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def protocol_words(protocol: Protocol, repeats: int) -> str:
    """How rows are held out, in one or two sentences; `repeats` is how often that was done."""
    sentences = PROTOCOLS_IN_TIME if protocol.order == "temporal" else PROTOCOLS
    return sentences[protocol.method].format(folds=protocol.folds, repeats=repeats)


def judged_words(protocol: Protocol) -> str:
    """Whether the folds that designed the network also judge it, and what that means."""
    return DESIGNED_AND_JUDGED_IN_TIME if protocol.order == "temporal" else DESIGNED_AND_JUDGED
