"""A small repository with a problem and versions of its model in a registry, and tables to score."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml

from src.core.files import Layout
from src.networks import build_network
from src.preparation.fold import fit_fold
from src.saved.inference import Interval
from src.saved.network_model import NetworkCard, NetworkModel
from src.scoring.table import Order, Scored, score_table
from src.tables.columns import column_type
from src.tables.table import Feature, Schema, Table, encode_targets

ROOT = Path(__file__).resolve().parents[2]
PROBLEM = "fruit"
FEATURES = ["size", "weight", "colour", "ripe", "picked"]
NETWORK = {"architecture": "mlp", "units": [6], "activation": "relu", "dropout": 0.0}
HALF_WIDTH = 0.25


def fruit(rows: int = 60, seed: int = 0) -> pd.DataFrame:
    """Rows without fault: a key, features of every kind (only `size` has gaps) and a target of either type."""
    rng = np.random.default_rng(seed)
    size = rng.normal(5, 2, rows).round(3)
    picked = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, rows), "D")
    return pd.DataFrame(
        {
            "key": pd.Series([f"k{i}" for i in range(rows)], dtype="str"),
            "size": np.where(rng.random(rows) < 0.1, np.nan, size),
            "weight": rng.normal(100, 20, rows).round(2),
            "colour": pd.Series(rng.choice(["red", "green", "blue"], rows), dtype="str"),
            "ripe": pd.array(rng.random(rows) < 0.5, dtype="boolean"),
            "picked": pd.Series(picked).astype("datetime64[us]"),
            "sold": pd.Series(rng.choice(["no", "yes"], rows), dtype="str"),
            "price": rng.normal(3, 1, rows).round(2),
        }
    )


def fruit_model(kind: str, seed: int = 0, rows: pd.DataFrame | None = None) -> NetworkModel:
    """An untrained network on preprocessing that was fitted to `rows`, by default those of `fruit()`."""
    frame = fruit() if rows is None else rows
    binary = kind == "binary"
    schema = Schema(
        type=kind,
        features=[Feature(name=name, type=column_type(frame[name])) for name in FEATURES],
        targets=["sold" if binary else "price"],
        classes=["no", "yes"] if binary else [],
        positive="yes" if binary else None,
        groups=None,
        time=None,
        weights=None,
    )
    every = np.arange(len(frame))
    fold = fit_fold(Table(schema, frame, encode_targets(frame, schema), np.ones(len(frame)), every), every, every[:0])
    torch.manual_seed(seed)
    network = build_network(NETWORK, fold.x_AD.shape[1], 1)
    card = NetworkCard(
        table=schema,
        vectorizer=fold.vectorizer,
        target_scaler=fold.target_scaler,
        network=NETWORK,
        inputs=fold.x_AD.shape[1],
        interval=None if binary else Interval(coverage=0.95, half_widths=[HALF_WIDTH]),
    )
    return NetworkModel(card, [{name: value.numpy().copy() for name, value in network.state_dict().items()}])


@dataclass
class Repository:
    root: Path
    kind: str = "binary"

    @property
    def layout(self) -> Layout:
        return Layout(PROBLEM, self.root)

    def write_problem(self, **data: Any) -> None:
        """The problem file, with further keys of `data`."""
        self.layout.problem_file.parent.mkdir(exist_ok=True)
        problem = {
            "question": "Will it be sold?",
            "data": {"source": "file", "path": "fruit.csv", **data},
            "target": "sold" if self.kind == "binary" else "price",
            "type": self.kind,
        }
        self.layout.problem_file.write_text(yaml.safe_dump(problem))

    def copy(self, root: Path) -> "Repository":
        shutil.copytree(self.root, root)
        return Repository(root, self.kind)

    def write(self, table: str | pd.DataFrame, name: str = "new.csv") -> Path:
        """A table to score, in the format that the ending says."""
        path = self.root / name
        if isinstance(table, str):
            path.write_text(table)
        elif path.suffix == ".parquet":
            table.to_parquet(path, index=False)
        elif path.suffix == ".jsonl":
            path.write_text(table.to_json(orient="records", lines=True, date_format="iso"))
        else:
            table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
        return path

    def score(self, table: str | pd.DataFrame | Path, output: str = "out.csv", **options: Any) -> Scored:
        path = table if isinstance(table, Path) else self.write(table)
        return score_table(Order(PROBLEM, path, self.root / output, **options), self.root)

    def predictions(self, output: str = "out.csv") -> pd.DataFrame:
        path = self.root / output
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)

    def refusals(self, output: str = "out.csv") -> list[tuple[int, int | str, str, str]]:
        path = self.root / f"{output}.refused.csv"
        found = pd.read_csv(path, keep_default_na=False) if path.exists() else pd.DataFrame()
        return list(found.itertuples(index=False, name=None))


def make_repository(root: Path, empty_database: Path, kind: str, versions: int, champion: int | None) -> Repository:
    """A repository whose registry, made by MLflow, holds versions of the model."""
    from mlflow import MlflowClient

    repository = Repository(root, kind)
    repository.write_problem()
    shutil.copy(ROOT / "params.yaml", root / "params.yaml")
    shutil.copy(empty_database, root / "mlflow.db")
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    client.create_registered_model(PROBLEM)
    for number in range(1, versions + 1):
        folder = root / "mlartifacts" / f"version-{number}"
        fruit_model(kind, number).save(folder / "artifacts" / "model")
        client.create_model_version(PROBLEM, folder.as_uri(), await_creation_for=0)
    if champion is not None:
        client.set_registered_model_alias(PROBLEM, "champion", str(champion))
    return repository
