"""The flow `encode`: the codes of a table's rows by a trained model, from the Prefect UI.

From the shell, `python -m flows.encode` does the same with any file and without Prefect, see its `--help`.
"""

import sys

if __name__ == "__main__":
    from flows.commands.encode import main

    sys.exit(main(sys.argv[1:]))

from typing import Literal

from prefect import flow
from prefect.states import State

from flows import predict
from flows.arguments import ProblemName
from flows.running.outcome import outcome_as_state

check = predict.check


@flow(name="encode", flow_run_name="{problem}: {table}", persist_result=False)
@outcome_as_state
def encode(
    problem: ProblemName,
    table: str,
    output: str,
    model: str = "champion",
    refused: Literal["report", "stop"] = "report",
    strict: bool = False,
    keep: list[str] = [],  # noqa: B006 - read only
    overwrite: bool = False,
    reconstruct: bool = False,
) -> State:
    """Describe the rows of a table file by the codes of a trained model.

    Args:
        problem: one of the files in problems/.
        table: the rows, a .csv, .tsv, .parquet or .jsonl file; its path inside the repository's folder.
        output: a .csv or .parquet file for the codes; its path inside the repository's folder.
        model: champion, or the number of a version.
        refused: report encodes the rows that pass the data checks; stop encodes none if any row is refused.
        strict: also refuse rows with a warning: a gap, a category or a range that the model did not see in training.
        keep: columns of the table to carry into the output.
        overwrite: replace an existing output.
        reconstruct: also write each row as rebuilt from its code.
    """
    options = predict.Options(model, refused, strict, tuple(keep), overwrite, reconstruct)
    return predict.answered("encode", problem, table, output, options)
