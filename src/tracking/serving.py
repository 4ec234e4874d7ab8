"""A trained model as a folder that MLflow serves: code, pinned requirements, signature and example; no pickle."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from src.core.files import Layout
from src.saved.generator import classes_of
from src.saved.inference import prediction_columns
from src.saved.saved_model import load_model
from src.tables.table import Schema, read_schema
from src.tracking.sources import code_behind

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ParamSchema

EXAMPLE_ROWS, _LOOKED_AT = 5, 1000

_ROOT = Path(__file__).parents[2]
_LOADING, _DRAWING = Path("src/saved/saved_model.py"), Path("src/saved/generator.py")
_CODE = Path(__file__).with_name("pyfunc.py")
# Packages whose distribution has another name.
_DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml"}
_OUTPUT_TYPES = {"str": "string", "float64": "double", "int64": "long"}


def save_servable(folder: Path, layout: Layout, model: "Model") -> None:
    """Write the model of `evaluate` to `folder` in MLflow's format, described by `model`."""
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    from mlflow import pyfunc
    from mlflow.models.model import MLMODEL_FILE_NAME

    schema = read_schema(layout.train)
    asked = schema.problem_type
    parts = [code_behind(module, _ROOT) for module in ((_LOADING, _DRAWING) if asked.draws else (_LOADING,))]
    files, packages = (set[Any]().union(*sets) for sets in zip(*parts, strict=True))
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        for file in files:
            (Path(scratch) / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_ROOT / file, Path(scratch) / file)
        warnings.filterwarnings("ignore", module="mlflow")  # advice on type hints, which our signature makes idle
        pyfunc.save_model(
            folder,
            mlflow_model=model,
            python_model=_CODE,
            artifacts={"model": str(layout.model)},
            code_paths=[str(Path(scratch) / "src")],
            pip_requirements=pinned(packages),
            signature=signature_of(schema),
            input_example=_drawing_example(layout) if asked.generates else input_example(layout, schema),
        )
    flavor = model.flavors[pyfunc.FLAVOR_NAME]  # MLflow notes where the parts came from; nobody needs these paths
    flavor["model_code_path"] = _CODE.name
    flavor["artifacts"]["model"]["uri"] = flavor["artifacts"]["model"]["path"]
    model.save(str(folder / MLMODEL_FILE_NAME))


def pinned(packages: Iterable[str]) -> list[str]:
    """The versions that trained the model, without build labels (+cpu, +cu130)."""
    names = sorted(_DISTRIBUTIONS.get(package, package) for package in packages)
    return [f"{name}=={version(name).partition('+')[0]}" for name in names]


def signature_of(schema: Schema) -> "ModelSignature":
    """Raw feature columns in, predictions out, named as in predictions.parquet.

    Of a type that generates, how many rows and a seed in, a class where the problem has `given`, and rows out. Of
    another type that draws, the parameter `n` asks for so many new rows instead, by the parameter `seed`.

    A boolean may be missing here, but not in MLflow: boolean columns accept any type.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType
    from mlflow.types import Schema as Columns
    from mlflow.types.type_hints import AnyType

    types: dict[str, Any] = {
        "numeric": DataType.double,
        "categorical": DataType.string,
        "text": DataType.string,
        "token": DataType.string,
        "image": DataType.binary,
        "date": DataType.datetime,
        "boolean": AnyType(),
    }
    features = Columns([ColSpec(types[feature.type], feature.name) for feature in schema.features])
    if schema.problem_type.generates:
        asked: list[Any] = [ColSpec(DataType.long, "n"), ColSpec(DataType.long, "seed")]
        if schema.given is None:
            return ModelSignature(Columns(asked), features)
        drawn = (
            features
            if schema.given in features.input_names()
            else Columns([*features.inputs, ColSpec(DataType.string, schema.given)])
        )
        return ModelSignature(Columns([*asked, ColSpec(DataType.string, "given", required=False)]), drawn)
    predictions = prediction_columns(np.zeros((1, schema.all_outputs)), schema)
    return ModelSignature(
        features,
        Columns([ColSpec(_OUTPUT_TYPES[str(values.dtype)], str(name)) for name, values in predictions.items()]),
        _drawing_params() if schema.problem_type.draws else None,  # type: ignore[arg-type]
    )


def _drawing_params() -> "ParamSchema":
    from mlflow.types import DataType, ParamSchema, ParamSpec

    return ParamSchema([ParamSpec("n", DataType.long, 0), ParamSpec("seed", DataType.long, 0)])


def _drawing_example(layout: Layout) -> "pd.DataFrame":
    """A request for rows, of the first class where there are classes."""
    import pandas as pd

    example = pd.DataFrame({"n": [EXAMPLE_ROWS], "seed": [0]})
    classes = classes_of(load_model(layout.model))
    return example.assign(given=classes[0]) if classes else example


def input_example(layout: Layout, schema: Schema) -> "pd.DataFrame":
    """The features of the first training rows without gaps or, if all have gaps, of the first rows."""
    import pyarrow.parquet

    names = [feature.name for feature in schema.features]
    with pyarrow.parquet.ParquetFile(layout.train / "table.parquet") as file:
        rows = next(file.iter_batches(_LOOKED_AT, columns=names)).to_pandas()[names]
    complete = rows.dropna()
    return (rows if complete.empty else complete).head(EXAMPLE_ROWS).reset_index(drop=True)
