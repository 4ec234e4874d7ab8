"""Predict the rows of a Parquet file with a registered model, as a process of its own.

A champion brings the code it was registered with. In a process that has imported this repository's code already it
would run with that instead: hence a script, run from another directory.
"""

import sys

import pandas as pd


def main(model: str, rows: str, predictions: str) -> None:
    from mlflow.pyfunc import load_model

    predicted = pd.DataFrame(load_model(model).predict(pd.read_parquet(rows)))
    predicted.to_parquet(predictions)


if __name__ == "__main__":
    main(*sys.argv[1:])
