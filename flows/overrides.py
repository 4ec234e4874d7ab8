"""The settings that people change from run to run: one form for the Prefect UI, the API and the command line.

An empty field keeps what the problem file says. Any other makes the run isolated: it happens in a copy of the
repository and becomes a DVC experiment (see `flows.experiments.experiment`).
"""

from collections.abc import Sequence
from difflib import get_close_matches
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from src.core.errors import UserError
from src.problem.steps import ProtocolSettings
from src.problem.terms import Measure, Settings
from src.problem.training import Engine, Search, Training


def _as_in(settings: type[Settings], key: str, **texts: Any) -> Any:
    """An optional field with the bounds that `key` has in a problem file."""
    field = settings.model_fields[key]
    # For a number or `auto`, the bounds belong to the number.
    alternatives = [
        bound for alternative in get_args(field.annotation) for bound in getattr(alternative, "__metadata__", ())
    ]
    limits = ("ge", "gt", "le", "lt")
    bounds = {
        name: getattr(bound, name)
        for info in [*field.metadata, *alternatives]
        for bound in getattr(info, "metadata", [info])
        for name in limits
        if hasattr(bound, name)
    }
    return Field(None, **bounds, **texts)


def _one_input(schema: dict[str, Any]) -> None:
    """Describe an optional number or choice without its null.

    Prefect then shows one input for it, instead of asking for the type first, and says which bound a value breaks.
    """
    for field in schema["properties"].values():
        match field.get("anyOf"):
            case [({"type": "integer" | "number"} | {"enum": _}) as wanted, {"type": "null"}]:
                del field["anyOf"], field["default"]
                field |= {**wanted, "enum": [*wanted["enum"], None]} if "enum" in wanted else wanted


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_one_input)


class SearchOverrides(_Form):
    """The search of the step regularize."""

    model_config = ConfigDict(title="Search")

    budget: int | None = _as_in(Search, "budget", title="Budget", description="how many candidates the search tries")


class TrainingOverrides(_Form):
    """How networks are trained."""

    model_config = ConfigDict(title="Training")

    epochs: int | None = _as_in(
        Training, "epochs", title="Epochs", description="the most epochs that any training may take"
    )
    learning_rate: float | None = _as_in(
        Training,
        "learning_rate",
        title="Learning rate",
        description="of the optimizer; the search varies it by factors",
    )


if TYPE_CHECKING:
    EngineOverrides = BaseModel
else:
    EngineOverrides = create_model(
        "EngineOverrides",
        __config__=_Form.model_config | ConfigDict(title="Engine"),
        __doc__="Where trainings run; results do not depend on it.",
        **{
            name: (field.annotation | None, Field(None, title=name.capitalize(), description=field.description))
            for name, field in Engine.model_fields.items()
        },
    )


class Overrides(_Form):
    """Settings for this run only. An empty field keeps what the problem file says.

    The fields have the names and places that they have in a problem file.
    """

    measure: Measure | None = Field(
        None, title="Measure", description="the measure of success; it must suit the problem's type"
    )
    protocol: Literal["auto", "hold_out", "k_fold", "iterated_k_fold", "nested"] | None = Field(
        None, title="Protocol", description="how the measure is estimated"
    )
    folds: int | None = _as_in(ProtocolSettings, "folds", title="Folds", description="K of K-fold")
    repeats: int | None = _as_in(
        ProtocolSettings, "repeats", title="Repeats", description="how often iterated K-fold reshuffles the rows"
    )
    search: SearchOverrides = Field(SearchOverrides(), title="Search", description="the step regularize")
    training: TrainingOverrides = Field(TrainingOverrides(), title="Training", description="how networks are trained")
    engine: EngineOverrides = Field(
        EngineOverrides(), title="Engine", description="where trainings run; results do not depend on it"
    )

    def settings(self) -> dict[str, Any]:
        """The fields that are set, by their dotted keys in a problem file."""
        return {key: value for key in FIELDS if (value := attrgetter(key)(self)) is not None}


_GROUPS: dict[str, type[BaseModel]] = {
    "search": SearchOverrides,
    "training": TrainingOverrides,
    "engine": EngineOverrides,
}
FIELDS = (
    *(name for name in Overrides.model_fields if name not in _GROUPS),
    *(f"{group}.{name}" for group, form in _GROUPS.items() for name in form.model_fields),
)


def from_pairs(pairs: Sequence[str]) -> Overrides:
    """Overrides from texts like `folds=3` or `engine.workers=2`. Raises UserError naming the field."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--set {pair}: give a setting and its value, like --set folds=3")
        if key not in FIELDS:
            near = get_close_matches(key, FIELDS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UserError(f"--set {key}: no such setting{hint} (there are: {', '.join(FIELDS)})")
        folder, dot, name = key.rpartition(".")
        (settings.setdefault(folder, {}) if dot else settings)[name] = value
    try:
        return Overrides.model_validate(settings)
    except ValidationError as error:
        raise UserError("\n".join(_line(list(errors)) for _, errors in groupby(error.errors(), _field))) from None


def _field(error: ErrorDetails) -> str:
    return next(name for name in FIELDS if ".".join(map(str, error["loc"])).startswith(name))


def _line(errors: list[ErrorDetails]) -> str:
    """The line about one field. Pydantic reports one error per alternative, such as a number or `auto`."""
    expected = " or ".join(error["msg"].removeprefix("Input should be ").split(", unable")[0] for error in errors)
    return f"--set {_field(errors[0])}: should be {expected}, given {errors[0]['input']!r}"
