"""Lightning callbacks that are given to `fit` are called at the epochs that people expect, looped and stacked."""

from typing import Any, ClassVar

import pytest
from pytorch_lightning import Callback, LightningModule, Trainer

from src.models.measures import TABLE
from src.problem.training import Engine
from src.training import shards
from src.training.fit import fit
from src.training.members import Trained
from tests.training.examples import candidate, table_of
from tests.training.test_backends import assert_same_bits, members_of

ENGINE = Engine(workers=1, accelerator="cpu")
EPOCHS, PAUSE = 5, 2


class Calls(Callback):
    """Notes every call: its hook, the Trainer's epoch, and how many epochs the members' curves have then."""

    seen: ClassVar[list[tuple[str, int, set[int]]]] = []

    def _note(self, hook: str, trainer: Trainer, module: LightningModule) -> None:
        lengths = {len(course.curves["validation_loss"]) for course in module.courses}
        self.seen.append((hook, trainer.current_epoch, lengths))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._note("train_start", trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._note("epoch_start", trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._note("epoch_end", trainer, pl_module)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.seen.append(("fit_end", trainer.current_epoch, set()))


@pytest.fixture(params=["stacked", "looped"])
def backend(request, monkeypatch):
    """The way of training: no layer is narrow enough for a stack, or every one."""
    Calls.seen.clear()
    if request.param == "looped":
        monkeypatch.setattr(shards, "WIDEST_STACKED", 1)
    return request.param


def trained(table: Any, members: Any, **more: Any) -> list[Trained]:
    return fit(members, table, TABLE["accuracy"], ENGINE, "test", callbacks=[Calls()], **more)


def hooks(first: int, last: int) -> list[tuple[str, int]]:
    each = [(hook, epoch) for epoch in range(first, last) for hook in ("epoch_start", "epoch_end")]
    return [("train_start", first), *each, ("fit_end", last)]


def test_each_epoch_calls_once_with_its_number_and_its_curves(backend):
    table = table_of("binary")
    members = members_of(table, [candidate(epochs=EPOCHS)], parts=2)
    trained(table, members)
    trainers = 1 if backend == "stacked" else len(members)
    assert [call[:2] for call in Calls.seen] == hooks(0, EPOCHS) * trainers
    ended = [lengths for hook, epoch, lengths in Calls.seen if hook == "epoch_end" and epoch < EPOCHS - 1]
    assert ended == [{epoch + 1} for epoch in range(EPOCHS - 1)] * trainers


def test_after_a_pause_epochs_are_counted_on(backend):
    table = table_of("binary")
    members = members_of(table, [candidate(epochs=EPOCHS)], parts=2)
    before = trained(table, members, until=PAUSE)
    trainers = 1 if backend == "stacked" else len(members)
    assert [call[:2] for call in Calls.seen] == hooks(0, PAUSE) * trainers
    Calls.seen.clear()
    after = trained(table, members, resumed=before)
    assert [call[:2] for call in Calls.seen] == hooks(PAUSE, EPOCHS) * trainers
    assert all(len(of.history.validation) == EPOCHS for of in after)


def test_a_member_that_stops_early_ends_the_epochs_of_its_own_trainer_only(backend):
    table = table_of("binary")
    hasty, steady = candidate(patience=1, learning_rate=3.0, epochs=EPOCHS), candidate(epochs=EPOCHS)
    members = [of for of in members_of(table, [hasty, steady], parts=2) if of.fold == 0]
    lengths = [len(of.history.validation) for of in trained(table, members)]
    assert lengths[0] < lengths[1] == EPOCHS
    epochs = [epoch for hook, epoch, _ in Calls.seen if hook == "epoch_end"]
    assert epochs == (list(range(EPOCHS)) if backend == "stacked" else [e for of in lengths for e in range(of)])


class Stopping(Callback):
    """Ends every training after so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = trainer.current_epoch + 1 == self.epochs


def test_a_callback_may_end_a_training_which_can_go_on_later(backend):
    table = table_of("binary")
    members = members_of(table, [candidate(epochs=EPOCHS), candidate(epochs=EPOCHS, dropout=0.3)], parts=2)
    whole = trained(table, members)
    begun = fit(members, table, TABLE["accuracy"], ENGINE, "test", callbacks=[Stopping(3)])
    assert {len(of.history.validation) for of in begun} == {3}
    for one, other in zip(whole, trained(table, members, resumed=begun), strict=True):
        assert_same_bits(one, other)


class Failing(Callback):
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        raise RuntimeError(f"epoch {trainer.current_epoch}")


def test_what_a_callback_raises_is_not_hidden(backend):
    table = table_of("binary")
    with pytest.raises(RuntimeError, match="epoch 0"):
        fit(members_of(table, [candidate()])[:1], table, TABLE["accuracy"], ENGINE, "test", callbacks=[Failing()])
