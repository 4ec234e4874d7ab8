"""A finished committee of networks: the fitted preprocessing and the weights in one folder, without pickle.

`model.json` holds the schema, the vectorizer, the target scaler (in an ensemble of fold members, those of every fold)
and the networks' configuration. For values it also holds the width of the prediction interval. `weights.npz` holds the
weights, named `<network>.<parameter>`. Shapes: N rows, K outputs.
"""

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from src.core.errors import UserError
from src.core.files import write_json
from src.core.stored import Stored
from src.inputs.pictures import ClassedPictures
from src.kinds.chunks import inputs_of
from src.kinds.vectorizers import Vectorizer
from src.networks import Network
from src.preparation.targets import TargetScaler, restored
from src.saved.inference import Interval, Model, Typical
from src.saved.model_folder import CARD, DamagedModelError, new_folder
from src.saved.neighbours import Neighbours
from src.tables.table import Schema

if TYPE_CHECKING:
    import torch
    from torch import nn

    from src.models.head import Head

WEIGHTS = "weights.npz"
# The most rows scored at a time, and the most numbers in their inputs. Both bound the memory.
CHUNK, NUMBERS = 65_536, 2**22
# Rows that a network sees at a time; fewer where they are wider than in training, as long texts are. Activations of
# more do not fit a CPU's caches, and many pictures not the memory.
SEEN_AT_ONCE = 512


class Preprocessing(Stored):
    """What was fitted to the rows that a network learnt from, and the number of inputs that it gives."""

    vectorizer: Vectorizer
    target_scaler: TargetScaler | None
    further_scalers: list[TargetScaler | None] = Field([], exclude_if=lambda scalers: not scalers)
    inputs: int | list[int]

    @property
    def numbers(self) -> int:
        """The number of inputs per row."""
        return sum(self.inputs) if isinstance(self.inputs, list) else self.inputs


class NetworkCard(Preprocessing):
    """model.json: everything but the weights.

    further: the preprocessing of the other folds, if the networks learnt from different rows (an ensemble of fold
    members). The networks come fold by fold, the same number for each.
    """

    saved: Literal["network"] = "network"
    table: Schema
    network: Network
    interval: Interval | None = None
    typical: Typical | None = Field(None, exclude_if=lambda typical: typical is None)
    further: list[Preprocessing] = Field([], exclude_if=lambda value: not value)

    @property
    def preprocessing(self) -> list[Preprocessing]:
        return [self, *self.further]


@dataclass(frozen=True)
class NetworkModel(Model):
    """The networks of a committee, whose predictions are averaged, or combined as the problem type says."""

    card: NetworkCard
    committee: list[dict[str, NDArray[np.float32]]]
    neighbours: Neighbours | None = None

    @property
    def vectorizers(self) -> Sequence[Vectorizer]:
        return [fitted.vectorizer for fitted in self.card.preprocessing]

    def save(self, folder: Path) -> None:
        """Raises UserError if a weight is not a finite number."""
        if broken := _broken(self.committee):
            raise UserError(f"{folder}: the network is not saved, as its weight {broken} is not a finite number")
        with new_folder(folder) as partial:
            write_json(partial / CARD, self.card.model_dump(mode="json"))
            if self.neighbours is not None:
                self.neighbours.save(partial)
            with (partial / WEIGHTS).open("wb") as file:
                named = {f"{k}.{name}": w for k, weights in enumerate(self.committee) for name, w in weights.items()}
                np.savez(file, **named)  # type: ignore[arg-type]

    @classmethod
    def read(cls, card: NetworkCard, folder: Path) -> Self:
        """The model of `card` with the weights in `folder`. Raises DamagedModelError if they do not match."""
        path = folder / WEIGHTS
        committee: list[dict[str, NDArray[np.float32]]] = []
        try:
            with np.load(path, allow_pickle=False) as stored:
                for key in stored.files:
                    network, name = key.split(".", 1)
                    if int(network) == len(committee):
                        committee.append({})
                    committee[int(network)][name] = stored[key]
        except (OSError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
            raise DamagedModelError(f"{path} holds no readable weights ({error})") from None
        if broken := _broken(committee):
            raise DamagedModelError(f"{path}: the weight {broken} is not a finite number")
        model = cls(card, committee, Neighbours.read(folder))
        try:
            _ = model.heads
        except (KeyError, TypeError, ValueError) as error:
            reason = f"the setting {error} is unknown" if isinstance(error, KeyError) else str(error)
            raise DamagedModelError(f"{path} and {folder / CARD} do not make a network: {reason}") from None
        return model

    @cached_property
    def heads(self) -> "list[Head]":
        """The networks, ready to predict. Raises ValueError if the weights do not match the configuration."""
        import torch

        from src.models.heads import make_head
        from src.networks import build_network

        each, rest = divmod(len(self.committee), len(self.card.preprocessing))
        if rest or not each:
            raise ValueError(f"there are {len(self.committee)} networks for {len(self.card.preprocessing)} folds")
        heads = []
        for k, weights in enumerate(self.committee):
            inputs = self.card.preprocessing[k // each].inputs
            network = build_network(self.card.network, inputs, self.schema.all_outputs)
            _check_names(network, weights)
            network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
            heads.append(make_head(self.schema.head_specs, network).eval())
        return heads

    def row_predictions(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """What the folds say together, each of which says what its networks say together: means, or mixtures."""
        each = len(self.committee) // len(self.card.preprocessing)
        folds = [
            _predictions(rows, fitted, self.heads[k * each : (k + 1) * each], self.schema)
            for k, fitted in enumerate(self.card.preprocessing)
        ]
        return folds[0] if len(folds) == 1 else self.schema.problem_type.combined(np.stack(folds))

    def reading_on(self) -> Callable[[NDArray[np.int64]], NDArray[np.float64]]:
        """What the only network says: such problems have no committee."""
        import torch

        [head] = self.heads
        network: Any = head.network
        state: Any = None

        def after(symbol_B: NDArray[np.int64]) -> NDArray[np.float64]:
            nonlocal state
            with torch.no_grad():
                logits_BV, state = network.next(torch.from_numpy(symbol_B), state)
            p_BV: NDArray[np.float64] = logits_BV.double().softmax(1).numpy()
            return p_BV

        return after

    @property
    def _first_fold(self) -> "list[Any]":
        """The networks whose inputs the first vectorizer makes: all, or in an ensemble of fold members its fold's."""
        return [head.network for head in self.heads[: len(self.heads) // len(self.card.preprocessing)]]

    def drawn(self, count: int, seed: int, class_: int | None = None) -> NDArray[Any] | ClassedPictures:
        """Of several networks each draws about as many rows, as in a mixture; of fold members those of the first."""
        import torch

        from src.training.inputs import as_inputs

        generator = torch.Generator().manual_seed(seed)
        networks = self._first_fold
        of_row = torch.randint(len(networks), (count,), generator=generator).bincount(minlength=len(networks)).tolist()
        of_class = () if class_ is None else (class_,)
        with torch.no_grad():
            parts = [
                network.draw(number, generator, *of_class)
                for network, number in zip(networks, of_row, strict=True)
                if number
            ]
        if not isinstance(parts[0], tuple):
            return as_inputs(torch.cat(parts))
        x_NCHW, class_N = (torch.cat(each) for each in zip(*parts, strict=True))
        return as_inputs((x_NCHW, class_N))

    @property
    def _draws_from_codes(self) -> bool:
        return hasattr(self.heads[0].network, "sample")

    @property
    def encodes(self) -> bool:
        return super().encodes or self._draws_from_codes

    def codes(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        if not self._draws_from_codes:
            return super().codes(rows)
        return self.asked(rows, lambda network, x: network.encode(x))  # type: ignore[operator]

    def drawn_from(self, code_NC: NDArray[np.float64], seed: int) -> NDArray[Any]:
        import torch

        from src.training.inputs import as_inputs

        with torch.no_grad():
            code = torch.from_numpy(code_NC.astype(np.float32))
            x = self.heads[0].network.sample(code, torch.Generator().manual_seed(seed))  # type: ignore[operator]
        rows = as_inputs(x)
        assert isinstance(rows, np.ndarray)
        return rows

    def asked(
        self, rows: pd.DataFrame, question: "Callable[[nn.Module, torch.Tensor], torch.Tensor]"
    ) -> NDArray[np.float64]:
        """What the first network answers to a question about rows of a `Table`, (N, ...)."""
        import torch

        from src.training.inputs import answers, rows_of

        fitted, network = self.card.preprocessing[0], self.heads[0].network
        chunks = inputs_of(fitted.vectorizer, rows, self.schema, CHUNK)
        if not len(rows):
            chunks = iter([fitted.vectorizer.transform(rows)])
        with torch.no_grad():
            parts = [
                answers(
                    rows_of(x_ND, torch.float32),
                    SEEN_AT_ONCE,
                    torch.device("cpu"),
                    lambda x: question(network, x),
                ).double()
                for x_ND in chunks
            ]
        answered: NDArray[np.float64] = torch.cat(parts).numpy()
        return answered

    def decoded(self, code_NC: NDArray[np.float64]) -> NDArray[np.float64]:
        import torch

        [head] = self.heads
        with torch.no_grad():
            rebuilt = head.network.decode(torch.from_numpy(code_NC.astype(np.float32)))  # type: ignore[operator]
        inputs_ND: NDArray[np.float64] = rebuilt.flatten(1).double().numpy()
        return inputs_ND


def _check_names(network: "nn.Module", weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Raise ValueError naming a weight that is missing, additional or of another shape than the network's."""
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: value.shape for name, value in weights.items()}
    for name in sorted(wanted.keys() | given.keys()):
        if name not in given:
            raise ValueError(f"the weight {name} is missing")
        if name not in wanted:
            raise ValueError(f"the weight {name} does not belong to this network")
        if wanted[name] != given[name]:
            raise ValueError(f"the weight {name} has the shape {given[name]}, the network's has {wanted[name]}")


def _broken(committee: Sequence[Mapping[str, NDArray[np.float32]]]) -> str | None:
    """The name of a weight that contains NaN or an infinity."""
    named = ((name, value) for weights in committee for name, value in weights.items())
    return next((name for name, value in named if not np.isfinite(value).all()), None)


def _predictions(
    frame: pd.DataFrame, fitted: Preprocessing, heads: "Sequence[Head]", schema: Schema
) -> NDArray[np.float64]:
    """The predictions of networks that share their preprocessing together, (N, K)."""
    import torch

    from src.training.inputs import answers, rows_of

    numbers = max(fitted.numbers, 1)

    def answer(x: Any) -> torch.Tensor:
        if isinstance(x, torch.Tensor) and x.shape[1] > numbers:
            # One long text makes all rows of a table as wide: what follows the last symbol of these is left out.
            x = x[:, : max(numbers, int(x.any(0).cumsum(0).argmax()) + 1)]
        said_MBK = np.stack([head.predictions(head.final_logits(x)).double().numpy() for head in heads])
        return torch.from_numpy(schema.problem_type.combined(said_MBK))

    parts = []
    size = max(min(CHUNK, NUMBERS // numbers), 1)
    with torch.no_grad():
        for inputs in inputs_of(fitted.vectorizer, frame, schema, size):
            x_ND = rows_of(inputs, torch.float32)
            width = x_ND.shape[1] if isinstance(x_ND, torch.Tensor) else 0
            seen = max(SEEN_AT_ONCE * numbers // max(numbers, width), 1)
            parts.append(answers(x_ND, seen, torch.device("cpu"), answer).numpy())
    p_NK = np.concatenate(parts) if parts else np.empty((0, schema.all_outputs))
    return restored(schema.split(p_NK), [fitted.target_scaler, *fitted.further_scalers])
