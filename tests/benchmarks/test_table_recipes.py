"""The recipes of tables train what they say."""

import json
import sys

import numpy as np
import pytest

from benchmarks import table_recipes


@pytest.mark.slow
def test_every_recipe_that_is_asked_for_is_trained_and_learns_something_of_its_own(tmp_path, monkeypatch, capsys):
    asked = ["today", "falling", "absolute"]
    file = tmp_path / "rows.json"
    monkeypatch.setattr(sys, "argv", ["table_recipes", "diabetes", "--recipes", *asked, "--json", str(file)])
    table_recipes.main()
    rows = json.loads(file.read_text())
    assert [row["recipe"] for row in rows] == asked
    measures = [row["measure"] for row in rows]
    assert len(set(measures)) == 3
    assert np.isfinite(measures).all()
    printed = capsys.readouterr().out
    assert all(f"| {row['recipe']} | {row['network']} |" in printed for row in rows)
