"""Step 1, define the problem: merge the problem file with the defaults, refuse what does not fit.

Each later step gets one small settings file with only what it reads, so a change reruns only what it touches. The
checksums of the problem's own files are apart for the same reason: a new file of another problem does not make this one
fetch its data again.
Book: "The universal workflow of machine learning", defining the problem and assembling a data set.
"""

from src.core.files import Layout, write_json
from src.problem.load import load_problem, settings_of
from src.problem.local_files import local_checksums
from src.problem.steps import STEP_SETTINGS


def define(layout: Layout) -> None:
    """Check `problems/<problem>.yaml` against `params.yaml` and write `results/<problem>/settings/*.json`, and
    `local_files.json` beside them."""
    problem = load_problem(layout)
    checksums = local_checksums(problem, layout.local)
    for step in STEP_SETTINGS:
        write_json(layout.settings(step), settings_of(problem, step))
    write_json(layout.local_files, checksums)


if __name__ == "__main__":
    from tasks.cli import main

    main(define)
