"""The flow `complete`: a trained language model completes a text, from the Prefect UI.

From the shell, `python -m flows.complete` does the same without Prefect, see its `--help`.
"""

import sys

if __name__ == "__main__":
    from flows.commands.complete import main

    sys.exit(main(sys.argv[1:]))

import os
from pathlib import Path
from typing import Annotated

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed, State
from pydantic import Field

from flows.arguments import ProblemName, check_problem
from flows.running.artifacts import key
from flows.running.outcome import outcome_as_state
from src.report.markdown import literal


@flow(name="complete", flow_run_name="{problem}: {n} texts", persist_result=False)
@outcome_as_state
def complete(
    problem: ProblemName,
    prompt: str = "",
    model: str = "champion",
    n: Annotated[int, Field(ge=1, le=100)] = 3,
    characters: Annotated[int, Field(ge=1, le=10_000)] = 200,
    temperature: Annotated[float, Field(ge=0, le=10)] = 1.0,
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0,
    seed: Annotated[int, Field(ge=0)] = 0,
) -> State:
    """Complete a text with a trained language model.

    Args:
        problem: one of the files in problems/.
        prompt: the beginning of the text.
        model: champion, or the number of a version.
        n: how many texts.
        characters: the most characters of each.
        temperature: 1 draws by the model's own probabilities, less favours the likely, 0 takes the likeliest.
        top_p: draw from the likeliest characters that have this share of the probability together.
        seed: the same gives the same texts.
    """
    from src.saved.completion import Completion
    from src.saved.completion import complete as completed
    from src.scoring.registered import find_model

    check_problem(problem)
    asked = Completion.of(
        {
            "prompt": prompt,
            "n": n,
            "characters": characters,
            "temperature": temperature,
            "top_p": top_p,
            "seed": seed,
        }
    )
    registered = find_model(problem, model, Path(os.environ.get("WORKFLOW_HOME", "")))
    texts = completed(registered.load(), asked)
    for text in texts:
        get_run_logger().info("%s", prompt + text)
    shown = ["<br>".join(map(literal, (prompt + text).split("\n"))) for text in texts]
    parts = [f"## {number}\n\n{text}" for number, text in enumerate(shown, start=1)]
    line = f"{len(texts)} texts by {registered}"
    create_markdown_artifact("\n\n".join(parts), key("complete", problem), line)
    return Completed(message=line)
