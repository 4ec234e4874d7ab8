"""Which models are registered, what they are made of, and which one is champion."""

import io
import json
import logging
import pickle
import pickletools
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.core.files import Layout, read_json
from src.tables.table import Schema
from src.tracking.serving import input_example, signature_of
from tests.tracking.conftest import evaluate, record, versions
from tests.tracking.result_files import Fruit, fruit_schema, fruit_table, network


def test_a_version_tells_its_scores_how_often_the_test_was_opened_and_its_content(recorded, client, runs):
    (version,) = versions(client).values()
    told = {"measure": "accuracy", "direction": "maximize", "model": "network", "answer": "use the network"}
    told |= {"cross-validated": "network 90.6% (84.4% to 96.9%), shallow model 87.5% (81.2% to 93.8%)"}
    assert told.items() <= version.tags.items()
    assert version.tags["sealed test"].endswith("; scored for the 1st time")
    (workflow,) = runs(workflow__key=version.tags["workflow.key"])
    assert version.run_id == workflow.info.run_id


def test_the_model_shows_once_on_the_runs_of_the_step_and_of_the_workflow(recorded, client, runs):
    (version,) = versions(client).values()
    record("evaluate", recorded)
    for run in (*runs(workflow__step="evaluate"), *runs(workflow__key=version.tags["workflow.key"])):
        outputs = client.get_run(run.info.run_id).outputs.model_outputs
        assert [f"models:/{output.model_id}" for output in outputs] == [version.source]


def test_the_same_model_with_the_same_evidence_is_not_registered_again(recorded, client, caplog):
    assert "is the champion already" in evaluate(recorded, caplog, Fruit())
    assert list(versions(client)) == [1]


def test_without_the_model_s_files_nothing_is_registered_and_the_line_says_why(recorded, client, caplog):
    (recorded.train / "table.parquet").unlink()
    with caplog.at_level(logging.INFO, "workflow"):
        record("evaluate", recorded)
    assert "table.parquet is missing" in caplog.text


def test_a_model_whose_registration_was_killed_is_registered_once(layout, client, monkeypatch):
    import mlflow

    class Killed(BaseException):
        pass

    def dies(*arguments, **options):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(mlflow.MlflowClient, "create_model_version", dies)
        with pytest.raises(Killed):
            record("evaluate", layout)
    record("evaluate", layout)
    experiment = client.get_experiment_by_name("fruit").experiment_id
    assert list(versions(client)) == [1]
    assert len(client.search_logged_models([experiment])) == 1


def folder_of(client):
    return Path(client.get_model_version_download_uri("fruit", "1").removeprefix("file://"))


def test_the_registered_model_holds_no_pickle(recorded, client):
    for path in folder_of(client).rglob("*"):
        if path.is_file():
            assert path.suffix not in (".pkl", ".pickle", ".joblib", ".pt", ".pth")
            assert not is_pickle(path.read_bytes()), path
    assert "loader_module: mlflow.pyfunc.loaders.code_model" in (folder_of(client) / "MLmodel").read_text()


def is_pickle(content: bytes) -> bool:
    """Whether `content`, a member of it were it an archive, or the data of an array of objects is a pickle."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        archive = zipfile.ZipFile(io.BytesIO(content))
        return any(is_pickle(archive.read(name)) for name in archive.namelist())
    if content.startswith(b"\x93NUMPY"):
        return b"'descr': '|O'" in content[:200]
    try:
        return content[:1] == b"\x80" and bool(list(pickletools.genops(content)))
    except ValueError:
        return False


def test_the_pickle_detector_detects(tmp_path):
    assert is_pickle(pickle.dumps({"a": 1}))
    np.savez(tmp_path / "objects.npz", objects=np.array(["x", None], dtype=object))
    np.savez(tmp_path / "numbers.npz", numbers=np.arange(3))
    assert is_pickle((tmp_path / "objects.npz").read_bytes())
    assert not is_pickle((tmp_path / "numbers.npz").read_bytes())
    assert not is_pickle(b"# a comment\n")


def test_the_requirements_are_the_pinned_packages_that_inference_imports(recorded, client):
    lines = (folder_of(client) / "requirements.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines)
    assert {"mlflow", "numpy", "pandas", "torch"} <= set(pins)
    assert not {"prefect", "dvc", "great-expectations", "matplotlib"} & set(pins)
    assert all("+" not in version for version in pins.values())


def test_the_code_beside_the_model_is_what_inference_needs(recorded, client):
    code = folder_of(client) / "code" / "src"
    assert (code / "saved" / "inference.py").exists()
    assert not (code / "tracking").exists()
    assert not (code / "report").exists()


def test_the_signature_names_the_raw_columns_and_the_predictions(recorded, client):
    from mlflow.models import Model

    signature = Model.load(str(folder_of(client))).signature
    kinds = {column["name"]: column["type"] for column in signature.inputs.to_dict()}
    assert kinds == {"weight": "double", "colour": "string", "ripe": "any", "picked": "datetime"}
    assert signature.outputs.input_names() == ["predicted", "probability__no", "probability__yes"]


@pytest.mark.parametrize(
    ("changes", "columns"),
    [
        ({}, ["probability__yes"]),
        (
            {"type": "multiclass", "classes": ["a", "b", "c"], "positive": None},
            ["probability__a", "probability__b", "probability__c"],
        ),
        (
            {"type": "multilabel", "targets": ["l", "m"], "classes": [], "positive": None},
            ["probability__l", "probability__m"],
        ),
        (
            {"type": "regression", "targets": ["t", "u"], "classes": [], "positive": None},
            ["predicted__t", "predicted__u"],
        ),
    ],
    ids=["binary", "multiclass", "multilabel", "vector regression"],
)
def test_measures_read_columns_that_every_type_of_problem_predicts(changes, columns):
    schema = Schema.model_validate(fruit_schema() | changes)
    assert schema.problem_type.measured_columns(schema.classes, schema.targets) == columns
    assert set(columns) <= set(signature_of(schema).outputs.input_names())


@pytest.fixture
def served(layout: Layout, client) -> Layout:
    """A recorded workflow with a real network, untrained."""
    import torch

    from src.kinds.tabular.vectorizer import TabularVectorizer
    from src.networks import build_network
    from src.saved.network_model import NetworkCard, NetworkModel

    schema = Schema.model_validate(fruit_schema())
    vectorizer = TabularVectorizer.fit(fruit_table(80), schema.features)
    inputs = vectorizer.transform(fruit_table(80)).shape[1]
    torch.manual_seed(0)
    body = build_network(network(8), inputs, 1)
    weights = {name: value.numpy() for name, value in body.state_dict().items()}
    card = NetworkCard(table=schema, vectorizer=vectorizer, target_scaler=None, network=network(8), inputs=inputs)
    (layout.model / "model.json").unlink()
    NetworkModel(card, [weights]).save(layout.model)
    record("evaluate", layout)
    return layout


@pytest.mark.slow
def test_the_registered_model_predicts_anywhere_with_the_code_it_was_registered_with(served, client, tmp_path):
    """In another directory, without the repository on the path, from the kind of rows a service is sent."""
    from src.saved.saved_model import load_model

    script = """
import importlib.util, json, sys
assert importlib.util.find_spec("src") is None, "the repository is on the path"
from mlflow.pyfunc import load_model
from mlflow.pyfunc.scoring_server import infer_and_parse_data
model = load_model(sys.argv[1])
rows = infer_and_parse_data(json.load(sys.stdin), model.metadata.get_input_schema())
print(model.predict(rows).to_json())
import src.saved.inference
assert src.saved.inference.__file__.startswith(sys.argv[1]), src.saved.inference.__file__
"""
    rows = fruit_table(40)[[feature["name"] for feature in fruit_schema()["features"]]]
    request = f'{{"dataframe_split": {rows.to_json(orient="split", date_format="iso")}}}'
    command = [sys.executable, "-P", "-c", script, str(folder_of(client))]
    done = subprocess.run(command, input=request, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    predicted = pd.DataFrame(json.loads(done.stdout)).reset_index(drop=True)
    expected = load_model(served.model).predict(rows)
    pd.testing.assert_frame_equal(predicted, expected, check_dtype=False, rtol=1e-6)


def test_the_example_has_the_features_and_nothing_of_the_target(layout):
    example = input_example(layout, Schema.model_validate(read_json(layout.train / "schema.json")))
    assert list(example.columns) == ["weight", "colour", "ripe", "picked"]
    assert len(example) == 5
