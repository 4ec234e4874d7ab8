"""The registered model as MLflow runs it: a script that MLflow copies next to the model and executes on loading.

Being code, it needs no pickle. It loads the model folder (preprocessing and network) and predicts raw rows, whose
columns have the names and types of the model's signature. Of a type that generates, it draws rows instead.
"""

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
        if not self.model.schema.problem_type.generates:
            return self.model.predict(model_input)
        from src.saved.generator import Drawing, sample

        asked = [Drawing.of({"n": int(row.n), "seed": int(row.seed)}) for row in model_input.itertuples()]
        return pd.concat([sample(self.model, each) for each in asked], ignore_index=True)


set_model(UniversalWorkflowModel())
