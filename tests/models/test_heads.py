"""Heads: the book's losses, penalties by their exact gradients, and modules that stand alone."""

import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from src.models.head import Head
from src.models.heads import HEADS
from src.models.regression import Regression
from src.models.types.registry import TYPES
from src.models.updates import OPTIMIZERS
from src.tracking.sources import code_behind
from src.training.self_check import check_gradient
from src.training.stacked import StackRefused
from tests.models.answers import PREDICTING, names_of, network_of, outputs_of, targets_of

ROOT = Path(__file__).resolve().parents[2]
every_type = pytest.mark.parametrize("kind", HEADS)
every_type_of_logits = pytest.mark.parametrize(
    "kind", [name for name, head in HEADS.items() if head.forward is Head.forward]
)
every_type_with_targets = pytest.mark.parametrize("kind", PREDICTING)


def _classes(logits_BK: torch.Tensor, y_BT: torch.Tensor) -> torch.Tensor:
    return functional.nll_loss(functional.log_softmax(logits_BK, 1), y_BT[:, 0].long(), reduction="none")


def _flags(logits_BK: torch.Tensor, y_BT: torch.Tensor) -> torch.Tensor:
    return functional.binary_cross_entropy(torch.sigmoid(logits_BK), y_BT, reduction="none").mean(1)


def _numbers(logits_BK: torch.Tensor, y_BT: torch.Tensor) -> torch.Tensor:
    return functional.mse_loss(logits_BK, y_BT, reduction="none").mean(1)


def _first_output(logits_BK: torch.Tensor, y_BT: torch.Tensor) -> torch.Tensor:
    return logits_BK[:, 0]


def _nats_of_a_character(bits_and_characters_BK: torch.Tensor, y_BT: torch.Tensor) -> torch.Tensor:
    bits_B, characters_B = bits_and_characters_BK.T
    return bits_B / torch.maximum(characters_B, torch.ones_like(characters_B)) / math.log2(math.e)


def _ratio(bits_and_dimensions_BK: torch.Tensor, y_BT: torch.Tensor) -> torch.Tensor:
    bits_B, dimensions_B = bits_and_dimensions_BK.T
    return torch.exp(torch.log(bits_B.abs()) - torch.log(dimensions_B.abs())) * bits_B.sign() * dimensions_B.sign()


# The loss of a row of each type, by other functions than the head's.
TEXTBOOK = {
    "binary": _flags,
    "multiclass": _classes,
    "multilabel": _flags,
    "regression": _numbers,
    "unit_interval_regression": _flags,
    "autoencode": _first_output,
    "language_model": _nats_of_a_character,
    "density": _ratio,
    "generate": _ratio,
    "cluster": _first_output,
}


def test_the_loss_of_every_type_has_an_independent_computation_here():
    missing = HEADS.keys() - TEXTBOOK.keys()
    assert not missing, (
        f"tests/models/test_heads.py: add an independent computation of the loss of {missing} to TEXTBOOK"
    )


def answers(kind: str, rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, targets and weights as a fold holds them."""
    torch.manual_seed(seed)
    logits_BK = 3 * torch.randn(rows, outputs_of(TYPES[kind]))
    return logits_BK, torch.from_numpy(targets_of(TYPES[kind], rows, seed)).float(), torch.rand(rows) + 0.1


def head_of(kind: str, seed: int = 0, **options: object):
    return HEADS[kind](network_of([TYPES[kind]], seed=seed), **options)


def batch_of(kind: str, rows: int = 11, seed: int = 0):
    _, y_BT, w_B = answers(kind, rows, seed)
    return torch.randn(rows, 4), y_BT, w_B


OTHER_LOSSES = {"absolute": functional.l1_loss, "huber": functional.huber_loss}


@pytest.mark.parametrize("loss", TYPES["regression"].losses)
def test_other_losses_of_numbers_are_torch_s_and_have_the_gradient_that_stacks_use(loss):
    logits_BK, y_BT, _ = answers("regression", 20, 0)
    head = Regression(nn.Identity(), criterion=loss)
    of_torch_B = OTHER_LOSSES[loss](logits_BK, y_BT, reduction="none").mean(1)
    torch.testing.assert_close(head.row_losses(logits_BK, y_BT), of_torch_B)
    check_gradient(head, y_BT.double(), logits_BK.shape[1])


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_smoothed_labels_deal_out_a_share_of_the_certainty_to_all_classes(kind):
    logits_BK, y_BT, _ = (part.double() for part in answers(kind, 20, 0))
    classes = max(logits_BK.shape[1], 2)
    head = HEADS[kind](nn.Identity(), label_smoothing=0.2)
    each_class = [torch.full_like(y_BT, c) for c in range(classes)]
    even_B = sum(TEXTBOOK[kind](logits_BK, of_class) for of_class in each_class) / classes
    expected_B = 0.8 * TEXTBOOK[kind](logits_BK, y_BT) + 0.2 * even_B
    torch.testing.assert_close(head.row_losses(logits_BK, y_BT), expected_B)
    check_gradient(head, y_BT, logits_BK.shape[1])


@every_type
@given(rows=st.integers(1, 20), seed=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_the_loss_of_a_row_is_the_textbooks(kind, rows, seed):
    logits_BK, y_BT, _ = answers(kind, rows, seed)
    # A sigmoid in float32 has lost what is left to 1.
    logits_BK, y_BT = logits_BK.double(), y_BT.double()
    losses_B = HEADS[kind](nn.Identity()).row_losses(logits_BK, y_BT)
    assert losses_B.shape == (rows,)
    torch.testing.assert_close(losses_B, TEXTBOOK[kind](logits_BK, y_BT), rtol=1e-7, atol=1e-9)


@every_type_of_logits
def test_the_loss_of_a_batch_is_the_weighted_mean_of_its_rows(kind):
    logits_BK, y_BT, w_B = answers(kind, 9, 1)
    head = HEADS[kind](nn.Identity())
    expected = (TEXTBOOK[kind](logits_BK, y_BT) * w_B).sum() / w_B.sum()
    torch.testing.assert_close(head.loss((logits_BK, y_BT, w_B)), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(head.loss((logits_BK, y_BT, 5 * w_B)), head.loss((logits_BK, y_BT, w_B)))


@every_type_of_logits
def test_the_gradient_of_a_row_s_loss_is_its_error_times_the_slope(kind):
    _, y_BT, _ = answers(kind, 9, 3)
    check_gradient(HEADS[kind](nn.Identity()), y_BT.double(), outputs_of(TYPES[kind]))


class HalfAsSteep(Regression):
    """As if somebody had forgotten the slope."""

    def slope(self, outputs: int) -> float:
        return 1 / outputs


def test_a_head_with_another_slope_is_named_with_the_way_out():
    with pytest.raises(
        StackRefused, match=r"HalfAsSteep: the gradient .* not `errors` times `slope`, by up to 2.0e\+00; override"
    ):
        check_gradient(HalfAsSteep(nn.Identity()), torch.zeros(3, 1), 1)


@every_type_with_targets
def test_losses_of_confidently_wrong_logits_stay_finite(kind):
    outputs = outputs_of(TYPES[kind])
    wrong = torch.full((2, outputs), -1e4)
    wrong[:, -1] = 1e4
    y_BT = torch.zeros(2, len(names_of(TYPES[kind])[1]))
    losses_B = HEADS[kind](nn.Identity()).row_losses(wrong, y_BT)
    assert torch.isfinite(losses_B).all()
    assert (losses_B > 1000).all()


@every_type
def test_predictions_are_probabilities_or_values(kind):
    logits_BK, _, _ = answers(kind, 30, 2)
    p_BK, type_ = HEADS[kind](nn.Identity()).predictions(logits_BK), TYPES[kind]
    if type_.unbounded or type_.targets == "none":
        assert torch.equal(p_BK, logits_BK)
        return
    assert ((p_BK > type_.lowest) & (p_BK < type_.highest)).all()
    if type_.single_label and p_BK.shape[1] > 1:
        torch.testing.assert_close(p_BK.sum(1), torch.ones(30))
        assert torch.equal(p_BK.argmax(1), logits_BK.argmax(1))
    elif type_.highest == 1:
        assert torch.equal(p_BK >= 0.5, logits_BK >= 0)


@given(l1=st.sampled_from([0.0, 1e-3, 0.1]), l2=st.sampled_from([0.0, 1e-2, 0.3]), kind=st.sampled_from([*PREDICTING]))
@settings(max_examples=25, deadline=None)
def test_penalty_gradients_are_those_that_autograd_finds_for_the_penalized_loss(l1, l2, kind):
    head, batch = head_of(kind, l1=l1, l2=l2), batch_of(kind)
    weights = [p for p in head.network.parameters() if p.ndim > 1]
    penalty = sum(l1 * w.abs().sum() + l2 * w.square().sum() for w in weights)
    expected = torch.autograd.grad(head.loss(batch) + penalty, list(head.parameters()), allow_unused=True)
    head.loss(batch).backward()
    head.on_before_optimizer_step(head.configure_optimizers())
    for p, gradient in zip(head.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, gradient, rtol=1e-4, atol=1e-6)


def test_biases_are_not_penalized():
    head, batch = head_of("binary", l1=1.0, l2=1.0), batch_of("binary")
    head.loss(batch).backward()
    before = {name: p.grad.clone() for name, p in head.named_parameters()}
    head.on_before_optimizer_step(head.configure_optimizers())
    for name, p in head.named_parameters():
        assert torch.equal(p.grad, before[name]) == name.endswith("bias")


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_every_optimizer_lowers_the_loss_by_itself_without_decay_of_its_own(name):
    head, batch = head_of("regression", optimizer=name, learning_rate=0.01), batch_of("regression")
    optimizer = head.configure_optimizers()
    assert optimizer.param_groups[0]["lr"] == 0.01
    assert optimizer.param_groups[0]["weight_decay"] == 0
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        losses.append(head.loss(batch))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0]


def test_rmsprop_has_the_settings_of_the_book():
    group = head_of("binary").configure_optimizers().param_groups[0]
    assert (group["lr"], group["alpha"], group["eps"], group["momentum"]) == (1e-3, 0.9, 1e-7, 0)


LIFTED = """
import importlib, pathlib, sys
for file in sorted(pathlib.Path("src").rglob("*.py")):
    if {"models", "networks"} & set(file.parts):
        importlib.import_module(".".join(file.with_suffix("").parts))
print(*sorted({"pandas", "mlflow", "prefect", "dvc", "great_expectations", "sklearn"} & set(sys.modules)))
from src.models.heads import HEADS
from src.networks import build_network
print(sorted(HEADS), build_network({"architecture": "mlp", "units": [3], "dropout": 0.1}, 2, 1))
"""


def test_models_and_networks_can_be_lifted_out_and_used_alone(tmp_path):
    needed: set[Path] = set()
    for room in ("models", "networks"):
        for path in (ROOT / "src" / room).rglob("*.py"):
            module = path.relative_to(ROOT)
            needed |= set() if module in needed else code_behind(module, ROOT)[0]
    for file in needed:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    run = subprocess.run([sys.executable, "-c", LIFTED], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[0] == ""
