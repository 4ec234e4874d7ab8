"""Networks that say which symbol comes next: causal, proper probabilities, and able to learn what n-grams cannot."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from src.models.kneser_ney import SPELLING_BITS, UNKNOWN
from src.models.scores import Likelihood
from src.networks import build_network

SYMBOLS = 7
NETWORKS: dict[str, dict[str, Any]] = {
    "lstm": {"architecture": "recurrent_language_model", "reader": "lstm", "units": [12], "embedding": 5},
    "two layers": {
        "architecture": "recurrent_language_model",
        "reader": "gru",
        "units": [12],
        "embedding": 5,
        "layers": 2,
    },
    "transformer": {"architecture": "causal_transformer", "units": [8, 8], "length": 30},
    "transformer with a short memory": {"architecture": "causal_transformer", "units": [8, 8], "length": 6},
}
every_network = pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)


def network_of(settings: dict[str, Any]) -> nn.Module:
    torch.manual_seed(0)
    return build_network(settings | {"symbols": SYMBOLS}, 20, 2).double().eval()


def rows(count: int = 6, places: int = 20) -> torch.Tensor:
    return torch.randint(1, SYMBOLS + 1, (count, places), generator=torch.Generator().manual_seed(1)).double()


@every_network
def test_a_later_symbol_changes_no_earlier_probability(settings: dict[str, Any]):
    network, x_BX = network_of(settings), rows()
    logits_BXV = network(x_BX)
    assert logits_BXV.shape == (6, 20, SYMBOLS)
    for place in (0, 7, 19):
        changed_BX = x_BX.clone()
        changed_BX[:, place] = changed_BX[:, place] % SYMBOLS + 1
        after_BXV = network(changed_BX)
        torch.testing.assert_close(after_BXV[:, : place + 1], logits_BXV[:, : place + 1], rtol=0, atol=1e-12)
        assert place == 19 or not torch.allclose(after_BXV[:, place + 1], logits_BXV[:, place + 1])


@every_network
def test_the_probabilities_of_all_texts_of_a_length_sum_to_one(settings: dict[str, Any]):
    """Every text of three symbols, after the same ones; a hidden context changes them and has no bits itself."""
    head = Likelihood(network_of(settings))
    texts = torch.cartesian_prod(*[torch.arange(1.0, SYMBOLS + 1)] * 3).double()
    before = -torch.tensor([[0.0, 3.0, 2.0]]).double().expand(len(texts), 3)
    with torch.no_grad():
        for x_BX in (texts, torch.cat([before, texts], 1)):
            bits_B, count_B = head(x_BX).T
            spelling_B = SPELLING_BITS * (x_BX == UNKNOWN).sum(1)
            assert float(torch.exp2(-(bits_B - spelling_B)).sum()) == pytest.approx(1, abs=1e-9)
            assert count_B.unique().tolist() == [3]


@every_network
def test_the_loss_is_the_cross_entropy_of_a_counted_symbol(settings: dict[str, Any]):
    network, x_BX = network_of(settings), rows()
    x_BX[:, 15:] = 0
    x_BX[:, :4] *= -1
    head = Likelihood(network)
    logits_BXV = network(x_BX)[:, 4:15]
    expected = functional.cross_entropy(
        logits_BXV.transpose(1, 2), x_BX[:, 4:15].long() - 1, reduction="none"
    ) + np.log(2) * SPELLING_BITS * (x_BX[:, 4:15] == UNKNOWN)
    torch.testing.assert_close(head.row_losses(head(x_BX), x_BX[:, :0]), expected.mean(1))


@every_network
def test_a_symbol_without_a_number_is_unknown(settings: dict[str, Any]):
    head, x_BX = Likelihood(network_of(settings)), rows()
    strange_BX, unknown_BX = x_BX.clone(), x_BX.clone()
    strange_BX[:, 4], unknown_BX[:, 4] = SYMBOLS + 5, UNKNOWN
    torch.testing.assert_close(head(strange_BX), head(unknown_BX))


@every_network
def test_symbol_by_symbol_a_network_says_what_it_says_of_whole_texts(settings: dict[str, Any]):
    network, x_BX = network_of(settings), rows()
    before_BX, state = functional.pad(x_BX, (1, 0)).long(), None
    logits_BXV = network(x_BX)
    for place in range(20):
        logits_BV, state = network.next(before_BX[:, place], state)
        torch.testing.assert_close(logits_BV, logits_BXV[:, place], rtol=0, atol=1e-6)


def test_a_text_longer_than_attention_reaches_is_read_by_halves():
    network, x_BX = network_of(NETWORKS["transformer with a short memory"]), rows(places=20)
    logits_BXV = network(x_BX)
    near_BX = x_BX.clone()
    near_BX[:, :12] = near_BX[:, :12] % SYMBOLS + 1
    torch.testing.assert_close(network(near_BX)[:, -1], logits_BXV[:, -1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["lstm", "two layers", "transformer"])
def test_a_small_network_learns_to_repeat_what_lies_behind(name: str):
    torch.manual_seed(0)
    network = build_network(NETWORKS[name] | {"units": [32] * len(NETWORKS[name]["units"]), "symbols": SYMBOLS}, 8, 2)
    head, optimizer = Likelihood(network), torch.optim.Adam(network.parameters(), 0.02)
    first_BX = torch.randint(2, SYMBOLS + 1, (256, 4), generator=torch.Generator().manual_seed(0)).float()
    x_BX = torch.cat([first_BX, first_BX], 1)
    for _ in range(150):
        optimizer.zero_grad()
        head.row_losses(head(x_BX), x_BX[:, :0]).mean().backward()
        optimizer.step()
    bits_B, _ = head(torch.cat([-first_BX, first_BX], 1)).T
    assert float(bits_B.mean()) / 4 < 0.5, "chance is 2.6"
