"""Networks on top of layers that others have trained, the last of which learn on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from src.kinds.image.encoding import decoded, encode
from src.kinds.image.ladder import ladder, options
from src.models.heads import HEADS
from src.models.measures import TABLE
from src.models.schedules import Schedule
from src.networks import build_network, configuration_of
from src.networks.fine_tuned import ALONE, RATE, FineTuned, Frozen
from src.networks.parameter_groups import parameter_groups
from src.networks.pretrained import WEIGHTS, Pretrained
from src.preparation.fold import fit_fold
from src.problem.training import Engine, OverfitLadder, Training
from src.results.networks import Candidate
from src.saved.network_model import NetworkCard, NetworkModel
from src.saved.saved_model import load_model
from src.tables.protocols import Split
from src.tables.table import Table
from src.training.fit import fit
from src.training.looped import Steps
from src.training.members import Member, Trained
from tests.kinds.pictures import bars_frame, table_of
from tests.kinds.test_image import IMAGE, settings

NETWORK, SIDE = "squeezenet1_0", 32
SPLIT = Split(0, 0, np.arange(8), np.arange(8, 12))


def fine_tuned_table() -> Table:
    table = table_of(12, channels=3)
    features, _ = encode(table.frame, [IMAGE], settings(pretrained=NETWORK, fine_tune=2, size=SIDE))
    frame = decoded(table.frame, features)
    schema = table.schema.model_copy(update={"features": features})
    return Table(schema, frame, table.y_NT, table.w_N, table.rows_N)


def network(learnt: int, **changes: Any) -> dict[str, Any]:
    files = {NETWORK: WEIGHTS[NETWORK].stand_in}
    return {"architecture": "fine_tuned", "units": [4], "weights": files, "learnt": learnt, "dropout": 0.0} | changes


def member(table: Table, epochs: int, **changes: Any) -> Member:
    shared = {"optimizer": "rmsprop", "learning_rate": 0.01, "l1": 0.0, "l2": 0.1, "batch_size": 4, "epochs": epochs}
    return Member.of_split(Candidate(network=network(2, **changes), schedule="linear", **shared), SPLIT, 0)


def train(member: Member, table: Table, **options: Any) -> Trained:
    [trained] = fit([member], table, TABLE["accuracy"], Engine(workers=1), "bars", **options)
    return trained


def test_pictures_become_squares_in_colours_normalized_as_imagenets(weights: dict[str, Path]):
    table = fine_tuned_table()
    fold = fit_fold(table, SPLIT.training, SPLIT.validation)
    assert fold.x_AD.shape == (8, 3, SIDE, SIDE)
    np.testing.assert_allclose(fold.vectorizer.mean, [255 * of for of in (0.485, 0.456, 0.406)])
    assert [rung.learnt for rung in ladder(table.schema.features, OverfitLadder(), Training())] == [0, 1, 2]
    assert "colour" in options(table.schema.features)["augmentation"]


def test_the_head_learns_alone_at_first_then_the_last_blocks_with_it(weights: dict[str, Path]):
    table = fine_tuned_table()
    Pretrained.find(NETWORK)
    begun = build_network(network(2), 3, 1).state_dict()
    assert all(name.startswith(("blocks.", "dense.", "normalize.")) for name in begun)
    early, late = train(member(table, ALONE), table).weights, train(member(table, ALONE + 1), table).weights
    blocks = [name for name in begun if name.startswith("blocks.")]
    assert blocks
    for name in blocks:
        np.testing.assert_array_equal(early[name], begun[name].numpy())
        assert (late[name] != early[name]).any()
    weights_of_head = "dense.layers.0.weight"
    assert (early[weights_of_head] != late[weights_of_head]).any()


def test_a_training_that_pauses_before_the_blocks_learn_comes_out_the_same(weights: dict[str, Path]):
    table = fine_tuned_table()
    whole = member(table, ALONE + 2, augmentation="colour")
    paused = train(whole, table, until=ALONE)
    np.testing.assert_array_equal(train(whole, table, resumed=[paused]).predictions, train(whole, table).predictions)


def test_a_saved_model_answers_as_its_network_did(weights: dict[str, Path], tmp_path: Path):
    table = fine_tuned_table()
    trained = train(member(table, ALONE + 1), table)
    card = NetworkCard(
        table=table.schema,
        vectorizer=trained.vectorizer,
        target_scaler=None,
        network=trained.member.candidate.network,
        inputs=trained.inputs,
    )
    NetworkModel(card, [trained.weights]).save(tmp_path / "model")
    answers = load_model(tmp_path / "model").row_predictions(table.frame.iloc[SPLIT.validation])
    np.testing.assert_allclose(answers, trained.predictions, atol=1e-6)


def test_batch_norms_of_pretrained_layers_keep_their_statistics(weights: dict[str, Path]):
    Pretrained.find("mobilenet_v2")
    files = {"mobilenet_v2": WEIGHTS["mobilenet_v2"].stand_in}
    found = build_network(network(2, weights=files), 3, 1).train()
    before = {name: value.clone() for name, value in found.state_dict().items() if "running" in name}
    found(torch.rand(4, 3, SIDE, SIDE))
    changed = {name for name, value in before.items() if not torch.equal(value, found.state_dict()[name])}
    assert changed == {"normalize.running_mean", "normalize.running_var"}


def test_what_frozen_layers_find_does_not_depend_on_the_company_and_is_found_once():
    seen = []
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    layers.register_forward_hook(lambda *_: seen.append(1))
    frozen, pictures = Frozen(layers), torch.rand(5, 3, 8, 8)
    first = frozen.of_kept(pictures)
    assert torch.equal(frozen.of_kept(pictures.flip(0)), first.flip(0))
    assert len(seen) == 5
    frozen.room = 0
    torch.testing.assert_close(frozen.of_kept(pictures + 1), layers(pictures + 1))
    assert not first.requires_grad


def test_several_networks_stand_side_by_side(weights: dict[str, Path]):
    for name in WEIGHTS:
        Pretrained.find(name)
    both = {name: of.stand_in for name, of in WEIGHTS.items()}
    found = build_network(network(1, weights=both), 3, 2).eval()
    assert isinstance(found, FineTuned)
    assert found.dense.layers[0].in_features == 1280 + 512
    assert found(torch.rand(2, 3, SIDE, SIDE)).shape == (2, 2)
    assert configuration_of(network(1, weights=both)).text == "4 on mobilenet_v2 and squeezenet1_0, 1 block learning"
    assert (
        configuration_of(network(1, weights=both)).phrase
        == "4 units on mobilenet_v2 and squeezenet1_0, 1 block learning"
    )
    [rest, blocks] = parameter_groups(found)
    assert len(rest.parameters) == 4
    assert (blocks.rate, blocks.after, blocks.penalized) == (RATE, ALONE, False)
    assert len(rest.parameters) + len(blocks.parameters) == len(list(found.parameters()))


def test_grey_pictures_are_refused_by_the_network_and_made_coloured_by_the_encoding(weights: dict[str, Path]):
    [feature], choices = encode(bars_frame(3), [IMAGE], settings(pretrained=NETWORK, fine_tune="auto"))
    assert feature.encoding["channels"] == 3
    assert choices[0].chosen == "192 x 192, in colours"
    with pytest.raises(ValueError, match="3 channels, not 1"):
        build_network(network(1), 1, 1)


def test_a_rate_that_falls_is_the_members_at_first_and_would_be_zero_after_the_last_step():
    layer = nn.Linear(3, 1)
    steps = Steps(HEADS["regression"](layer, "sgd", 0.1), schedule=Schedule("linear", 4))
    momentum, moved = 0.0, []
    for _ in range(4):
        before = layer.weight.detach().clone()
        for p in layer.parameters():
            p.grad = torch.ones_like(p)
        steps.step(shared=False)
        momentum = 0.9 * momentum + 1
        moved.append((before - layer.weight.detach())[0, 0].item() / (0.1 * momentum))
    np.testing.assert_allclose(moved, [1, 0.75, 0.5, 0.25], rtol=1e-4)
