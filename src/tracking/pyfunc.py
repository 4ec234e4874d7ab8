"""The registered model as MLflow runs it: a script that MLflow copies next to the model and executes on loading.

Being code, it needs no pickle. It loads the model folder (preprocessing and network) and predicts raw rows, whose
columns have the names and types of the model's signature. Of a type that generates, it draws rows instead, and so does
any other that draws if the parameter `n` is not 0.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext


class UniversalWorkflowModel(PythonModel):
    def load_context(self, context: PythonModelContext) -> None:
        from src.saved.saved_model import load_model

        self.model = load_model(Path(context.artifacts["model"]))

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        if self.model.schema.problem_type.generates:
            requests = [_asked(request) for request in model_input.to_dict("records")]
        elif params and params.get("n"):
            requests = [_asked(params)]
        else:
            return self.model.predict(model_input)
        from src.saved.generator import Drawing, sample

        return pd.concat([sample(self.model, Drawing.of(each)) for each in requests], ignore_index=True)


def _asked(request: Mapping[Any, Any]) -> dict[str, Any]:
    """The settings of a drawing. MLflow gives NumPy's numbers, and NaN for a class that is not asked for."""
    asked: dict[str, Any] = {name: int(request[name]) for name in ("n", "seed")}
    given = request.get("given")
    return asked if pd.isna(given) else asked | {"given": str(given)}


set_model(UniversalWorkflowModel())
