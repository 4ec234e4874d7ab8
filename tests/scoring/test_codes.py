"""Rows of a file are described by codes, given back from them, and joined by the rows in between."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from flows.commands import encode as encode_command
from flows.commands import interpolate as interpolate_command
from src.core.errors import UserError
from src.core.files import Layout
from src.kinds.tabular.encoding import _outcomes
from src.networks import build_network
from src.preparation.fold import fit_fold
from src.problem.load import load_problem
from src.saved.codes import Interpolation, encode, interpolate
from src.saved.network_model import NetworkCard, NetworkModel
from src.scoring import table as scored_table
from src.scoring import two_rows
from src.scoring.openapi import openapi, page
from src.scoring.registered import Registered
from src.scoring.requests import JSON, Request
from src.scoring.service import Service
from src.tables.columns import column_type
from src.tables.table import Feature, Schema, Table
from tests.kinds.pictures import table_of
from tests.scoring.repository import FEATURES, PROBLEM, ROOT, fruit, fruit_model

DENSE = {"units": [5], "activation": "relu", "dropout": 0.0}


def model_of(table: Table, network: dict[str, Any]) -> NetworkModel:
    """An untrained network of a table without targets."""
    every = np.arange(len(table))
    fold = fit_fold(table, every, every[:0])
    torch.manual_seed(0)
    made = build_network(network, inputs := _inputs(fold.x_AD), table.schema.all_outputs)
    weights = {name: value.numpy().copy() for name, value in made.state_dict().items()} | fold.start
    card = NetworkCard(
        table=table.schema, vectorizer=fold.vectorizer, target_scaler=None, network=network, inputs=inputs
    )
    return NetworkModel(card, [weights])


def _inputs(x_AD: Any) -> int:
    return x_AD.shape[1]


def without_target(type_: str, features: list[Feature], frame: pd.DataFrame, **more: Any) -> Table:
    nothing = dict.fromkeys(("positive", "groups", "time", "weights"))
    schema = Schema(type=type_, features=features, targets=[], classes=[], **nothing, **more)
    return Table(schema, frame, np.empty((len(frame), 0)), np.ones(len(frame)), np.arange(len(frame)))


def autoencoder(**code: Any) -> NetworkModel:
    frame = fruit()
    features = [Feature(name=name, type=column_type(frame[name])) for name in FEATURES]
    network = DENSE | {"architecture": "autoencoder", "noise": 0.0, "tied": False}
    network |= {"bits": True} if code.get("bits") else {}
    return model_of(without_target("autoencode", features, frame, **({"code": 3} | code)), network)


def density(architecture: str, **more: Any) -> NetworkModel:
    frame = fruit()
    features, _ = _outcomes(frame, [Feature(name=name, type=column_type(frame[name])) for name in FEATURES])
    table = without_target("density", features, frame)
    x_AI = fit_fold(table, np.arange(60), np.arange(0)).x_AD
    places = [int(x_AI[0, 2 * d + 1]) if feature.type != "numeric" else 0 for d, feature in enumerate(features)]
    places[FEATURES.index("picked")] = 0
    return model_of(table, DENSE | {"architecture": architecture, "places": places} | more)


def flow() -> NetworkModel:
    return density("tabular_flow", couplings=2, family="realnvp")


def pictures(type_: str = "autoencode") -> NetworkModel:
    table = table_of(12)
    code = {"code": 2} if type_ == "autoencode" else {}
    network = {"autoencode": "dense_picture_autoencoder", "density": "picture_variational"}[type_]
    settings = DENSE | {"architecture": network, "size": [8, 8]}
    settings |= {"noise": 0.0, "tied": False} if code else {"code": 2}
    [feature] = table.schema.features
    feature = feature.model_copy(update={"encoding": feature.encoding | {"unit": True}})
    return model_of(without_target(type_, [feature], table.frame, **code), settings)


@dataclass
class Folder:
    layout: Layout
    rows: Path

    def use(self, model: NetworkModel, monkeypatch: pytest.MonkeyPatch) -> Registered:
        """Let every command find this model."""
        model.save(self.layout.model)
        registered = Registered(PROBLEM, 1, True, self.layout.model)
        for module in (scored_table, two_rows):
            monkeypatch.setattr(module, "find_model", lambda *_: registered)
        return registered


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    layout = Layout(PROBLEM, tmp_path)
    layout.problem_file.parent.mkdir()
    problem = {"question": "What is it like?", "data": {"source": "file", "path": "fruit.csv"}, "type": "autoencode"}
    layout.problem_file.write_text(yaml.safe_dump(problem | {"code": 3}))
    layout.params_file.write_text((ROOT / "params.yaml").read_text())
    rows = tmp_path / "new.csv"
    fruit(9, seed=1).to_csv(rows, index=False)
    monkeypatch.chdir(tmp_path)
    return Folder(layout, rows)


@pytest.mark.parametrize("make", [autoencoder, flow, lambda: density("tabular_variational", code=2)])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_rows_of_a_file_get_codes_and_are_given_back(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, make: Any, ending: str
):
    model, output = make(), folder.layout.root / f"codes.{ending}"
    folder.use(model, monkeypatch)
    arguments = [PROBLEM, str(folder.rows), str(output), "--reconstruct", "--keep", "key"]
    assert encode_command.main(arguments) == 0
    written = pd.read_csv(output) if ending == "csv" else pd.read_parquet(output)
    assert written["row"].tolist() == list(range(9))
    assert written["key"].tolist() == fruit(9, seed=1)["key"].tolist()
    code_NC = model.codes(fruit(9, seed=1))
    np.testing.assert_allclose(written.filter(like="code__"), code_NC, rtol=1e-5)
    assert [name for name in written if name.startswith("rebuilt__")] == [f"rebuilt__{name}" for name in FEATURES]
    assert encode_command.main(arguments) == 1  # it replaces nothing unasked


def test_a_flow_gives_back_exactly_the_row_that_was_encoded():
    model, frame = flow(), fruit().dropna()
    told = encode(model, frame, reconstruct=True)
    assert len(told.filter(like="code__").columns) == len(FEATURES)
    for name in FEATURES:
        assert told[f"rebuilt__{name}"].tolist() == frame[name].tolist()


@pytest.mark.parametrize("make", [autoencoder, flow])
def test_rows_between_two_lie_on_a_line_in_code_from_one_to_the_other(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, make: Any
):
    model = make()
    folder.use(model, monkeypatch)
    output = folder.layout.root / "between.csv"
    arguments = [PROBLEM, str(folder.rows), str(output), "--rows", "4", "2", "--steps", "5"]
    assert interpolate_command.main(arguments) == 0
    written, frame = pd.read_csv(output), fruit(9, seed=1)
    assert list(written) == FEATURES
    assert len(written) == 5
    ends = encode(model, frame.iloc[[4, 2]], reconstruct=True)
    np.testing.assert_allclose(written["weight"].iloc[[0, -1]], ends["rebuilt__weight"], rtol=1e-5)
    assert interpolate_command.main(arguments) == 1
    assert interpolate_command.main([*arguments, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["between.csv", "--rows", "0", "9"], "has no row 9: it has 9, numbered from 0"),
        (["between.csv", "--steps", "1"], "steps: input should be greater than or equal to 2"),
        (["between.txt"], "give a file that ends in .csv or .parquet; of pictures a folder, or a .png"),
        (["between"], "this model gives rows of a table; give a file in .csv or .parquet"),
        (["new.csv"], "new.csv exists; give another output"),
    ],
)
def test_what_cannot_be_interpolated_is_refused(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: Any, arguments: list[str], message: str
):
    folder.use(autoencoder(), monkeypatch)
    assert interpolate_command.main([PROBLEM, str(folder.rows), *arguments]) == 1
    assert message in capsys.readouterr().err


def test_a_row_that_fails_the_checks_is_named(folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    folder.use(autoencoder(), monkeypatch)
    bad = folder.layout.root / "bad.csv"
    bad.write_text(folder.rows.read_text().replace("k1,", "k1,much", 1))
    assert interpolate_command.main([PROBLEM, str(bad), "between.csv"]) == 1
    assert "row 1 (line 3): 'size': " in capsys.readouterr().err


@pytest.mark.parametrize("type_", ["autoencode", "density"])
def test_pictures_go_to_a_folder_or_a_strip(folder: Folder, monkeypatch: pytest.MonkeyPatch, type_: str):
    folder.use(pictures(type_), monkeypatch)
    table = folder.layout.root / "new.parquet"
    table_of(3).frame[["image"]].to_parquet(table)
    assert interpolate_command.main([PROBLEM, str(table), "strip.png", "--steps", "4"]) == 0
    with Image.open("strip.png") as strip:
        assert strip.size == (4 * 8, 8)
        strip_HW = np.asarray(strip)
    assert interpolate_command.main([PROBLEM, str(table), "drawn", "--steps", "4"]) == 0
    files = sorted(Path("drawn").iterdir())
    assert [path.name for path in files] == ["0000.png", "0001.png", "0002.png", "0003.png"]
    assert np.array_equal(np.hstack([np.asarray(Image.open(path)) for path in files]), strip_HW)
    assert interpolate_command.main([PROBLEM, str(table), "drawn", "--overwrite"]) == 1
    assert interpolate_command.main([PROBLEM, str(table), "between.csv"]) == 1
    assert encode_command.main([PROBLEM, str(table), "codes.csv", "--reconstruct"]) == 0
    assert pd.read_csv("codes.csv")["rebuilt__image"].str.startswith("data:image/png").all()


def test_codes_of_bits_are_written_as_bits_and_have_nothing_in_between(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    model = autoencoder(bits=True)
    assert set(encode(model, fruit()).to_numpy().ravel()) <= {0, 1}
    assert list(encode(model, fruit())) == ["bit__1", "bit__2", "bit__3"]
    folder.use(model, monkeypatch)
    assert interpolate_command.main([PROBLEM, str(folder.rows), "between.csv"]) == 1
    assert "nothing lies between 0 and 1" in capsys.readouterr().err


def test_a_model_without_a_code_says_so():
    with pytest.raises(
        UserError, match="no code: models of type autoencode have one, and of type density, generate those with"
    ):
        encode(fruit_model("binary"), fruit())


def test_the_server_encodes_and_goes_from_row_to_row(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    model = autoencoder()
    registered = folder.use(model, monkeypatch)
    service = Service(load_problem(folder.layout), registered, folder.layout.expectations)
    frame = fruit(2, seed=1)[FEATURES].astype({"picked": "str"})
    rows = json.loads(frame.to_json(orient="records"))
    answer = json.loads(service.encode(Request(json.dumps(rows).encode(), JSON)).body)
    told = pd.DataFrame(answer["codes"])
    assert list(told) == ["row", "code__1", "code__2", "code__3"]
    np.testing.assert_allclose(told.iloc[:, 1:], model.codes(fruit(2, seed=1)), rtol=1e-5)
    between = json.loads(service.interpolate(json.dumps({"rows": rows, "steps": 3}).encode()).body)["rows"]
    expected = interpolate(model, model.codes(fruit(2, seed=1)), Interpolation(steps=3))
    assert [row["weight"] for row in between] == pytest.approx(expected["weight"].tolist(), rel=1e-5)
    bad = service.encode(Request(json.dumps([rows[0] | {"weight": "much"}]).encode(), JSON))
    assert bad.status == 400
    assert "1 row cannot be encoded; nothing was encoded" in json.loads(bad.body)["error"]
    for body in (b"{}", b'{"rows": [1, 2]}', json.dumps({"rows": [rows[0] | {"weight": "much"}, rows[1]]}).encode()):
        assert service.interpolate(body).status == 400
    paths = openapi(service)["paths"]
    assert {"/encode", "/interpolate"} <= paths.keys()
    example = paths["/interpolate"]["post"]["requestBody"]["content"][JSON]["examples"]["example"]["value"]
    assert service.interpolate(json.dumps(example).encode()).status == 200
    assert "POST /encode" in page(service)
    assert {"encode", "interpolate"} <= service.describe().keys()
