"""A prepared table read back: targets as numbers, weights of mean one, rows by their original position."""

import numpy as np
import pandas as pd
import pytest

from src.core.files import write_json
from src.tables.table import Feature, Schema, encode_targets, read_schema, read_table
from tests.training.examples import table_of

OUTPUTS = {"binary": 1, "multiclass": 3, "multilabel": 2, "regression": 2, "unit_interval_regression": 1}


@pytest.mark.parametrize(("kind", "outputs"), OUTPUTS.items())
def test_the_network_has_an_output_for_each_class_label_or_target(kind, outputs):
    assert table_of(kind).schema.outputs == outputs


def test_classes_are_numbered_in_the_order_of_the_schema():
    schema = table_of("multiclass").schema.model_copy(update={"classes": ["c", "a", "b"]})
    frame = pd.DataFrame({"t": pd.Series(["a", "b", "c", "a"], dtype="str")})
    assert encode_targets(frame, schema).tolist() == [[1.0], [2.0], [0.0], [1.0]]


@pytest.mark.parametrize("weights", [None, "trust"])
def test_a_table_is_read_back_with_its_weights_scaled_to_mean_one(tmp_path, weights):
    frame = pd.DataFrame(
        {"__row__": [4, 7, 9], "x": [1.0, None, 3.0], "a": [0.0, 1.0, 1.0], "b": [2.0, 2.5, 3.0], "trust": [1.0, 2, 6]}
    )
    schema = Schema(
        type="regression",
        features=[Feature(name="x", type="numeric")],
        targets=["b", "a"],
        classes=[],
        positive=None,
        groups=None,
        time=None,
        weights=weights,
    )
    frame.to_parquet(tmp_path / "table.parquet")
    write_json(tmp_path / "schema.json", schema.model_dump(mode="json"))
    table = read_table(tmp_path, read_schema(tmp_path))
    assert table.schema == schema
    assert len(table) == 3
    assert table.rows_N.tolist() == [4, 7, 9]
    assert table.y_NT.tolist() == [[2.0, 0.0], [2.5, 1.0], [3.0, 1.0]]
    np.testing.assert_allclose(table.w_N, [1 / 3, 2 / 3, 2] if weights else [1, 1, 1])
