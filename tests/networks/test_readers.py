"""Layers that read sequences: torch's own where there are such, and padding that never changes a result."""

import pytest
import torch
from torch import nn

from src.networks import build_network, configuration_of
from src.networks.readers import RECURRENT, Masked, Recurrent, reader_of
from src.networks.windows import WindowReader

OPTIONS = [
    ("embedding", {}),
    ("convolution", {}),
    ("transformer", {}),
    *((kind, {}) for kind in RECURRENT),
    ("gru", {"layers": 2, "bidirectional": True}),
    ("lstm", {"bidirectional": True, "recurrent_dropout": 0.3}),
    ("convolution_gru", {"bidirectional": True}),
]


@pytest.mark.parametrize(("kind", "options"), OPTIONS)
def test_what_is_not_real_never_changes_what_is_read(kind, options):
    torch.manual_seed(0)
    reader = reader_of(kind, 3, 8, **options).double().eval()
    x_BLE = torch.randn(4, 7, 3, dtype=torch.float64)
    lengths_B11 = torch.tensor([7, 4, 1, 0])[:, None, None]
    real_BL1 = (torch.arange(7)[:, None] < lengths_B11).double()
    read_BH = reader(x_BLE, real_BL1)
    assert read_BH.shape == (4, 8)
    other = torch.where(real_BL1 > 0, x_BLE, 100 * torch.randn_like(x_BLE))
    longer, more = (nn.functional.pad(of, (0, 0, 0, 5)) for of in (other, real_BL1))
    torch.testing.assert_close(reader(other, real_BL1), read_BH, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(reader(longer, more), read_BH, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_masked_layer_without_masks_is_torchs_own(kind):
    torch.manual_seed(0)
    masked = Masked(kind, 3, 5, 0.5).double().eval()
    own = RECURRENT[kind](3, 5, batch_first=True).double()
    own.load_state_dict(
        {
            f"{part}_{short}_l0": getattr(getattr(masked, name), part)
            for short, name in (("ih", "of_input"), ("hh", "of_state"))
            for part in ("weight", "bias")
        }
    )
    x_BLE = torch.randn(2, 6, 3, dtype=torch.float64)
    torch.testing.assert_close(masked(x_BLE)[0], own(x_BLE)[0], rtol=1e-12, atol=1e-12)


def test_recurrent_dropout_leaves_out_the_same_units_at_all_places_of_a_sequence():
    torch.manual_seed(0)
    masked = Masked("rnn", 1, 50, 0.5)
    with torch.no_grad():
        masked.of_state.weight.copy_(torch.eye(50))
        masked.of_state.bias.zero_()
    states_BLH = masked(torch.ones(3, 6, 1))[0]
    # A unit that never hears of its own state says the same at every place.
    stays_BH = (states_BLH.diff(dim=1).abs() < 1e-6).sum(1)
    assert set(stays_BH.unique().tolist()) <= {0, 5}
    assert 40 < int((stays_BH == 5).sum()) < 110
    assert not torch.equal(stays_BH[0], stays_BH[1])


def test_layers_stand_upon_one_another_and_directions_side_by_side_as_in_torch():
    torch.manual_seed(0)
    ours = Recurrent("gru", 3, 8, layers=2, bidirectional=True).double()
    own = nn.GRU(3, 4, 2, bidirectional=True, batch_first=True).double()
    state = {}
    for layer in range(2):
        for direction, suffix in ((ours.onward, ""), (ours.back, "_reverse")):
            state |= {f"{name[:-1]}{layer}{suffix}": value for name, value in direction[layer].state_dict().items()}
    own.load_state_dict(state)
    x_BLE = torch.randn(2, 6, 3, dtype=torch.float64)
    torch.testing.assert_close(ours.states(x_BLE, torch.ones_like(x_BLE[:, :, :1])), own(x_BLE)[0])


def test_two_directions_share_the_units_of_a_layer():
    with pytest.raises(ValueError, match="5 is odd"):
        Recurrent("gru", 3, 5, bidirectional=True)


def test_the_gradients_of_recurrent_layers_are_clipped():
    window = {"architecture": "window", "lookback": 4, "units": [6]}
    assert configuration_of(window | {"reader": "gru"}).clip_norm == 1.0
    assert configuration_of(window | {"reader": "dense"}).clip_norm is None
    assert configuration_of({"architecture": "mlp", "units": [6]}).clip_norm is None


def test_a_network_that_forecasts_the_change_follows_a_series_to_any_level():
    torch.manual_seed(0)
    network = {"architecture": "window", "lookback": 4, "reader": "dense", "units": [6], "relative": 1}
    built = build_network(network, 8, 1)
    assert isinstance(built, WindowReader)
    x_BLV = torch.randn(5, 4, 2)
    higher = x_BLV + torch.tensor([100.0, 0.0])
    torch.testing.assert_close(built(higher.flatten(1)), built(x_BLV.flatten(1)) + 100, rtol=1e-5, atol=1e-4)
