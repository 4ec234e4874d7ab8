"""Tell experiments with their own settings from runs of the problem as it stands."""

import os
import subprocess
import tempfile
from pathlib import Path

from src.core.errors import UserError
from src.core.files import Layout, write_text
from src.problem.load import load_problem
from src.tracking.settings import flat_settings, given_settings

EXPERIMENT = "DVC_EXP_NAME"


def settings_of_its_own(layout: Layout) -> dict[str, str]:
    """The settings by which an experiment differs from the problem as last committed; none for any other run.

    An experiment is a run of the flow with overrides, in its copy, or one of `dvc exp run`, which also writes the
    values of `-S` into the workspace's problem file. Both set DVC_EXP_NAME. Any other run uses the problem file as its
    owner left it, committed or not.
    """
    if EXPERIMENT not in os.environ:
        return {}
    committed = _committed_settings(layout)
    if committed is None:
        return {"the problem": "not in the last commit"}
    given = given_settings(layout)
    return {
        name: given.get(name, "not set") for name in {**committed, **given} if given.get(name) != committed.get(name)
    }


def _committed_settings(layout: Layout) -> dict[str, str] | None:
    """The settings of the last commit; None if it has no such problem or an invalid one."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Layout(layout.problem, Path(folder))
        for source, target in ((layout.params_file, copy.params_file), (layout.problem_file, copy.problem_file)):
            name = source.relative_to(layout.root).as_posix()
            shown = subprocess.run(["git", "-C", str(layout.root), "show", f"HEAD:./{name}"], capture_output=True)
            if shown.returncode != 0:
                return None
            write_text(target, shown.stdout.decode(encoding="utf-8", errors="replace"))
        try:
            return flat_settings(load_problem(copy).model_dump(mode="json", exclude={"engine"}))
        except UserError:
            return None
